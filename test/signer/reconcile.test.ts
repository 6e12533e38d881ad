// Given back only on proof: what findings release, what they settle, and what every lie among them is good for.
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SignerConnection, agentCall } from "../../client/signer.ts";
import type { Finding, Unresolved } from "../../protocol/finding.ts";
import { intentSchema } from "../../protocol/intent.ts";
import { Ledger } from "../../signer/ledger/ledger.ts";
import { pay as signNow } from "../../signer/pay.ts";
import { loadRails } from "../../signer/rails.ts";
import { reconcile as reconcileNow } from "../../signer/reconcile.ts";
import { unresolved as listUnresolved } from "../../signer/unresolved.ts";
import { Wallet } from "../../signer/wallet.ts";
import { sealFor } from "../../vault/handoff.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import {
  CANCELLED,
  ENDPOINTS,
  USED,
  agreed,
  deskOf,
  evmTrace,
  finding,
  hashOf,
  reconcile,
  unresolved,
} from "./findings.ts";
import { document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let home: SignerHome;
let signer: Signer;
let desk: SignerConnection;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  await start();
  await signer.apply(document({ maxReleasePerDay: "5.00" }));
});

afterEach(async () => {
  desk.close();
  await signer.close();
  home.remove();
});

async function start(): Promise<void> {
  signer = await home.start({ clock: () => now });
  await signer.unlock();
  desk = await deskOf(signer);
}

const pay = (name: string | number, changed = {}): Promise<string> =>
  outcomeOf(signer.sign(intent(name, changed)));
const record = (): Promise<LedgerRecord> => LedgerRecord.read(signer.operator);
const total = async (): Promise<bigint> => (await record()).counter("household|usd|total");

async function states(): Promise<string[]> {
  const { payments } = await agentCall(await signer.agent(), "history.list", {});
  return payments.map(({ state }) => state).reverse();
}

/** A payment of a cent that has expired two minutes ago. */
async function expired(name: string | number = 1, changed = {}): Promise<Unresolved> {
  expect(await pay(name, changed)).toBe("signed");
  now += 3 * MINUTE;
  return (await unresolved(desk)).find(({ id }) => id === idOf(name))!;
}

const told = async (findings: Finding[]): Promise<string[]> =>
  (await reconcile(desk, findings)).results.map(({ outcome, why }) => why ?? outcome);

describe("a payment that has expired", () => {
  it("is released when two endpoints show that it was never used, and never signed again", async () => {
    const payment = await expired();
    expect(payment).toMatchObject({ agent: "default", usd: "0.01", network: "eip155:84532" });
    const { results, released, head } = await reconcile(desk, agreed(payment));
    expect(results).toEqual([{ agent: "default", id: idOf(1), outcome: "released" }]);
    expect(released).toEqual({ limit: "5.00", today: "0.01" });
    expect(await states()).toEqual(["released"]);
    expect(await total()).toBe(0n);
    expect(await pay(1)).toBe("INTENT_FINAL");
    expect(await pay(1, { amount: "20000" })).toBe("INTENT_CONFLICT");
    expect(await unresolved(desk)).toEqual([]);
    const { rows } = await record();
    expect(rows.at(-1)).toMatchObject({ seq: head.seq, kind: "payment.released", id: idOf(1) });
    expect(JSON.stringify(rows.at(-1))).toContain(ENDPOINTS[1]);
    await restart();
    expect(await pay(1)).toBe("INTENT_FINAL");
    expect(await told(agreed(payment))).toEqual(["final"]);
    expect(await total()).toBe(0n);
  });

  it("is released when it was cancelled", async () => {
    const payment = await expired();
    expect(await told(agreed(payment, CANCELLED))).toEqual(["released"]);
    expect(await total()).toBe(0n);
  });

  it("is settled when two endpoints show that it was used, and stays counted", async () => {
    const payment = await expired();
    expect(await told(agreed(payment, USED))).toEqual(["settled"]);
    expect(await states()).toEqual(["settled"]);
    expect(await total()).toBe(10_000n);
    expect(await pay(1)).toBe("INTENT_FINAL");
    expect(await told(agreed(payment))).toEqual(["final"]);
    expect((await record()).counter("agent:default|unresolved|total")).toBe(0n);
  });

  async function restart(): Promise<void> {
    desk.close();
    await signer.close();
    await start();
  }
});

