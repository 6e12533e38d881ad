// Only the operator changes rules; a new document knows what was spent before it; what it forbids, it forbids at once.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { OTHER_PAYEE, PAYEE, document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const MINUTE = 60_000;

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  await open();
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

async function open(): Promise<void> {
  signer = await home.start({ clock: () => now });
  await signer.unlock();
}

/** Stops in order, which writes a checkpoint and forgets counters that are over. */
async function restart(): Promise<void> {
  await signer.close();
  await open();
}

const pay = (name: string | number, changed = {}, agent = "default", session?: string): Promise<string> =>
  outcomeOf(signer.sign(intent(name, changed), { agent, ...(session === undefined ? {} : { session }) }));

async function payAll(count: number, name: string, changed = {}): Promise<void> {
  const all = await Promise.all([...Array(count).keys()].map((n) => pay(`${name}-${n}`, changed)));
  expect(all).toEqual(all.map(() => "signed"));
}

const read = (): Promise<LedgerRecord> => LedgerRecord.read(signer.operator);

describe("applying a document", () => {
  it("of another time zone begins no session's day anew, also after a restart", async () => {
    await signer.apply(document());
    const { session } = await agentCall(await signer.agent(), "session.open", {
      policy: { perDayMax: "0.01" },
    });
    expect(await pay(1, {}, "default", session)).toBe("signed");
    await signer.apply(document({ timezone: "Asia/Kathmandu" }));
    expect(await pay(2, {}, "default", session)).toBe("DAILY_BUDGET_EXCEEDED");
    await restart();
    expect(await pay(2, {}, "default", session)).toBe("DAILY_BUDGET_EXCEEDED");
  });

  it("needs the base that it was made from", async () => {
    expect(await pay(1)).toBe("NO_POLICY");
    const apply = (base: string, changed = {}): Promise<string> =>
      codeOf(() => operatorCall(signer.operator, "policy.apply", { document: document(changed), base }));
    expect(await apply("00")).toBe("POLICY_STALE");
    expect(await apply("")).toBe("no error");
    expect(await apply("")).toBe("POLICY_STALE");
    const { base } = await operatorCall(signer.operator, "policy.get", {});
    // Two operators who read the same one: the second is told.
    const both = await Promise.all([
      apply(base, { perCallMax: "1.00" }),
      apply(base, { perCallMax: "2.00" }),
    ]);
    expect(both.sort()).toEqual(["POLICY_STALE", "no error"]);
    expect((await read()).ofKind("policy.applied")).toHaveLength(2);
  });

  it("never puts an invalid one in place of a good one", async () => {
    await signer.apply(document());
    const before = await operatorCall(signer.operator, "policy.get", {});
    const invalid: Record<string, unknown>[] = [
      {},
      { version: 1 },
      document({ version: 2 }),
      document({ totalMax: 5 }),
      document({ totalMax: "-5" }),
      document({ totalMax: "1e6" }),
      document({ totalMax: "5.0000001" }),
      document({ perDayMx: "5.00" }),
      document({ allowedRecipients: ["0x1234"] }),
      document({ budgets: [{ name: "x", limit: "1.00", count: 1, window: "day" }] }),
      document({ budgets: [{ name: "x", limit: "1.00", window: "90s" }] }),
      document({ agents: { "../x": {} } }),
      document({ timezone: "Mars/Olympus" }),
      { version: 1, budgets: [{ name: "x", limit: "1.00", window: "day", per: "domain" }] },
    ];
    for (const one of invalid) {
      expect([one, await codeOf(() => signer.apply(one))]).toEqual([one, "POLICY_INVALID"]);
    }
    expect(await operatorCall(signer.operator, "policy.get", {})).toEqual(before);
    expect(await pay(1)).toBe("signed");
    expect((await read()).ofKind("policy.applied")).toHaveLength(1);
  });

  it("tightens at once, also for payments that are on their way", async () => {
    await signer.apply(document());
    const before = [...Array(300).keys()].map((n) => pay(n));
    const applied = signer.apply(document({ allowedRecipients: [OTHER_PAYEE] }));
    const after = [...Array(300).keys()].map((n) => pay(`after-${n}`));
    const { head } = await applied;
    const outcomes = await Promise.all([...before, ...after]);
    const { rows } = await read();
    const late = rows.filter(({ seq, kind }) => seq > head.seq && kind === "payment.reserved");
    expect(late).toHaveLength(0);
    for (const outcome of outcomes) expect(["signed", "BUSY", "RECIPIENT_NOT_ALLOWED"]).toContain(outcome);
    expect(outcomes).toContain("signed");
    expect(await pay("x")).toBe("RECIPIENT_NOT_ALLOWED");
  });

  it("that blocks a payee stops a payment that was signed before, too", async () => {
    await signer.apply(document({ agents: { research: { blockedRecipients: [] } } }));
    await restart();
    expect(await pay(1)).toBe("signed");
    expect(await pay(1, {}, "research")).toBe("signed");
    await signer.apply(document({ agents: { research: { blockedRecipients: [PAYEE.toLowerCase()] } } }));
    expect(await pay(1, {}, "research")).toBe("RECIPIENT_BLOCKED");
    expect(await pay(1)).toBe("signed");
    await signer.apply(document({ blockedRecipients: [PAYEE], agents: { research: {} } }));
    expect(await pay(1)).toBe("RECIPIENT_BLOCKED");
    expect(await pay(1, {}, "research")).toBe("RECIPIENT_BLOCKED");
    const record = await read();
    expect(record.ofKind("payment.declined").map(({ check }) => check?.code)).toEqual(
      Array(3).fill("RECIPIENT_BLOCKED"),
    );
    await signer.apply(document());
    expect(await pay(1)).toBe("signed");
  });
});

