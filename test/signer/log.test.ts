// The log: a line for each decision, with nothing in it that an agent or a seller chose but the intent's id; and a log
// that nobody reads stops no payment.
import { afterEach, beforeEach, expect, it } from "vitest";
import { type SignerProcess, SignerHome, outcomeOf } from "../counterparts/signer.ts";
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
  const lines = signer.output.split("\n").filter((line) => line.startsWith('{"at":"20'));
  const payments = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
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

it("that nobody reads any more stops no payment", async () => {
  const { stderr } = signer.running.process;
  stderr?.pause();
  await payMany(2000, "unread");
  stderr?.destroy();
  await payMany(200, "closed");
  expect(await signer.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  signer.disconnect();
});