describe("nothing follows from", () => {
  const seen = (used: boolean, event?: "used" | "cancelled") => ({
    seen: { kind: "eip3009" as const, used, ...(event && { event }) },
  });
  const [ONE, TWO] = ENDPOINTS;
  const at = (payment: Unresolved, seconds: number, digit = 1) => ({
    block: { number: 1000, hash: hashOf(digit), time: evmTrace(payment).validBefore + seconds },
  });
  const cases: [string, string, (payment: Unresolved) => Finding[]][] = [
    ["one endpoint", "one-endpoint", (p) => [finding(p, ONE)]],
    ["one endpoint that says it twice", "one-endpoint", (p) => [finding(p, ONE), finding(p, ONE)]],
    ["one that says used and one unused", "disagreement", (p) => [finding(p, ONE, USED), finding(p, TWO)]],
    [
      "two that say unused against one that says used",
      "disagreement",
      (p) => [...agreed(p), finding(p, "https://three.example", USED)],
    ],
    ["blocks that are not final", "not-finalized", (p) => agreed(p, { finalized: false })],
    [
      "one block that is not final",
      "not-finalized",
      (p) => [finding(p, ONE), finding(p, TWO, { finalized: false })],
    ],
    ["blocks before the end", "too-early", (p) => agreed(p, at(p, -1))],
    ["blocks at the end", "too-early", (p) => agreed(p, at(p, 0))],
    ["one old block", "too-early", (p) => [finding(p, ONE), finding(p, TWO, at(p, -600))]],
    ["an authorization that is used or cancelled, nobody knows", "no-event", (p) => agreed(p, seen(true))],
    ["an event of an unused one", "contradiction", (p) => agreed(p, seen(false, "used"))],
    ["two blocks of one height", "disagreement", (p) => [finding(p, ONE), finding(p, TWO, at(p, 60, 2))]],
    ["another chain", "wrong-network", (p) => agreed(p, { network: "eip155:8453" })],
    [
      "one endpoint on another chain",
      "wrong-network",
      (p) => [finding(p, ONE), finding(p, TWO, { network: "eip155:1" })],
    ],
    ["findings of nobody's payment", "unknown", (p) => agreed({ ...p, id: idOf("other") })],
    ["findings of another agent's payment", "unknown", (p) => agreed({ ...p, agent: "other" })],
  ];
  it.each(cases)("%s: %s", async (_, why, findings) => {
    const payment = await expired();
    const before = await record();
    expect(await told(findings(payment))).toEqual([why]);
    const after = await record();
    expect(after.head).toEqual(before.head);
    expect(after.counters).toEqual(before.counters);
    expect(await states()).toEqual(["expired"]);
  });

  it("a payment that is alive by our clock, whatever time a block has", async () => {
    await pay(1);
    expect(await unresolved(desk)).toEqual([]);
    const trace = { kind: "eip3009", from: home.address, nonce: hashOf(1), validBefore: now / 1000 } as const;
    const payment = {
      agent: "default",
      id: idOf(1),
      network: "eip155:84532",
      trace,
    } as unknown as Unresolved;
    now += 59_999;
    const future = { block: { number: 9, hash: hashOf(9), time: Math.floor(now / 1000) + 1e6 } };
    expect(await told(agreed(payment, future))).toEqual(["alive"]);
    now += 1;
    expect(await told(agreed(payment, future))).toEqual(["released"]);
  });

  it("what was found of a draft, once there is a newer one", async () => {
    const payment = await expired();
    expect(await pay(1)).toBe("signed");
    expect(await told(agreed(payment))).toEqual(["alive"]);
    now += 3 * MINUTE;
    // Blocks after the first draft's end and before the second's.
    expect(await told(agreed(payment))).toEqual(["too-early"]);
    const [newest] = await unresolved(desk);
    expect(evmTrace(newest!).validBefore).toBeGreaterThan(evmTrace(payment).validBefore);
    expect(evmTrace(newest!).nonce).toBe(evmTrace(payment).nonce);
    expect(await told(agreed(newest!))).toEqual(["released"]);
    expect(await total()).toBe(0n);
  });

  it("an endpoint that is named by more than its origin, or by no URL", async () => {
    const payment = await expired();
    for (const endpoint of [
      "https://one.example/key",
      "https://one.example:443",
      "https://ONE.example",
      "https://u:p@one.example",
      "one",
    ])
      await expect(told([finding(payment, endpoint), finding(payment)])).rejects.toMatchObject({
        code: "INVALID_REQUEST",
      });
  });

  it("an agent's word, or the operator's", async () => {
    const payment = await expired();
    for (const connection of [await signer.agent(), signer.operator])
      for (const method of ["ledger.reconcile", "ledger.unresolved"])
        await expect(connection.call(method, { findings: agreed(payment) })).rejects.toMatchObject({
          code: "METHOD_NOT_FOUND",
        });
  });
});

