import { describe, expect, it } from "vitest";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { unlockPolicy } from "../../policy/document.ts";
import { binding, evaluate, headroom, wireCheck } from "../../policy/evaluate.ts";
import type { Scope } from "../../policy/scope.ts";
import { ALICE, BOB, Books, NOON, USDC, failures, household, payment, session } from "./household.ts";

const decide = (rules: object, terms = {}) => evaluate([household(rules)], payment(terms), new Books());

describe("facts", () => {
  const polygon = PINNED_ASSETS.find((asset) => asset.network === "eip155:137")!;
  it.each([
    [{ allowedNetworks: ["base"] }, { asset: polygon }, "CHAIN_NOT_ALLOWED"],
    [{ allowedAssets: [`base/${USDC.address}`] }, { asset: polygon }, "ASSET_NOT_ALLOWED"],
    [{ allowedRecipients: [ALICE] }, { to: BOB }, "RECIPIENT_NOT_ALLOWED"],
    [{ blockedRecipients: [BOB] }, { to: BOB }, "RECIPIENT_BLOCKED"],
    [{ perCallMax: "0.999999" }, {}, "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT"],
  ])("%j declines %j with %s and passes what it names", (rules, terms, code) => {
    expect(failures(decide(rules, terms))).toEqual([code]);
    expect(decide(rules, terms).add).toEqual([]);
    expect(failures(decide(rules, { usd: 999_999n }))).toEqual([]);
  });

  it("compares EVM addresses without case, in rules and in payments", () => {
    for (const listed of [ALICE, ALICE.toLowerCase()]) {
      for (const paid of [ALICE, ALICE.toLowerCase(), `0x${ALICE.slice(2).toUpperCase()}`]) {
        expect(failures(decide({ allowedRecipients: [listed] }, { to: paid }))).toEqual([]);
        expect(failures(decide({ blockedRecipients: [listed] }, { to: paid }))).toEqual([
          "RECIPIENT_BLOCKED",
        ]);
      }
    }
  });

  it("takes an empty list as: nothing passes, and an empty block list as no rule", () => {
    for (const field of ["allowedNetworks", "allowedAssets", "allowedRecipients", "allowedDomains"]) {
      expect(decide({ [field]: [] }, { url: "https://a.example" }).outcome, field).toBe("decline");
    }
    expect(decide({ blockedRecipients: [] }).outcome).toBe("allow");
  });

  it('takes "0" as: nothing passes', () => {
    for (const field of [
      "perCallMax",
      "perSessionMax",
      "perDayMax",
      "perWeekMax",
      "perMonthMax",
      "totalMax",
    ]) {
      expect(decide({ [field]: "0" }, { usd: 1n }).outcome, field).toBe("decline");
    }
    expect(decide({ budgets: [{ name: "none", count: 0, window: "1h" }] }).outcome).toBe("decline");
  });

  it("passes a limit exactly and not by one unit more", () => {
    expect(decide({ perDayMax: "1.00" }, { usd: 1_000_000n }).outcome).toBe("allow");
    expect(decide({ perDayMax: "1.00" }, { usd: 1_000_001n }).outcome).toBe("decline");
  });

  it("counts the whole outflow, every part rounded up to a micro-USD", () => {
    const dear = { ...USDC, symbol: "WEI", decimals: 18 };
    expect(decide({}, { asset: dear, usd: 1n }).usd).toBe(1n);
    expect(decide({}, { asset: dear, usd: 10n ** 18n + 1n, fee: { asset: dear, amount: 1n } }).usd).toBe(
      1_000_002n,
    );
    expect(failures(decide({ perCallMax: "1.00" }, { fee: { asset: USDC, amount: 1n } }))).toEqual([
      "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
    ]);
  });

  it("declines an outflow without a value in USD, also if only its fee is", () => {
    const odd = { ...USDC, symbol: "ODD", pegged: false };
    expect(failures(decide({}, { asset: odd }))).toEqual(["NO_PRICE"]);
    expect(failures(decide({}, { fee: { asset: odd, amount: 1n } }))).toEqual(["NO_PRICE"]);
  });

  it("declines everything without a household, whatever the other scopes say", () => {
    expect(failures(evaluate([], payment(), new Books()))).toEqual(["NO_POLICY"]);
    expect(failures(evaluate([session("s", {})], payment(), new Books()))).toEqual(["NO_POLICY"]);
  });
});

