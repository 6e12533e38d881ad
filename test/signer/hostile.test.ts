// Clients that mean harm, against a signer in its own process: honest ones are served meanwhile, by count and not by
// the clock, and the signer is the same afterwards.
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { type SignerProcess, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";
import { RawClient } from "./raw-client.ts";
import { LedgerRecord } from "./record.ts";
import { formsIn } from "./secrets.ts";

let home: SignerHome;
let signer: SignerProcess;
let clients: RawClient[] = [];
let next = 0;

beforeAll(async () => {
  home = await SignerHome.make();
  const first = await home.spawn();
  await first.unlock();
  await first.apply(document({ totalMax: "100000.00", agents: { hostile: {} } }));
  await first.close();
  signer = await home.spawn({ args: ["--quiet"] });
  await signer.unlock();
  await signer.sign(intent("first"));
});

afterEach(async () => {
  for (const client of clients) client.close();
  await Promise.all(clients.map(({ closed }) => closed));
  clients = [];
  await expectHonestServed();
});

afterAll(async () => {
  const exit = await signer.kill("SIGTERM");
  signer.disconnect();
  expect(exit).toEqual({ code: 0, signal: null });
  expect(formsIn(signer.output, home.secrets())).toEqual([]);
  home.remove();
});

async function connect(agent = "hostile", options = {}): Promise<RawClient> {
  const client = await RawClient.connect(signer.socketOf(agent), options);
  clients.push(client);
  return client;
}

const memory = (field: "VmRSS" | "VmHWM"): number =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${signer.pid}/status`, "utf8"))?.[1]) /
  1024;

/** An old connection, a new one of the same agent and one of another, and the operator. */
async function expectHonestServed(): Promise<void> {
  expect(await outcomeOf(signer.sign(intent(`honest-${next++}`)))).toBe("signed");
  for (const agent of ["default", "hostile"]) {
    const client = await signer.connect(agent);
    const asked = agentCall(client, "payment.sign", { intent: intent(`honest-${next++}`) });
    expect([agent, await outcomeOf(asked)]).toEqual([agent, "signed"]);
    client.close();
  }
  expect((await signer.status()).state).toBe("unlocked");
}

const signLine = (n: number): string =>
  `${JSON.stringify({ jsonrpc: "2.0", id: n, method: "payment.sign", params: { intent: intent(`flood-${n}`) } })}\n`;

describe("a client that", () => {
  it("sends 100,000 requests and reads no reply is not read from any more, and costs little memory", async () => {
    const deaf = await connect("hostile", { deaf: true });
    let lines = "";
    for (let n = 0; n < 100_000; n++) {
      lines += signLine(n);
      if (lines.length > 1_000_000) {
        deaf.write(lines);
        lines = "";
      }
    }
    deaf.write(lines);
    for (let n = 0; n < 20; n++) await expectHonestServed();
    // What the signer has not taken stays with the sender.
    expect(deaf.socket.writableLength).toBeGreaterThan(1_000_000);
    expect(memory("VmHWM")).toBeLessThan(250);
  });

  it("sends what is costly to answer delays others by no more than a few of its own replies", async () => {
    const greedy = await connect();
    const history = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "history.list", params: { limit: 1000 } })}\n`;
    greedy.write(history.repeat(200));
    await greedy.reply();
    let replies = 1;
    const counting = (async (): Promise<void> => {
      for (; replies < 200; replies++) await greedy.reply();
    })();
    const before = replies;
    expect((await signer.status()).state).toBe("unlocked");
    expect(replies - before).toBeLessThan(50);
    await counting;
  });

  it("floods with payments waits for itself: another agent's payment comes with the next commits", async () => {
    const flood = await connect();
    const total = 4000;
    for (let n = 0; n < total; n++) flood.write(signLine(5_000_000 + n));
    await flood.reply();
    let replies = 1;
    const counting = (async (): Promise<void> => {
      for (; replies < total; replies++) await flood.reply();
    })();
    const before = replies;
    expect(await outcomeOf(signer.sign(intent(`honest-${next++}`)))).toBe("signed");
    expect(replies - before).toBeLessThan(1500);
    await counting;
  });

  it("asks for a hundred thousand payments over 250 connections keeps no new one out, and costs little memory", async () => {
    const all = await Promise.all([...Array(250).keys()].map(() => connect("hostile", { deaf: true })));
    all.forEach((client, c) => {
      client.write([...Array(400).keys()].map((n) => signLine(6_000_000 + c * 400 + n)).join(""));
    });
    for (let n = 0; n < 10; n++) await expectHonestServed();
    expect(memory("VmHWM")).toBeLessThan(250);
  });

  it("sends a byte at a time, for a hundred lines at once, is no reason to wait", async () => {
    const dripping = await Promise.all([...Array(100).keys()].map(() => connect()));
    const line = signLine(1_000_000);
    for (const character of line.slice(0, -2)) {
      for (const client of dripping) client.write(character);
      await new Promise(setImmediate);
    }
    await expectHonestServed();
    for (const client of dripping) client.write(line.slice(-2));
    const replies = await Promise.all(dripping.map((client) => client.reply()));
    for (const reply of replies) expect(reply).toMatchObject({ result: { outcome: "signed" } });
  });

  it("drips 64 KiB a byte at a time costs 64 KiB, not an object for each byte", async () => {
    const before = memory("VmRSS");
    const dripping = await Promise.all([...Array(20).keys()].map(() => connect()));
    for (let n = 0; n < 4000; n++) {
      for (const client of dripping) client.write("x");
      if (n % 8 === 0) await new Promise(setImmediate);
    }
    await expectHonestServed();
    expect(memory("VmRSS") - before).toBeLessThan(60);
  });

  it("opens 500 connections and says nothing on them keeps nobody out", async () => {
    for (let n = 0; n < 500; n++) await connect();
    await expectHonestServed();
    const busy = await connect();
    busy.write(signLine(2_000_000));
    expect(await busy.reply()).toMatchObject({ result: { outcome: "signed" } });
  });

  it("comes and goes a thousand times, in the middle of a line and of its replies, leaves nothing", async () => {
    for (let n = 0; n < 1000; n++) {
      const client = await RawClient.connect(signer.socketOf("hostile"), { deaf: n % 2 === 0 });
      client.write(signLine(3_000_000 + n) + signLine(4_000_000 + n).slice(0, 100));
      client.close();
      await client.closed;
      // The kernel's queue of connections is not the signer's: let it take them.
      if (n % 100 === 0) await expectHonestServed();
    }
  });

  it("sends nothing but garbage gets an error for each line, or is cut off", async () => {
    const babbling = await connect();
    babbling.write("garbage\n".repeat(1000));
    for (let n = 0; n < 1000; n++)
      expect(await babbling.reply()).toMatchObject({ error: { data: { code: "INVALID_REQUEST" } } });
    for (let n = 0; n < 50; n++) {
      const client = await connect("hostile", { halfOpen: true, deaf: true });
      client.write(n % 2 === 0 ? "y".repeat(200_000) : "\n".repeat(60_000));
    }
    await expectHonestServed();
  });
});

