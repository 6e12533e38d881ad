// Payments that wait for a person: what an agent, a desk and a clock can make of them. Every attack comes first.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SignerConnection, agentCall, deskCall, operatorCall } from "../../client/signer.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import type { SignResult } from "../../protocol/shapes.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { deskOf } from "./findings.ts";
import { OTHER_PAYEE, PAYEE, document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const MINUTE = 60_000;
const TOTAL = "household|usd|total";
const HELD = "agent:default|held|total";
const DEAR = { amount: "2000000" };

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  home = await SignerHome.make();
  now = Date.parse("2026-11-20T12:00:00Z");
  signer = await home.start({ clock: () => now });
  await signer.apply(rules());
  await signer.unlock();
});
afterEach(async () => {
  await signer.close();
  home.remove();
});

const rules = (changed: object = {}) =>
  document({ perDayMax: "100.00", approve: { above: "1.00", deskMax: "3.00" }, ...changed });
const restart = async () => {
  await signer.close();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
};
const ask = (name: string, changed: Partial<WireIntent> = DEAR, agent = "default") =>
  signer.sign(intent(name, changed), { agent });
const outcome = (name: string, changed: Partial<WireIntent> = DEAR, agent = "default") =>
  outcomeOf(ask(name, changed, agent));
const list = async () => (await operatorCall(signer.operator, "approval.list", {})).approvals;
const approve = (approval: string, ceiling?: string) =>
  operatorCall(signer.operator, "approval.approve", { approval, ...(ceiling && { remember: { ceiling } }) });