describe("scopes", () => {
  const free = household({});

  it("declines in a frozen scope and in one that is over, from the very instant", () => {
    const books = new Books();
    const scoped = (scope: Partial<Scope>) => evaluate([{ ...free, ...scope }], payment(), books);
    expect(failures(scoped({ frozen: true }))).toEqual(["SIGNER_FROZEN"]);
    expect(failures(scoped({ endsAt: NOON }))).toEqual(["SIGNER_LOCKED"]);
    expect(failures(scoped({ endsAt: NOON + 1 }))).toEqual([]);
    const over = { ...session("s", {}), endsAt: NOON };
    expect(failures(evaluate([free, over], payment(), books))).toEqual(["SESSION_UNKNOWN"]);
  });

  it("gives an unlock's fuel a code of its own and a counter per unlock", () => {
    const books = new Books();
    const unlock = (seq: number): Scope => ({
      id: `unlock:${seq}`,
      kind: "unlock",
      policy: unlockPolicy({ spend: 1_500_000n, count: 2n }, "UTC"),
      frozen: false,
    });
    expect(books.pay([free, unlock(7)]).outcome).toBe("allow");
    expect(failures(books.pay([free, unlock(7)]))).toEqual(["UNLOCK_BUDGET_EXCEEDED"]);
    expect(books.pay([free, unlock(7)], { usd: 1n }).outcome).toBe("allow");
    expect(failures(books.pay([free, unlock(7)], { usd: 1n }))).toEqual(["UNLOCK_BUDGET_EXCEEDED"]);
    expect(books.pay([free, unlock(9)]).outcome).toBe("allow");
  });

  it("counts an operator's session from unlock to lock, a client's from open to close", () => {
    const books = new Books();
    const limited = household({ perSessionMax: "1.00" });
    expect(books.pay([limited]).outcome).toBe("allow");
    expect(failures(books.pay([limited]))).toEqual(["SESSION_BUDGET_EXCEEDED"]);
    books.unlock = 8;
    expect(books.pay([limited]).outcome).toBe("allow");

    const [one, two] = [session("one", { perSessionMax: "1.00" }), session("two", { perSessionMax: "1.00" })];
    expect(books.pay([free, one]).outcome).toBe("allow");
    books.unlock = 9;
    expect(failures(books.pay([free, one]))).toEqual(["SESSION_BUDGET_EXCEEDED"]);
    expect(books.pay([free, two]).outcome).toBe("allow");
  });

  it("keeps agents' counters apart under the household's", () => {
    const books = new Books();
    const outer = household({ perDayMax: "3.00" });
    const agent = (name: string): Scope => ({
      ...household({ perDayMax: "2.00" }),
      id: `agent:${name}`,
      kind: "agent",
    });
    for (const name of ["a", "a", "b"])
      expect(books.pay([outer, agent(name)], { agent: name }).outcome).toBe("allow");
    const last = books.pay([outer, agent("b")], { agent: "b" });
    expect(last.checks.filter((check) => !check.ok)).toMatchObject([
      { scope: "household", rule: "perDayMax" },
    ]);
  });

  it("marks as claimed what rests on the agent's word", () => {
    const rules = {
      allowedNetworks: ["base"],
      allowedDomains: ["a.example"],
      perDayMax: "9",
      budgets: [
        { name: "fact", limit: "9", window: "day", per: "recipient" },
        { name: "claim", limit: "9", window: "day", per: "domain" },
        { name: "claimed match", limit: "9", window: "day", match: { category: "data" } },
      ],
    };
    const decision = evaluate(
      [household(rules), session("s", { perCallMax: "9" })],
      payment({ url: "https://a.example/", category: "data" }),
      new Books(),
    );
    const claimed = Object.fromEntries(decision.checks.map(({ rule, claimed }) => [rule, claimed]));
    expect(claimed).toEqual({
      allowedNetworks: false,
      allowedDomains: true,
      totalMax: false,
      perDayMax: false,
      "budgets: fact": false,
      "budgets: claim": true,
      "budgets: claimed match": true,
      newKeys: false,
      perCallMax: true,
    });
  });
});

describe("what is said", () => {
  it("names the reason that stays longest, and with equal ones the later reopening", () => {
    const books = new Books();
    const scopes = [
      household({ perDayMax: "1.00", perMonthMax: "1.00", budgets: [{ name: "b", count: 1, window: "1h" }] }),
    ];
    books.pay(scopes);
    expect(binding(books.pay(scopes))?.code).toBe("MONTHLY_BUDGET_EXCEEDED");
    expect(binding(books.pay(scopes, { usd: 5_000_000_000_000_000n }))?.code).toBe("BUDGET_EXCEEDED");
    expect(binding(evaluate([household({})], payment(), books))).toBeUndefined();

    const two = [
      household({
        budgets: [
          { name: "a", limit: "1.00", window: "1h" },
          { name: "b", limit: "1.00", window: "2h" },
        ],
      }),
    ];
    const other = new Books();
    other.pay(two);
    expect(binding(other.pay(two))).toMatchObject({ rule: "budgets: b" });
  });

  it("tells headroom, without what is counted by value, and nothing left as not ok", () => {
    const books = new Books();
    const scope = household({
      perCallMax: "0.10",
      perDayMax: "1.00",
      budgets: [
        { name: "n", count: 5, window: "1m" },
        { name: "p", limit: "1", window: "day", per: "domain" },
      ],
    });
    books.pay([household({ perDayMax: "9", budgets: [{ name: "n", count: 5, window: "1m" }] })]);
    const [first] = headroom([scope], books);
    expect(first?.checks.map(wireCheck)).toEqual([
      expect.objectContaining({ rule: "perCallMax", limit: "0.10", ok: true }),
      expect.objectContaining({
        rule: "perDayMax",
        used: "1.00",
        left: "0.00",
        ok: false,
        reopensAt: "2026-11-21T00:00:00.000Z",
      }),
      expect.objectContaining({ rule: "totalMax", left: "999999999.00" }),
      expect.objectContaining({ rule: "budgets: n", unit: "count", used: "1", left: "4", limit: "5" }),
    ]);
  });

  it("says of a limit of 0 that nothing is left of it", () => {
    const scopes = [household({ perCallMax: "0", perDayMax: "0" })];
    const checks = headroom(scopes, new Books()).flatMap(({ checks }) => checks);
    expect(checks.filter(({ ok }) => !ok).map(({ rule }) => rule)).toEqual(["perCallMax", "perDayMax"]);
  });

  it("never says that waiting helps when the amount is above the limit itself", () => {
    const decision = decide({ perDayMax: "0.50", budgets: [{ name: "b", limit: "0.10", window: "1h" }] });
    for (const check of decision.checks.filter(({ ok }) => !ok)) expect(check.reopensAt).toBeUndefined();
  });
});