it("after all of that the record is whole, and has one reservation for every intent", async () => {
  const record = await LedgerRecord.read(signer.operator);
  const reserved = record.ofKind("payment.reserved");
  expect(new Set(reserved.map(({ agent, id }) => `${agent}/${id}`)).size).toBe(reserved.length);
  expect(record.counter("household|usd|total")).toBe(BigInt(reserved.length) * 10_000n);
});

it("a signer with no descriptors left goes on, and accepts again when there are some", async () => {
  const other = await SignerHome.make();
  onTestFinished(() => {
    other.remove();
  });
  const small = await other.spawn({ args: ["--quiet"], under: ["prlimit", "--nofile=64:64"] });
  await small.unlock();
  await small.apply(document());
  expect(await outcomeOf(small.sign(intent("before")))).toBe("signed");
  const many = await Promise.all([...Array(200).keys()].map(() => RawClient.connect(small.socketOf())));
  expect(await outcomeOf(small.sign(intent("meanwhile")))).toBe("signed");
  for (const client of many) client.close();
  await Promise.all(many.map(({ closed }) => closed));
  expect(await outcomeOf(small.sign(intent("after")))).toBe("signed");
  let again: string;
  do again = await outcomeOf(agentCall(await small.connect(), "payment.sign", { intent: intent("new") }));
  while (again === "SIGNER_UNREACHABLE");
  expect(again).toBe("signed");
  expect(await small.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  small.disconnect();
});
