// The observer sees what happens, and nothing that leads to a payment.
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, connectSigner, observerCall, operatorCall } from "../../client/signer.ts";
import { type SignerEvent, signerEventSchema } from "../../protocol/observed.ts";
import { OBSERVER_SOCKET } from "../../protocol/places.ts";
import { MAX_SUBSCRIBERS } from "../../signer/feed.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, idOf, intent } from "./intents.ts";
import { RawClient } from "./raw-client.ts";

let home: SignerHome;
let signer: Signer;
const path = (): string => join(home.sockets, OBSERVER_SOCKET);

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.start();
  await signer.unlock();
  await signer.apply(document({ agents: { research: {} } }));
});
afterEach(async () => {
  await signer.close();
  home.remove();
});

/** Subscribes; `next` is the next event's parameters. */
async function subscriber() {
  const client = await RawClient.connect(path());
  client.send("s", "events.subscribe", {});
  expect(await client.reply()).toEqual({ jsonrpc: "2.0", id: "s", result: {} });
  const next = async (): Promise<SignerEvent> => {
    const { method, params } = (await client.reply()) as unknown as { method: string; params: unknown };
    expect(method).toBe("event");
    return signerEventSchema.parse(params);
  };
  return { client, next };
}

describe("an observer", () => {
  it("is told of decisions and changes of state as they happen, without ids", async () => {
    const { client, next } = await subscriber();
    const agent = await signer.agent();
    const { session } = await agentCall(agent, "session.open", { policy: {} });
    await signer.sign(intent("one"), { session });
    await signer.sign(intent("one"), { session });
    await signer.sign(intent("two", { amount: "9".repeat(20) }));
    await operatorCall(signer.operator, "agent.freeze", { agent: "research" });
    await operatorCall(signer.operator, "agent.unfreeze", { agent: "research" });
    await signer.apply(document());
    await signer.lock();
    const events: SignerEvent[] = [];
    while (events.at(-1)?.event !== "vault.locked") events.push(await next());
    const payment = { event: "payment", agent: "default", network: "eip155:84532" };
    const signed = { ...payment, amount: "10000", outcome: "signed", seq: expect.any(Number) as number };
    const declined = { outcome: "declined", code: "BUDGET_EXCEEDED", rule: "totalMax" };
    expect(events.map(({ at: _at, ...rest }) => rest)).toEqual([
      { ...signed, replayed: false },
      { ...signed, replayed: true },
      { ...payment, amount: "9".repeat(20), ...declined },
      { event: "agent.frozen", agent: "research" },
      { event: "agent.unfrozen", agent: "research" },
      { event: "policy.applied", version: 2, hash: expect.any(String) as string },
      { event: "vault.locked", reason: "the operator locked" },
    ]);
    for (const secret of [idOf("one"), idOf("two"), session, "signature"])
      expect(client.text).not.toContain(secret);
    client.close();
  });

  it("reads the history of all agents without the ids by which a payment could be asked for again", async () => {
    const { session } = await agentCall(await signer.agent(), "session.open", { policy: {} });
    await signer.sign(intent("one"), { session });
    const observer = await connectSigner(path());
    const { payments } = await observerCall(observer, "history.list", {});
    expect(payments).toMatchObject([{ agent: "default", amount: "10000", state: "reserved" }]);
    const all = JSON.stringify([
      payments,
      await observerCall(observer, "signer.status", {}),
      await observerCall(observer, "budget.get", { agent: "research" }),
      await observerCall(observer, "metrics.get", {}),
    ]);
    for (const secret of [idOf("one"), session, "signature"]) expect(all).not.toContain(secret);
    observer.close();
  });

  it("gets counts by outcome and code", async () => {
    await signer.sign(intent("one"));
    await signer.sign(intent("one"));
    await signer.sign(intent("two", { amount: "9".repeat(20) }));
    expect(await outcomeOf(signer.sign(intent("one", { amount: "20000" })))).toBe("INTENT_CONFLICT");
    const observer = await connectSigner(path());
    const metrics = await observerCall(observer, "metrics.get", {});
    expect(metrics).toMatchObject({
      payments: { signed: 1, replayed: 1, declined: 1, held: 0 },
      declines: { BUDGET_EXCEEDED: 1 },
      errors: { INTENT_CONFLICT: 1 },
      commits: { count: 2, payments: 2 },
      connections: { "agent.sock": { open: 1 }, "observer.sock": { open: 1 }, "operator.sock": { open: 1 } },
      subscribers: 0,
      droppedLogLines: 0,
    });
    const { p50, p99, max } = metrics.commits.ms;
    expect(0 < p50 && p50 <= p99 && p99 <= max).toBe(true);
    observer.close();
  });
});

describe("a subscriber", () => {
  it("that does not read is closed, and nobody waits for it", async () => {
    const { client, next } = await subscriber();
    const slow = await RawClient.connect(path(), { deaf: true });
    slow.send(1, "events.subscribe", {});
    for (let round = 0; ; round++) {
      for (let i = 0; i < 400; i++) void outcomeOf(signer.sign(intent(`r${round}-${i}`)));
      await signer.sign(intent(`last-${round}`));
      const observer = await connectSigner(path());
      const { subscribers } = await observerCall(observer, "metrics.get", {});
      observer.close();
      if (subscribers === 1) break;
      expect(round).toBeLessThan(40);
    }
    // Who reads has missed nothing.
    expect((await next()).event).toBe("payment");
    slow.close();
    client.close();
  });

  it("is one of a bounded number, once a connection, and gives its place back", async () => {
    const all = [];
    for (let i = 0; i < MAX_SUBSCRIBERS; i++) {
      const { client } = await subscriber();
      all.push(client);
      client.send(1, "events.subscribe", {});
      const again = i === MAX_SUBSCRIBERS - 1 ? "BUSY" : "INVALID_REQUEST";
      expect((await client.reply()).error?.data.code).toBe(again);
    }
    const one = await RawClient.connect(path());
    one.send(1, "events.subscribe", {});
    expect((await one.reply()).error?.data.code).toBe("BUSY");
    all[1]!.close();
    await all[1]!.closed;
    for (;;) {
      one.send(3, "events.subscribe", {});
      const { error } = await one.reply();
      if (!error) break;
      expect(error.data.code).toBe("BUSY"); // the signer has yet to see the end
    }
    for (const client of [one, ...all]) client.close();
  });
});
