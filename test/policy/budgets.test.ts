import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { binding, evaluate } from "../../policy/evaluate.ts";
import { ALICE, BOB, Books, NOON, USDC, failures, household, payment } from "./household.ts";

const decide = (rules: object, terms = {}) => evaluate([household(rules)], payment(terms), new Books());

describe("budgets", () => {
  it.each([
    ["session", "SESSION_BUDGET_EXCEEDED"],
    ["day", "DAILY_BUDGET_EXCEEDED"],
    ["week", "WEEKLY_BUDGET_EXCEEDED"],
    ["month", "MONTHLY_BUDGET_EXCEEDED"],
    ["90m", "WINDOW_BUDGET_EXCEEDED"],
    ["total", "BUDGET_EXCEEDED"],
  ])("a limit over %s declines with %s, a count with VELOCITY_LIMIT_EXCEEDED", (window, code) => {
    for (const [budget, expected] of [
      [{ limit: "1.50" }, code],
      [{ count: 1 }, "VELOCITY_LIMIT_EXCEEDED"],
    ] as const) {
      const books = new Books();
      const scopes = [household({ budgets: [{ name: "b", window, ...budget }] })];
      expect(failures(books.pay(scopes))).toEqual([]);
      expect(failures(books.pay(scopes))).toEqual([expected]);
    }
  });

  it("counts by each value of `per`", () => {
    for (const [per, same, other] of [
      ["recipient", { to: ALICE }, { to: BOB }],
      ["network", {}, { asset: PINNED_ASSETS[2]! }],
      ["asset", {}, { asset: PINNED_ASSETS[2]! }],
      ["domain", { url: "https://a.example/x" }, { url: "https://b.example/x" }],
      ["resource", { url: "https://a.example/x?1" }, { url: "https://a.example/y?1" }],
      ["category", { category: "data" }, { category: "news" }],
    ] as const) {
      const books = new Books();
      const scopes = [household({ budgets: [{ name: "b", limit: "1.00", window: "day", per }] })];
      expect(books.pay(scopes, same).outcome, per).toBe("allow");
      expect(failures(books.pay(scopes, same)), per).toEqual(["DAILY_BUDGET_EXCEEDED"]);
      expect(books.pay(scopes, other).outcome, per).toBe("allow");
    }
  });

  it("counts a resource without its query, and a category in one spelling", () => {
    const by = (per: string) => [household({ budgets: [{ name: "b", count: 1, window: "day", per }] })];
    const resource = new Books();
    expect(resource.pay(by("resource"), { url: "https://A.example:443/x?a=1#f" }).outcome).toBe("allow");
    expect(resource.pay(by("resource"), { url: "https://a.example/x?b=2" }).outcome).toBe("decline");
    const category = new Books();
    expect(category.pay(by("category"), { category: " Data Feeds" }).outcome).toBe("allow");
    expect(category.pay(by("category"), { category: "data-feeds" }).outcome).toBe("decline");
    expect(category.pay(by("category"), { category: "2nd!" }).outcome).toBe("allow");
    expect(category.pay(by("category")).outcome).toBe("decline");
  });

  it("applies a match only to what fits all of it", () => {
    const match = {
      asset: "USDC",
      network: "base",
      recipient: ALICE,
      domain: "*.a.example",
      category: "data",
    };
    const fitting = { url: "https://x.a.example/", category: "data" };
    const rules = { budgets: [{ name: "b", limit: "0.50", window: "day", match }] };
    expect(failures(decide(rules, fitting))).toEqual(["DAILY_BUDGET_EXCEEDED"]);
    for (const [name, other] of Object.entries({
      asset: { asset: { ...USDC, symbol: "EURC" } },
      network: { asset: PINNED_ASSETS[2]! },
      recipient: { to: BOB },
      domain: { url: "https://b.example/" },
      category: { category: "news" },
    })) {
      expect(failures(decide(rules, { ...fitting, ...other })), name).toEqual([]);
    }
  });

  it("declines a URL that cannot be read wherever a budget asks for the domain", () => {
    for (const budget of [{ per: "domain" }, { per: "resource" }, { match: { domain: "a.example" } }]) {
      const rules = { budgets: [{ name: "b", limit: "9", window: "day", ...budget }] };
      expect(failures(decide(rules)), JSON.stringify(budget)).toEqual(["DOMAIN_NOT_ALLOWED"]);
      expect(failures(decide(rules, { url: "https://u@a.example/" }))).toEqual(["DOMAIN_NOT_ALLOWED"]);
      expect(failures(decide(rules, { url: "https://a.example/" }))).toEqual([]);
    }
  });

  it("keeps what was spent when a budget is renamed or raised, and shares one counter between two limits", () => {
    const books = new Books();
    books.pay([household({ perDayMax: "1.00" })]);
    const budgets = [{ name: "renamed", limit: "1.50", window: "day" }];
    const both = household({ perDayMax: "9.00", budgets });
    expect(books.pay([both]).checks.filter((check) => !check.ok)).toMatchObject([
      { rule: "budgets: renamed", used: 1_000_000n, left: 500_000n },
    ]);
    const allowed = books.pay([both], { usd: 500_000n });
    expect(allowed.add.filter(({ key }) => key.includes("|day"))).toHaveLength(1);
  });

  it("counts what different matches are about apart", () => {
    const books = new Books();
    const budgets = ["base", "polygon"].map((network) => ({
      name: network,
      limit: "1.00",
      window: "day",
      match: { network },
    }));
    const scopes = [household({ budgets })];
    expect(books.pay(scopes).outcome).toBe("allow");
    expect(books.pay(scopes, { asset: PINNED_ASSETS[2]! }).outcome).toBe("allow");
    expect(failures(books.pay(scopes))).toEqual(["DAILY_BUDGET_EXCEEDED"]);
  });

  it("has the keys that ledgers hold already", () => {
    const budgets = [
      { name: "a", limit: "9", window: "60m", per: "recipient" },
      { name: "b", count: 9, window: "session", match: { network: "base", category: "data" } },
      { name: "c", limit: "9", window: "week", per: "domain", match: { recipient: ALICE, network: "base" } },
    ];
    const { add } = evaluate(
      [household({ perMonthMax: "9", budgets }, "Europe/Athens")],
      payment({ url: "https://a.example/", category: "data" }),
      new Books(),
    );
    // The text of the match is longer than 64 characters, so its SHA-256 stands for it.
    const match = hash("sha256", `{"network":"eip155:8453","recipient":"${ALICE}"}`);
    expect(add.map(({ key, bucket, amount }) => `${key} ${bucket} ${amount}`)).toEqual([
      "household|usd|month@Europe/Athens 1793484000 1000000",
      "household|usd|total 0 1000000",
      `household|usd|1h|recipient=${ALICE.toLowerCase()} ${NOON / 60_000} 1000000`,
      'household|count|session|{"category":"data","network":"eip155:8453"} 7 1',
      `household|usd|week@Europe/Athens|#${match}|domain=a.example 1794780000 1000000`,
      "agent:default|newKeys|day 1795132800 2",
    ]);
  });

  it("limits the new keys of one agent in one day, and of nobody else", () => {
    const books = new Books();
    const scopes = [household({ budgets: [{ name: "b", limit: "9", window: "day", per: "recipient" }] })];
    const to = (i: number): string => `0x${i.toString(16).padStart(40, "0")}`;
    for (let i = 0; i < 1000; i++) expect(books.pay(scopes, { to: to(i), usd: 1n }).outcome).toBe("allow");
    const over = books.pay(scopes, { to: to(1000), usd: 1n });
    expect(failures(over)).toEqual(["TOO_MANY_KEYS"]);
    expect(binding(over)).toMatchObject({
      scope: "agent:default",
      reopensAt: Date.parse("2026-11-21T00:00:00Z"),
    });
    expect(books.pay(scopes, { to: to(5), usd: 1n }).outcome).toBe("allow");
    expect(books.pay(scopes, { to: to(1000), usd: 1n, agent: "other" }).outcome).toBe("allow");
    books.now += 12 * 3_600_000;
    expect(books.pay(scopes, { to: to(1001), usd: 1n }).outcome).toBe("allow");
  });

  it("keeps long values out of the keys", () => {
    const books = new Books();
    const scopes = [household({ budgets: [{ name: "b", count: 1, window: "day", per: "resource" }] })];
    const url = `https://a.example/${"x".repeat(400)}`;
    const decision = books.pay(scopes, { url });
    expect(Math.max(...decision.add.map(({ key }) => key.length))).toBeLessThan(200);
    expect(books.pay(scopes, { url: `${url}y` }).outcome).toBe("allow");
    expect(books.pay(scopes, { url }).outcome).toBe("decline");
  });
});