describe("the release and a new draft", () => {
  /** The same signer without its sockets, so that the order of two events is ours. */
  async function bareWallet(): Promise<Wallet> {
    const payment = await expired();
    desk.close();
    await signer.close();
    const ledger = Ledger.open(home.state, {
      clock: () => now,
      isOver: () => false,
      onFault: (error) => {
        throw error;
      },
    });
    const wallet = new Wallet(ledger);
    wallet.useRails(await loadRails(wallet.scopes.policy));
    const { sealed, key } = home.vault.signingPart();
    using part = key;
    wallet.unlock({ ...sealFor(wallet.offer(), part, sealed), scope: {} }, {});
    expect(payment.id).toBe(idOf(1));
    return wallet;
  }
  const again = (wallet: Wallet) =>
    outcomeOf(
      signNow(wallet, { agent: "default", peer: undefined }, { intent: intentSchema.parse(intent(1)) }),
    );

  it("exclude each other: a release between the request and its commit wins", async () => {
    const wallet = await bareWallet();
    const [payment] = listUnresolved(wallet, {}).payments;
    const asked = again(wallet);
    expect(reconcileNow(wallet, agreed(payment!)).results).toMatchObject([{ outcome: "released" }]);
    expect(await asked).toBe("INTENT_FINAL");
    const drafts = [...wallet.ledger.rowsAfter(0)].filter(({ body }) => body.includes("payment.redrafted"));
    expect(drafts).toEqual([]);
    wallet.ledger.close();
    await start();
  });

  it("exclude each other: a draft that was committed first wins", async () => {
    const wallet = await bareWallet();
    const [payment] = listUnresolved(wallet, {}).payments;
    expect(await again(wallet)).toBe("signed");
    expect(reconcileNow(wallet, agreed(payment!)).results).toMatchObject([{ outcome: "left", why: "alive" }]);
    wallet.ledger.close();
    await start();
  });
});

describe("maxReleasePerDay", () => {
  it("is nothing when the document does not say", async () => {
    await signer.apply(document());
    const payment = await expired();
    const { results, released } = await reconcile(desk, agreed(payment));
    expect(results).toMatchObject([{ outcome: "left", why: "limit" }]);
    expect(released).toEqual({ limit: "0.00", today: "0.00" });
    // What settles gives nothing back.
    expect(await told(agreed(payment, USED))).toEqual(["settled"]);
  });

  it("bounds what endpoints that all lie can give back in a day, on record, over restarts", async () => {
    await signer.apply(document({ maxReleasePerDay: "0.05" }));
    for (let n = 0; n < 8; n++) await pay(n);
    now += 3 * MINUTE;
    const payments = await unresolved(desk);
    const outcomes = await told(payments.slice(0, 4).flatMap((payment) => agreed(payment)));
    expect(outcomes).toEqual(Array(4).fill("released"));
    desk.close();
    await signer.close();
    await start();
    expect(await told(payments.slice(4).flatMap((payment) => agreed(payment)))).toEqual([
      ...["released", "limit", "limit", "limit"],
    ]);
    expect((await record()).ofKind("payment.released")).toHaveLength(5);
    now += DAY;
    expect(await told(agreed(payments[5]!))).toEqual(["released"]);
    expect((await reconcile(desk, agreed(payments[0]!))).released).toEqual({ limit: "0.05", today: "0.01" });
  });

  it("lets a smaller payment through where a larger one does not fit", async () => {
    await signer.apply(document({ maxReleasePerDay: "0.02" }));
    const large = await expired(1, { amount: "30000" });
    const small = await expired(2, { amount: "20000" });
    expect(await told([...agreed(large), ...agreed(small)])).toEqual(["limit", "released"]);
  });
});