const deny = (approval: string) => operatorCall(signer.operator, "approval.deny", { approval });
const used = async (key: string) => (await LedgerRecord.read(signer.operator)).counter(key);
const codeOf = async (asked: Promise<unknown>): Promise<string> => {
  try {
    await asked;
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};
async function hold(name: string, changed: Partial<WireIntent> = DEAR, agent = "default"): Promise<string> {
  const result: SignResult = await ask(name, changed, agent);
  if (result.outcome !== "held") throw new Error(JSON.stringify(result));
  return result.approval;
}
const stateOf = async (name: string, waitMs = 0, connection?: SignerConnection) =>
  await agentCall(connection ?? (await signer.agent()), "approval.get", { id: idOf(name), waitMs });

describe("a payment that waits", () => {
  it("takes its budget, signs nothing, is the same when it is asked for again, and is signed once approved", async () => {
    const approval = await hold("one");
    expect(await hold("one")).toBe(approval);
    expect([await used(TOTAL), await used(HELD)]).toEqual([2_000_000n, 2_000_000n]);
    expect(await stateOf("one")).toMatchObject({
      approval,
      state: "held",
      check: { code: "APPROVAL_AMOUNT", holds: true },
    });
    expect(await approve(approval)).toMatchObject({ outcome: "approved" });
    expect(await stateOf("one")).toMatchObject({ approval, state: "approved" });
    now += MINUTE;
    const signed = await ask("one");
    expect(signed).toMatchObject({
      outcome: "signed",
      replayed: false,
      payload: { authorization: { to: PAYEE, value: "2000000" } },
    });
    expect(await ask("one")).toMatchObject({ outcome: "signed", replayed: true });
    expect([await used(TOTAL), await used(HELD)]).toEqual([2_000_000n, 0n]);
    expect(await used("agent:default|unresolved|total")).toBe(2_000_000n);
    expect(await list()).toEqual([]);
  });

  it("shows who asks whom for how much, why, and the limits without it", async () => {
    const approval = await hold("one");
    expect(await list()).toMatchObject([
      {
        ...{ approval, state: "held", agent: "default", id: idOf("one"), usd: "2.00", payTo: PAYEE },
        claims: { origin: "https://api.example.com", path: "/data" },
        why: [{ rule: "approve.above", code: "APPROVAL_AMOUNT" }],
        expiresAt: "2026-11-20T12:30:00.000Z",
      },
    ]);
    const [{ budgets } = { budgets: [] }] = await list();
    expect(budgets.find(({ rule }) => rule === "perDayMax")).toMatchObject({ used: "0.00", left: "100.00" });
  });

  it("gives its budget back to the unit when it is denied or its time is over, without anybody asking", async () => {
    await ask("small", {});
    await deny(await hold("no"));
    expect([await used(TOTAL), await used(HELD)]).toEqual([10_000n, 0n]);
    expect([await outcome("no"), await outcome("no")]).toEqual(["APPROVAL_DENIED", "APPROVAL_DENIED"]);
    await hold("late");
    await approve(await hold("approved"));
    now += 30 * MINUTE - 1;
    expect(await used(TOTAL)).toBe(4_010_000n);
    now += 1;
    const left = (await signer.status()).scopes[0]?.left.find(({ rule }) => rule === "perDayMax");
    expect(left).toMatchObject({ used: "0.01" });
    expect([await outcome("late"), await outcome("approved")]).toEqual([
      "APPROVAL_EXPIRED",
      "APPROVAL_EXPIRED",
    ]);
    expect([await used(TOTAL), await used(HELD)]).toEqual([10_000n, 0n]);
    expect(await stateOf("late")).toEqual({ approval: expect.any(String) as string, state: "lapsed" });
  });

  it("moves with time: what it booked yesterday is today's when it is signed today", async () => {
    await signer.apply(
      rules({
        approve: { above: "1.00", expires: "2d" },
        budgets: [{ name: "hour", limit: "50.00", window: "1h" }],
      }),
    );
    const approval = await hold("one");
    const inDays = async (window: string) =>
      (await LedgerRecord.read(signer.operator)).counters.filter(
        ([key]) => key.startsWith("household") && key.includes(window),
      );
    expect((await inDays("|day@")).map(([, , amount]) => amount)).toEqual(["2000000"]);
    now += 30 * MINUTE;
    await approve(approval);
    now += 24 * 60 * MINUTE;
    expect(await outcome("one")).toBe("signed");
    expect((await inDays("|day@")).map(([, , amount]) => amount).filter((amount) => amount !== "0")).toEqual([
      "2000000",
    ]);
    await approve(await hold("two"));
    now += 30 * MINUTE;
    expect(await outcome("two")).toBe("signed");
    const hour = (await inDays("|1h")).filter(
      ([, bucket, amount]) => amount !== "0" && bucket * MINUTE > now - 61 * MINUTE,
    );
    expect(hour.map(([, , amount]) => amount)).toEqual(["2000000", "2000000"]);
  });
});

describe("an approval binds", () => {
  it("no other amount, payee or agent, and no second payment", async () => {
    await approve(await hold("one"));
    for (const changed of [{ amount: "2000001" }, { ...DEAR, payTo: OTHER_PAYEE }, { ...DEAR, claims: {} }])
      expect(await outcome("one", changed)).toBe("INTENT_CONFLICT");
    expect(await outcome("two")).toBe("APPROVAL_AMOUNT");
    const both = await Promise.all([ask("one"), ask("one"), ask("one")]);
    expect(new Set(both.map((result) => JSON.stringify("payload" in result && result.payload))).size).toBe(1);
    expect(both.filter((result) => result.outcome === "signed" && !result.replayed)).toHaveLength(1);
    expect(await used(TOTAL)).toBe(4_000_000n);
  });

  it("once: not when it was decided, used, denied or lapsed, nor what never was", async () => {
    const one = await hold("one");
    await approve(one);
    expect(await codeOf(approve(one))).toBe("APPROVAL_DECIDED");
    await ask("one");
    expect([await codeOf(approve(one)), await codeOf(deny(one))]).toEqual([
      "APPROVAL_DECIDED",
      "APPROVAL_DECIDED",
    ]);
    const two = await hold("two");
    await deny(two);
    expect([await codeOf(approve(two)), await codeOf(deny(two))]).toEqual([
      "APPROVAL_DECIDED",
      "APPROVAL_DECIDED",
    ]);
    const three = await hold("three");
    now += 31 * MINUTE;
    expect(await codeOf(approve(three))).toBe("APPROVAL_DECIDED");
    expect(await codeOf(approve("a1"))).toBe("APPROVAL_UNKNOWN");
    expect(await codeOf(approve("a999999"))).toBe("APPROVAL_UNKNOWN");
    expect(await codeOf(agentCall(await signer.agent(), "approval.get", { id: idOf("none") }))).toBe(
      "APPROVAL_UNKNOWN",
    );
  });

  it("can be taken back before it is used", async () => {
    const one = await hold("one");
    await approve(one);
    await deny(one);
    expect([await outcome("one"), await used(TOTAL)]).toEqual(["APPROVAL_DENIED", 0n]);
  });

  it("is no permit: freeze, lists, limits and locks are asked again, and it waits for them", async () => {
    const one = await hold("one");
    await operatorCall(signer.operator, "agent.freeze", {});
    expect(await approve(one)).toMatchObject({ outcome: "declined", check: { code: "SIGNER_FROZEN" } });
    await operatorCall(signer.operator, "agent.unfreeze", {});
    await approve(one);
    await operatorCall(signer.operator, "agent.freeze", {});
    expect(await outcome("one")).toBe("SIGNER_FROZEN");
    await operatorCall(signer.operator, "agent.unfreeze", {});
    for (const [changed, code] of [
      [{ blockedRecipients: [PAYEE] }, "RECIPIENT_BLOCKED"],
      [{ perDayMax: "1.99" }, "DAILY_BUDGET_EXCEEDED"],
      [{ perCallMax: "1.00" }, "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT"],
      [{ allowedNetworks: ["base"] }, "CHAIN_NOT_ALLOWED"],
    ] as const) {
      await signer.apply(rules(changed));
      expect(await outcome("one")).toBe(code);
    }
    await signer.lock();
    expect(await outcome("one")).toBe("SIGNER_LOCKED");
    await signer.unlock();
    await signer.apply(rules({ approve: { above: "0.01", newRecipient: true } }));
    expect(await outcome("one")).toBe("signed");
  });

  it("is not given over a budget that others have not got either", async () => {
    await signer.apply(rules({ perDayMax: "5.00" }));
    const [one, two] = [await hold("one"), await hold("two")];
    expect(await outcome("three")).toBe("DAILY_BUDGET_EXCEEDED");
    expect(await outcome("small", { amount: "1000000" })).toBe("signed");
    expect(await outcome("smaller", {})).toBe("DAILY_BUDGET_EXCEEDED");
    await approve(one);
    await approve(two);
    expect([await outcome("one"), await outcome("two")]).toEqual(["signed", "signed"]);
    expect(await used(TOTAL)).toBe(5_000_000n);
  });
});

describe("whoever may decide", () => {
  it("is the operator, and a desk up to deskMax: no agent, and no remembering by a desk", async () => {
    const desk = await deskOf(signer);
    const [two, four] = [await hold("two"), await hold("four", { amount: "4000000" })];
    const { approvals } = await deskCall(desk, "approval.list", {});
    expect(approvals.map(({ approval, id }) => [approval, id])).toEqual([
      [two, undefined],
      [four, undefined],
    ]);
    expect(await codeOf(deskCall(desk, "approval.approve", { approval: four }))).toBe("APPROVAL_ABOVE_DESK");
    const remembering = desk.call("approval.approve", { approval: two, remember: { ceiling: "9.00" } });
    expect(await codeOf(remembering)).toBe("INVALID_REQUEST");
    expect(await deskCall(desk, "approval.approve", { approval: two })).toMatchObject({
      outcome: "approved",
    });
    await deskCall(desk, "approval.deny", { approval: four });
    expect([await outcome("two"), await outcome("four", { amount: "4000000" })]).toEqual([
      "signed",
      "APPROVAL_DENIED",
    ]);
    await signer.apply(rules({ approve: { above: "1.00" } }));
    const three = await hold("three");
    expect(await codeOf(deskCall(desk, "approval.approve", { approval: three }))).toBe("APPROVAL_ABOVE_DESK");
    for (const method of ["approval.approve", "approval.deny", "approval.list"])
      expect(await codeOf((await signer.agent()).call(method, { approval: three }))).toBe("METHOD_NOT_FOUND");
    desk.close();
  });

  it("cannot be made to wait by one agent: holds are few, and at most half of what is shared", async () => {
    await signer.apply(rules({ perDayMax: "20.00", agents: { research: {} } }));
    await restart();
    for (let i = 0; i < 5; i++) await hold(`flood${i}`, DEAR, "research");
    expect(await outcome("flood5", DEAR, "research")).toBe("TOO_MANY_HOLDS");
    expect(await outcome("mine", { amount: "1000000" })).toBe("signed");
    await signer.apply(rules({ perDayMax: "1000.00", agents: { research: {} } }));
    for (let i = 6; i < 17; i++) await hold(`flood${i}`, DEAR, "research");
    expect(await outcome("flood17", DEAR, "research")).toBe("TOO_MANY_HOLDS");
    expect(await hold("mine2")).toMatch(/^a\d+$/);
    const other = await codeOf(agentCall(await signer.agent(), "approval.get", { id: idOf("flood0") }));
    expect(other).toBe("APPROVAL_UNKNOWN");
  });
});

describe("waiting", () => {
  it("is woken by the decision, by the time and by the end of the signer", async () => {
    const one = await hold("one");
    const waiter = await signer.connect();
    const told = stateOf("one", 60_000, waiter);
    const listed = operatorCall(signer.operator, "approval.list", {
      after: (await operatorCall(signer.operator, "approval.list", {})).at,
      waitMs: 60_000,
    });
    await approve(one);
    expect(await told).toMatchObject({ state: "approved" });
    expect((await listed).approvals).toMatchObject([{ approval: one, state: "approved" }]);
    await hold("two");
    const never = stateOf("two", 60_000, waiter);
    await stateOf("two", 0, waiter);
    const closing = signer.running.close();
    expect(await never).toMatchObject({ state: "held" });
    await closing;
    signer = await home.start({ clock: () => now });
  });
});

describe("the record", () => {
  it("keeps what waits, what was decided and what is held through restarts, locks and new documents", async () => {
    const [one, two] = [await hold("one"), await hold("two")];
    await approve(one);
    await restart();
    expect((await list()).map(({ approval, state }) => [approval, state])).toEqual([
      [one, "approved"],
      [two, "held"],
    ]);
    expect(await hold("two")).toBe(two);
    await signer.apply(rules({ perWeekMax: "4.00", timezone: "Europe/Athens" }));
    expect(await outcome("three", { amount: "100000" })).toBe("WEEKLY_BUDGET_EXCEEDED");
    await deny(two);
    expect(await outcome("three", { amount: "100000" })).toBe("signed");
    expect(await outcome("one")).toBe("signed");
    const { counters } = await LedgerRecord.read(signer.operator);
    const open = counters.filter(([key]) => key.includes("|usd|"));
    for (const [key, , amount] of open) expect([key, amount]).toEqual([key, "2100000"]);
    await restart();
    expect(await list()).toEqual([]);
    expect(await outcome("two")).toBe("APPROVAL_DENIED");
  });

  it("counts what waits in the largest loss, and no longer when it lapsed", async () => {
    await signer.apply(rules({ totalMax: "5.00" }));
    await hold("one");
    expect((await signer.status()).maxLoss).toMatchObject({
      alive: "0.00",
      unresolved: "2.00",
      total: "5.00",
    });
    now += 31 * MINUTE;
    expect((await signer.status()).maxLoss).toMatchObject({
      alive: "0.00",
      unresolved: "0.00",
      total: "5.00",
    });
  });

  it("does not lock an unlock whose fuel only waits", async () => {
    await signer.unlock({ spend: "3.00" });
    const one = await hold("one");
    expect(await outcome("small", { amount: "1000000" })).toBe("signed");
    expect((await signer.status()).state).toBe("unlocked");
    await approve(one);
    expect(await outcome("one")).toBe("signed");
    expect(await outcome("last")).toBe("SIGNER_LOCKED");
  });
});

describe("memory", () => {
  const asking = (changed: object = {}) =>
    rules({ approve: { newRecipient: true, afterConsecutive: 3 }, ...changed });
  const to = (payTo: string, changed: Partial<WireIntent> = {}) => ({ payTo, ...changed });

  it("knows who was paid before it was asked for, and nobody who was only approved", async () => {
    expect(await outcome("before", {})).toBe("signed");
    await signer.apply(asking());
    expect(await outcome("known", {})).toBe("signed");
    const url = { claims: { url: "https://other.example/x" } };
    await approve(await hold("new", to(OTHER_PAYEE, url)));
    expect(await outcome("new", to(OTHER_PAYEE, url))).toBe("signed");
    expect(await outcome("again", to(OTHER_PAYEE, url))).toBe("APPROVAL_NEW_RECIPIENT");
    await restart();
    expect(await outcome("again2", to(OTHER_PAYEE, url))).toBe("APPROVAL_NEW_RECIPIENT");
    const [waiting] = await list();
    await approve(waiting!.approval, "0.02");
    expect(await outcome("covered", to(OTHER_PAYEE, url))).toBe("signed");
    await restart();
    expect(await outcome("covered2", to(OTHER_PAYEE, { ...url, amount: "20000" }))).toBe("signed");
    expect(await outcome("above", to(OTHER_PAYEE, { ...url, amount: "20001" }))).toBe(
      "APPROVAL_NEW_RECIPIENT",
    );
  });

  it("holds the fourth in a row; a word of the operator ends the row, and so does another payee", async () => {
    await ask("teach", {});
    await ask("teach2", to(OTHER_PAYEE, { claims: {} }));
    await signer.apply(asking());
    for (const name of ["a", "b", "c"]) expect(await outcome(name, {})).toBe("signed");
    const fourth = await hold("d", {});
    expect(await hold("e", {})).not.toBe(fourth);
    await approve(fourth);
    expect(await outcome("d", {})).toBe("signed");
    for (const name of ["f", "g", "h"]) expect(await outcome(name, {})).toBe("signed");
    expect(await outcome("i", {})).toBe("APPROVAL_CONSECUTIVE");
    expect(await outcome("j", to(OTHER_PAYEE, { claims: {} }))).toBe("signed");
    expect(await outcome("k", {})).toBe("signed");
  });

  it("counts a row exactly, however many ask at once", async () => {
    await ask("teach", {});
    await signer.apply(asking());
    const all = await Promise.all(Array.from({ length: 12 }, (_, i) => outcome(`many${i}`, {})));
    expect(all.filter((one) => one === "signed")).toHaveLength(2);
    expect(all.filter((one) => one === "APPROVAL_CONSECUTIVE")).toHaveLength(10);
  });

  it("holds a known resource with another payee, a jump, a look-alike; one agent's claims teach no other", async () => {
    await signer.apply(
      rules({ approve: { above: "50.00" }, priceJump: { times: 10 }, agents: { research: {} } }),
    );
    await restart();
    for (const name of ["a", "b", "c"]) expect(await outcome(name, {})).toBe("signed");
    expect(await outcome("changed", to(OTHER_PAYEE))).toBe("APPROVAL_CHANGED_PAYEE");
    expect(await outcome("others", to(OTHER_PAYEE), "research")).toBe("signed");
    expect(await outcome("jump", { amount: "100001" })).toBe("APPROVAL_PRICE_JUMP");
    expect(await outcome("ten", { amount: "100000" })).toBe("signed");
    const host = { claims: { url: "https://api.examp1e.com/data" } };
    expect(await outcome("host", host)).toBe("APPROVAL_LOOKALIKE_HOST");
    expect(await outcome("host", host, "research")).toBe("APPROVAL_LOOKALIKE_HOST");
    const like = `0x${PAYEE.slice(2, 6)}${"ab".repeat(16)}${PAYEE.slice(-4)}`.toLowerCase();
    expect(await outcome("payee", to(like, { claims: {} }))).toBe("APPROVAL_LOOKALIKE_PAYEE");
    await restart();
    expect(await outcome("payee2", to(like, { claims: {} }))).toBe("APPROVAL_LOOKALIKE_PAYEE");
  });
});

describe("a ledger that lost something", () => {
  it("ends what waits when the operator accepts that, gives nothing back, and asks memory anew", async () => {
    await signer.apply(rules({ approve: { above: "1.00", newRecipient: true } }));
    await approve(await hold("one"), "2.00");
    const two = await hold("two", { ...DEAR, payTo: OTHER_PAYEE });
    const { head } = await signer.status();
    const lastHead = { ...head, seq: head.seq + 10, hash: "ab".repeat(32) };
    expect(await codeOf(signer.unlock({}, { lastHead }))).toBe("LEDGER_BEHIND");
    expect(await codeOf(approve(two))).toBe("LEDGER_BEHIND");
    await operatorCall(signer.operator, "ledger.accept", { code: "LEDGER_BEHIND", assume: "0.00", lastHead });
    expect(await list()).toEqual([]);
    await signer.unlock();
    expect([await outcome("one"), await outcome("two", { ...DEAR, payTo: OTHER_PAYEE })]).toEqual([
      "APPROVAL_EXPIRED",
      "APPROVAL_EXPIRED",
    ]);
    expect([await used(TOTAL), await used(HELD)]).toEqual([4_000_000n, 0n]);
    expect(await outcome("known", {})).toBe("signed");
    await restart();
    expect(await outcome("unknown", { payTo: OTHER_PAYEE, claims: {} })).toBe("APPROVAL_NEW_RECIPIENT");
  });
});