describe("a quote", () => {
  it("says what a payment would get, records nothing, and needs no keys", async () => {
    await signer.apply(document({ totalMax: "0.02", perCallMax: "0.01" }));
    expect(await pay(1)).toBe("signed");
    await signer.lock();
    const { head } = await signer.status();
    const agent = await signer.agent();
    const asked = [intent(2), intent(3, { amount: "10001" }), intent(4, { network: "eip155:1" })];
    const ask = () => agentCall(agent, "payment.quote", { intents: asked });
    for (const quotes of await Promise.all([...Array(50).keys()].map(ask))) {
      expect(quotes.map(({ outcome }) => outcome)).toEqual(["allow", "decline", "decline"]);
    }
    expect((await signer.status()).head).toEqual(head);
  });
});

describe("an agent's rules", () => {
  it("are its own, under the household's", async () => {
    await signer.apply(
      document({ perCallMax: "0.05", agents: { a: { perCallMax: "0.02" }, b: { perCallMax: "1.00" } } }),
    );
    await restart();
    const dear = { amount: "30000" };
    expect(await pay(1, dear)).toBe("signed");
    expect(await pay(1, dear, "a")).toBe("AMOUNT_EXCEEDS_PER_REQUEST_LIMIT");
    expect(await pay(1, dear, "b")).toBe("signed");
    expect(await pay(2, { amount: "60000" }, "b")).toBe("AMOUNT_EXCEEDS_PER_REQUEST_LIMIT");
    const budget = await agentCall(await signer.agent("a"), "budget.get", {});
    expect(budget.scopes.map(({ id }) => id)).toEqual([
      "household",
      expect.stringMatching(/^unlock:/),
      "agent:a",
    ]);
  });

  it("that are gone leave an agent with nothing, and nothing signed before comes again", async () => {
    await signer.apply(document({ agents: { a: {} } }));
    await restart();
    expect(await pay(1, {}, "a")).toBe("signed");
    const { session } = await agentCall(await signer.agent("a"), "session.open", { policy: {} });
    await signer.apply(document());
    expect(await pay(2, {}, "a")).toBe("SIGNER_FROZEN");
    expect(await pay(2, {}, "a", session)).toBe("SIGNER_FROZEN");
    expect(await pay(1, {}, "a")).toBe("SIGNER_FROZEN");
    now += 2 * MINUTE;
    expect(await pay(1, {}, "a")).toBe("SIGNER_FROZEN");
    expect((await read()).ofKind("payment.reserved")).toHaveLength(1);
    await signer.apply(document({ agents: { a: {} } }));
    expect(await pay(2, {}, "a")).toBe("signed");
  });

  it("see only their own payments and scopes", async () => {
    await signer.apply(document({ agents: { a: { perDayMax: "1.00" } } }));
    await restart();
    expect(await pay(1)).toBe("signed");
    expect(await pay(2, {}, "a")).toBe("signed");
    const theirs = await agentCall(await signer.agent("a"), "history.list", {});
    expect(theirs.payments.map(({ agent }) => agent)).toEqual(["a"]);
    const status = await agentCall(await signer.agent(), "signer.status", {});
    expect(status.scopes.map(({ kind }) => kind)).toEqual(["household", "unlock"]);
  });
});