describe("a release", () => {
  const RULES = {
    maxReleasePerDay: "5.00",
    perDayMax: "5.00",
    perSessionMax: "5.00",
    budgets: [
      { name: "hour", limit: "1.00", window: "1h" },
      { name: "slow", count: 9, window: "1h" },
      { name: "payee", limit: "1.00", window: "7d", per: "recipient" },
      { name: "site", limit: "1.00", window: "day", per: "resource" },
    ],
    agents: { default: { perWeekMax: "2.00" } },
  };
  const counted = async (): Promise<string[]> =>
    (await record()).counters
      .filter(([key]) => !/unresolved|released|newKeys/.test(key))
      .map(([key, bucket, amount]) => `${key} ${bucket} ${amount}`);

  it("takes away exactly what was booked, in each bucket, and what others booked stays", async () => {
    await signer.apply(document(RULES));
    now = Date.UTC(2026, 10, 20, 23, 58, 30);
    await pay("other", { amount: "70000" });
    const before = await counted();
    // Counts today and tomorrow.
    await pay(1, { maxTimeoutSeconds: 120 });
    expect(await counted()).not.toEqual(before);
    now += 5 * MINUTE;
    const payment = (await unresolved(desk)).find(({ id }) => id === idOf(1))!;
    expect(await told(agreed(payment))).toEqual(["released"]);
    const zero = (line: string): boolean => !line.endsWith(" 0");
    expect((await counted()).filter(zero)).toEqual(before);
  });

  it("gives headroom back at once, of the unlock too", async () => {
    await signer.unlock({ spend: "0.03" });
    await signer.apply(document({ ...RULES, totalMax: "0.02" }));
    const payment = await expired(1, { amount: "20000" });
    expect(await pay(2)).toBe("BUDGET_EXCEEDED");
    await told(agreed(payment));
    expect((await signer.status()).unlock?.spendLeft).toBe("0.03");
    expect(await pay(2, { amount: "20000" })).toBe("signed");
  });

  it("gives back what a document that came later was filled with, and no later one counts it again", async () => {
    const payment = await expired();
    await expired(2);
    await signer.apply(document({ ...RULES, perMonthMax: "9.00" }));
    expect((await record()).counter("household|usd|month@UTC")).toBe(20_000n);
    await told(agreed(payment));
    expect((await record()).counter("household|usd|month@UTC")).toBe(10_000n);
    await signer.apply(document({ ...RULES, perWeekMax: "9.00" }));
    expect((await record()).counter("household|usd|week@UTC")).toBe(10_000n);
    expect(await total()).toBe(10_000n);
  });

  it("leaves windows that are over as they are, also after a checkpoint forgot them", async () => {
    await signer.apply(document(RULES));
    const payment = await expired();
    now += 40 * DAY;
    desk.close();
    await signer.close();
    await start();
    expect(await told(agreed(payment))).toEqual(["released"]);
    for (const [key, , amount] of (await record()).counters)
      expect([key, BigInt(amount) >= 0n]).toEqual([key, true]);
    expect(await total()).toBe(0n);
  });
});

describe("whatever happens in whatever order", () => {
  const DOCUMENTS = [
    {},
    { perDayMax: "5.00", budgets: [{ name: "hour", limit: "1.00", window: "1h" }] },
    { perWeekMax: "5.00", budgets: [{ name: "payee", limit: "4.00", window: "day", per: "recipient" }] },
  ];
  const step = fc.oneof(
    fc.record({ do: fc.constant("pay" as const), n: fc.nat(4) }),
    fc.record({ do: fc.constant("wait" as const), n: fc.constantFrom(1, 2, 45, 60 * 13) }),
    fc.record({ do: fc.constant("apply" as const), n: fc.nat(2) }),
    fc.record({ do: fc.constantFrom("release" as const, "settle" as const), n: fc.nat(4) }),
  );

  it("counters are those of what was not given back, and none is below zero", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const own = await SignerHome.make();
        let time = Date.UTC(2026, 10, 20, 22);
        const running = await own.start({ clock: () => time });
        const door = await deskOf(running);
        try {
          await running.unlock();
          await running.apply(document({ maxReleasePerDay: "5.00" }));
          for (const { do: act, n } of steps) {
            if (act === "wait") time += n * MINUTE;
            else if (act === "pay") await outcomeOf(running.sign(intent(n)));
            else if (act === "apply")
              await running.apply(document({ maxReleasePerDay: "5.00", ...DOCUMENTS[n] }));
            else {
              const payment = (await unresolved(door)).find(({ id }) => id === idOf(n));
              if (payment) await reconcile(door, agreed(payment, act === "settle" ? USED : {}));
            }
          }
          const kept = await LedgerRecord.read(running.operator);
          const count = (kind: string): number => kept.ofKind(kind).length;
          const cents = 10_000n * BigInt(count("payment.reserved") - count("payment.released"));
          const open = cents - 10_000n * BigInt(count("payment.settled"));
          expect(kept.counter("household|usd|total")).toBe(cents);
          expect(kept.counter("agent:default|unresolved|total")).toBe(open);
          for (const [key, , amount] of kept.counters)
            expect([key, BigInt(amount) >= 0n]).toEqual([key, true]);
        } finally {
          door.close();
          await running.close();
          own.remove();
        }
      }),
      { numRuns: 25 },
    );
  });
});
