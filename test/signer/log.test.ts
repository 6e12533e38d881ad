// The log: a line for each decision, with nothing in it that an agent or a seller chose but the intent's id; and a log
// that nobody reads stops no payment.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectSigner, observerCall, operatorCall } from "../../client/signer.ts";
import { OBSERVER_SOCKET, OPERATOR_SOCKET } from "../../protocol/places.ts";
import { VERSION } from "../../protocol/version.ts";
import { placeOf } from "../../signer/log.ts";
import { Pty, hasPty } from "../counterparts/pty.ts";
import { COMMAND, Signer, type SignerProcess, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, idOf, intent } from "./intents.ts";
import { formsIn } from "./secrets.ts";

let home: SignerHome;
let signer: SignerProcess;

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.spawn();
  await signer.unlock();
  await signer.apply(document());
});

afterEach(() => {
  home.remove();
});

/** Whole lines only: what is still on its way ends in the middle of one. */
const linesOf = (output: string): Record<string, unknown>[] =>
  output
    .slice(0, output.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const payMany = async (count: number, name: string): Promise<void> => {
  const all = [...Array(count).keys()].map((n) => outcomeOf(signer.sign(intent(`${name}-${n}`))));
  expect(new Set(await Promise.all(all))).toEqual(new Set(["signed"]));
};

it("has a line for each decision, and no secret", async () => {
  await signer.sign(intent(1));
  await signer.sign(intent(1));
  await signer.sign(
    intent(2, { claims: { url: "https://seller.example/secret-path?token=abc" }, amount: "9".repeat(30) }),
  );
  await signer.close();
  const payments = linesOf(signer.output)
    .filter(({ event }) => event === "payment")
    .map(({ at, seq, ...rest }) => ({ ...rest, signedAt: typeof at, row: typeof seq }));
  const peer = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
  const common = { event: "payment", agent: "default", network: "eip155:84532", signedAt: "string", peer };
  const first = { ...common, id: idOf(1), amount: "10000", outcome: "signed", row: "number" };
  const declined = { outcome: "declined", code: "BUDGET_EXCEEDED", rule: "totalMax", row: "undefined" };
  expect(payments).toEqual([
    { ...first, replayed: false },
    { ...first, replayed: true },
    { ...common, ...declined, id: idOf(2), amount: "9".repeat(30) },
  ]);
  expect(signer.output).not.toContain("seller.example");
  expect(signer.output).not.toContain("secret-path");
  expect(formsIn(signer.output, home.secrets())).toEqual([]);
});

it("has a line for each change of state, and for a fault of ours, with who asked", async () => {
  await operatorCall(signer.operator, "agent.freeze", {});
  await operatorCall(signer.operator, "agent.unfreeze", {});
  await signer.lock();
  await signer.close();
  const peer = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
  const told = linesOf(signer.output).map(
    ({ at: _at, hash: _hash, generation: _generation, ...rest }) => rest,
  );
  expect(told).toEqual([
    { event: "ledger.created" },
    { event: "listening", version: VERSION, agents: ["default"] },
    { event: "vault.unlocked", peer },
    { event: "policy.applied", version: 1, peer },
    { event: "agent.frozen", agent: "*", peer },
    { event: "agent.unfrozen", agent: "*", peer },
    { event: "vault.locked", reason: "the operator locked", peer },
  ]);
});

it("names an error of ours by its kind and place, and never repeats its message", () => {
  const error = new TypeError("cannot read 0xSECRET of undefined");
  const { name, at } = placeOf(error);
  expect([name, at?.includes("log.test.ts")]).toEqual(["TypeError", true]);
  expect(JSON.stringify(placeOf(error))).not.toContain("SECRET");
  expect(placeOf("0xSECRET")).toEqual({ name: "string" });
});

describe("a log that nobody reads", () => {
  it("stops no payment; what it did not take is counted and told", async () => {
    const { stderr } = signer.running.process;
    stderr?.pause();
    await payMany(8000, "unread");
    const observer = await connectSigner(join(home.sockets, OBSERVER_SOCKET));
    const { droppedLogLines } = await observerCall(observer, "metrics.get", {});
    observer.close();
    expect(droppedLogLines).toBeGreaterThan(1000);
    const told = new Promise<void>((resolve) => {
      stderr?.on("data", () => {
        if (signer.output.includes("log.dropped")) resolve();
      });
    });
    stderr?.resume();
    // The next line after there is room again says how many are missing.
    while (!signer.output.includes("log.dropped")) await Promise.race([told, payMany(1, randomUUID())]);
    const { lines } = linesOf(signer.output).find(({ event }) => event === "log.dropped") as {
      lines: number;
    };
    expect(lines).toBeGreaterThanOrEqual(droppedLogLines);
    await signer.close();
  });

  it("because its reader left, stops neither payments nor an orderly end", async () => {
    signer.running.process.stderr?.destroy();
    await payMany(200, "closed");
    expect(await signer.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    signer.disconnect();
  });

  it("because its pipe is full, does not hold up the end", async () => {
    signer.running.process.stderr?.pause();
    await payMany(2000, "full");
    expect(await signer.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    signer.disconnect();
  });
});

it.skipIf(!hasPty)("on a terminal that somebody paused stops no payment", async () => {
  await signer.close();
  const env = { PATH: process.env["PATH"], HOME: home.folder };
  const command = [process.execPath, COMMAND, "--home", home.state, "--sockets", home.sockets];
  const terminal = new Pty(command, env);
  await terminal.expect("next: x402-vault unlock");
  const operator = await connectSigner(join(home.sockets, OPERATOR_SOCKET));
  const paused = new Signer(home, { close: () => terminal.status() }, operator);
  terminal.type("\x13"); // Ctrl-S
  await paused.unlock();
  const all = [...Array(500).keys()].map((n) => outcomeOf(paused.sign(intent(`paused-${n}`))));
  expect(new Set(await Promise.all(all))).toEqual(new Set(["signed"]));
  terminal.type("\x11\x03"); // Ctrl-Q, Ctrl-C
  await paused.close();
});