describe("a budget that is new to the document", () => {
  const total = (limit: string) => document({ totalMax: limit });

  it("knows every payment before it, in every window, to the unit", async () => {
    await signer.apply(document());
    now = Date.UTC(2026, 10, 22, 12); // a Sunday
    await payAll(3, "last-week");
    now = Date.UTC(2026, 10, 24, 12);
    await payAll(5, "yesterday", { payTo: OTHER_PAYEE });
    now = Date.UTC(2026, 10, 25, 11, 30);
    await payAll(7, "today", { claims: { url: "https://b.example/x", category: "Data" } });
    now = Date.UTC(2026, 10, 25, 12);
    await signer.apply(
      document({
        ...{ perDayMax: "1.00", perWeekMax: "1.00", perMonthMax: "1.00" },
        budgets: [
          { name: "payee", limit: "1.00", window: "total", per: "recipient" },
          { name: "site", count: 99, window: "day", per: "domain" },
          { name: "hour", limit: "1.00", window: "1h" },
          { name: "data", limit: "1.00", window: "7d", match: { category: "data" } },
        ],
      }),
    );
    const record = await read();
    const day = Date.UTC(2026, 10, 25) / 1000;
    const at = (key: string, bucket: number): string | undefined =>
      record.counters.find(([k, b]) => k === `household|${key}` && b === bucket)?.[2];
    expect(at("usd|day@UTC", day)).toBe("70000");
    expect(at("usd|week@UTC", Date.UTC(2026, 10, 23) / 1000)).toBe("120000");
    expect(at("usd|month@UTC", Date.UTC(2026, 10, 1) / 1000)).toBe("150000");
    expect(record.counter(`household|usd|total|recipient=${PAYEE.toLowerCase()}`)).toBe(100_000n);
    expect(record.counter(`household|usd|total|recipient=${OTHER_PAYEE.toLowerCase()}`)).toBe(50_000n);
    expect(at("count|day@UTC|domain=b.example", day)).toBe("7");
    expect(record.counter("household|usd|1h")).toBe(70_000n);
    expect(record.counter('household|usd|7d|{"category":"data"}')).toBe(70_000n);
    expect(record.counter("household|usd|total")).toBe(150_000n);
  });

  it("holds at once when it is spent already", async () => {
    await signer.apply(document());
    await payAll(5, "before");
    await signer.apply(document({ perDayMax: "0.05" }));
    expect(await pay("x")).toBe("DAILY_BUDGET_EXCEEDED");
    await signer.apply(document({ perDayMax: "0.06" }));
    expect(await pay("x")).toBe("signed");
    expect(await pay("y")).toBe("DAILY_BUDGET_EXCEEDED");
  });

  it("knows the same when it is taken away and brought back, as often as that is done", async () => {
    const withDay = document({
      perDayMax: "1.00",
      perSessionMax: "1.00",
      agents: { default: { perDayMax: "1.00" } },
    });
    await signer.apply(withDay);
    for (let n = 0; n < 3; n++) {
      await payAll(2, `with-${n}`);
      await signer.apply(document());
      await payAll(2, `without-${n}`);
      if (n === 1) await restart();
      await signer.apply(withDay);
      const record = await read();
      const spent = BigInt(n + 1) * 40_000n;
      expect(record.counter("household|usd|day@UTC")).toBe(spent);
      expect(record.counter("agent:default|usd|day@UTC")).toBe(spent);
    }
  });

  it("counts nothing again that is over: session windows of unlocks before a restart", async () => {
    await signer.apply(document({ perSessionMax: "0.10" }));
    await payAll(10, "first");
    expect(await pay("x")).toBe("SESSION_BUDGET_EXCEEDED");
    await restart();
    await signer.apply(document({ perSessionMax: "0.20", perCallMax: "1.00" }));
    const record = await read();
    expect(record.counter("household|usd|session")).toBe(0n);
    await payAll(20, "second");
    await signer.apply(document({ perSessionMax: "0.30" }));
    expect((await read()).counter("household|usd|session")).toBe(200_000n);
    expect(await pay("y")).toBe("signed");
  });

  it("counts by the days of its own time zone, also those before it", async () => {
    await signer.apply(document({ perDayMax: "0.02" }));
    now = Date.UTC(2026, 10, 20, 18, 0); // 23:45 in Kathmandu
    expect(await pay(1)).toBe("signed");
    now = Date.UTC(2026, 10, 20, 18, 30); // 00:15
    expect(await pay(2)).toBe("signed");
    expect(await pay(3)).toBe("DAILY_BUDGET_EXCEEDED");
    await signer.apply(document({ perDayMax: "0.02", timezone: "Asia/Kathmandu" }));
    const { counters } = await read();
    const days = counters.filter(([key]) => key === "household|usd|day@Asia/Kathmandu");
    expect(days.map(([, bucket, amount]) => [bucket * 1000, amount])).toEqual([
      [Date.UTC(2026, 10, 19, 18, 15), "10000"],
      [Date.UTC(2026, 10, 20, 18, 15), "10000"],
    ]);
    expect(await pay(3)).toBe("signed");
    expect(await pay(4)).toBe("DAILY_BUDGET_EXCEEDED");
  });

  it("counts an intent that was drafted again once", async () => {
    await signer.apply(document());
    expect(await pay(1)).toBe("signed");
    now += 2 * MINUTE;
    expect(await pay(1)).toBe("signed");
    now += 86_400_000;
    expect(await pay(1)).toBe("signed");
    await signer.apply(
      document({
        perDayMax: "1.00",
        perMonthMax: "1.00",
        budgets: [{ name: "n", count: 9, window: "total" }],
      }),
    );
    const record = await read();
    expect(record.counter("household|usd|day@UTC")).toBe(20_000n);
    expect(record.counter("household|usd|month@UTC")).toBe(10_000n);
    expect(record.counter("household|count|total")).toBe(1n);
    expect(record.counter("household|usd|total")).toBe(10_000n);
  });

  it("does not count a payment a second time when it is drafted again after the document", async () => {
    await signer.apply(total("1.00"));
    expect(await pay(1)).toBe("signed");
    await signer.apply(
      document({
        totalMax: "1.00",
        perMonthMax: "0.01",
        perWeekMax: "0.01",
        budgets: [{ name: "n", count: 1, window: "total" }],
      }),
    );
    now += 2 * MINUTE;
    expect(await pay(1)).toBe("signed");
    now += 2 * MINUTE;
    expect(await pay(1)).toBe("signed");
    const record = await read();
    expect(record.counter("household|usd|month@UTC")).toBe(10_000n);
    expect(record.counter("household|count|total")).toBe(1n);
    expect(await pay(2)).toBe("MONTHLY_BUDGET_EXCEEDED");
  });

  it("survives amounts that no counter holds: the policy applies, and its budget is full", async () => {
    // Nothing bounds Base Sepolia here, as an operator who thinks of test money may have it.
    const onlyBase = { name: "base", limit: "1.00", window: "day", match: { network: "base" } };
    await signer.apply({ version: 1, budgets: [onlyBase] });
    const huge = { amount: (2n ** 255n).toString() };
    expect(await pay(1, huge)).toBe("signed");
    expect(await pay(2, huge)).toBe("signed");
    await signer.apply(document({ perDayMax: "5.00" }));
    expect(await pay(3)).toBe("BUDGET_EXCEEDED");
    await signer.apply(document({ perMonthMax: "5.00" }));
    await restart();
    expect(await pay(3)).toBe("BUDGET_EXCEEDED");
    now += 2 * MINUTE;
    expect(await pay(1, huge)).toBe("BUDGET_EXCEEDED");
    await read();
  });
});
