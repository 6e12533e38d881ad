// Documents of other systems as ours: nothing may pass that did not pass there.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDocument } from "../../policy/document.ts";
import { importLetAgentPay } from "../../policy/import-letagentpay.ts";
import { importQbt } from "../../policy/import-qbt.ts";
import { importSchedule } from "../../policy/import-schedule.ts";
import { ImportInvalid, Source } from "../../policy/import-source.ts";
import { DAYS, Schedule, type ScheduleEntry } from "../../policy/schedule.ts";
import { ALICE, BOB } from "./household.ts";

const lap = (json: object, timezone?: string) => importLetAgentPay(json, timezone);
const qbt = (json: object, timezone?: string) => importQbt(json, timezone);
const kinds = ({ remarks }: ReturnType<typeof lap>) =>
  Object.fromEntries(remarks.map(({ kind, path }) => [path, kind]));

describe("LetAgentPay", () => {
  it("limits, rates and lists have their counterparts", () => {
    const imported = lap({
      ...{ daily_limit: 25.5, weekly_limit: "80", monthly_limit: 200, per_request_limit: "0.000001" },
      ...{ requests_per_minute: 60, requests_per_hour: 500 },
      allowed_categories: ["Data Feeds", "other"],
      x402: { allowed_chains: ["base", "base-sepolia", "solana"], blocked_domains: ["Evil.example"] },
    });
    expect(imported).toMatchObject({ unknown: [], unsupported: [] });
    expect(parseDocument(imported.document)).toEqual(
      parseDocument({
        version: 1,
        ...{ perDayMax: "25.50", perWeekMax: "80", perMonthMax: "200", perCallMax: "0.000001" },
        budgets: [
          { name: "requests per minute", count: 60, window: "1m" },
          { name: "requests per hour", count: 500, window: "1h" },
        ],
        allowedCategories: ["data_feeds", "other"],
        allowedNetworks: ["base", "base-sepolia", "solana"],
        blockedDomains: ["evil.example"],
      }),
    );
  });

  it("what was read loosely there is strict here, and said", () => {
    const { document, ...imported } = lap({
      ...{ daily_limit: 0, per_request_limit: 5, requests_per_hour: 0 },
      ...{ allowed_categories: [], blocked_categories: ["x"] },
      x402: { allowed_chains: [], allowed_domains: [], max_per_request: 2 },
    });
    expect(parseDocument(document)).toMatchObject({
      ...{
        perDayMax: "0.00",
        perCallMax: "2.00",
        allowedNetworks: [],
        allowedDomains: [],
        allowedCategories: [],
      },
      budgets: [{ count: 0 }],
    });
    expect(kinds({ document, ...imported })).toMatchObject({
      ...{ daily_limit: "stricter", per_request_limit: "same", requests_per_hour: "stricter" },
      ...{
        allowed_categories: "stricter",
        "x402.allowed_chains": "stricter",
        "x402.max_per_request": "stricter",
      },
    });
    const both = lap({ daily_limit: 1, allowed_categories: ["data"], blocked_categories: ["data"] });
    expect(both.remarks).toContainEqual(
      expect.objectContaining({ kind: "stricter", path: "blocked_categories" }),
    );
    expect(both.document).toMatchObject({ allowedCategories: ["data"], blockedCategories: ["data"] });
  });

  it("null is absent", () => {
    expect(lap({ daily_limit: null, x402: null, schedule: null, auto_approve: null })).toMatchObject({
      document: { version: 1 },
      unsupported: [],
      unknown: [],
    });
  });

  it("what is not known is named by its path, wherever it is", () => {
    const { unknown, unsupported } = lap({
      ...{ dialy_limit: 5, x402: { daily_limit: 1 }, auto_approve: { enabled: true, odd: 1 } },
      schedule: {
        timezone: "UTC",
        default: { allow: "08:00-09:00", deny: "08:00-09:00" },
        overrides: [{ days: ["mon"], when: 1 }],
      },
    });
    expect([...unknown].sort()).toEqual(
      ["dialy_limit", "x402.daily_limit", "schedule.default.deny", "schedule.overrides[0].when"].sort(),
    );
    expect(unsupported).toEqual(["auto_approve"]);
  });

  it("ethereum is a network on which nothing is pinned", () => {
    const { document, remarks } = lap({ daily_limit: 1, x402: { allowed_chains: ["ethereum"] } });
    expect(document).toMatchObject({ allowedNetworks: ["eip155:1"] });
    expect(remarks).toContainEqual(expect.objectContaining({ kind: "note", path: "x402.allowed_chains" }));
  });

  it("a limit of one day holds on all, if it is the smallest", () => {
    const override = (daily_limit: unknown) => ({
      timezone: "UTC",
      default: { allow: "08:00-20:00" },
      overrides: [{ days: ["sat"], daily_limit }],
    });
    expect(lap({ daily_limit: 5, schedule: override(2) }).document).toMatchObject({ perDayMax: "2.00" });
    expect(lap({ daily_limit: 5, schedule: override("50") }).document).toMatchObject({ perDayMax: "5.00" });
    expect(lap({ schedule: override(0) }).document).toMatchObject({ perDayMax: "0.00" });
  });

  it.each([
    ["no object", []],
    ["a negative limit", { daily_limit: -1 }],
    ["an exponent", { daily_limit: "1e3" }],
    ["a float that is not exact", { daily_limit: 0.1 + 0.2 }],
    ["more than six decimals", { daily_limit: "0.0000001" }],
    ["a tiny number", { daily_limit: 1e-7 }],
    ["more money than there is", { daily_limit: 1e12 }],
    ["text for a list", { allowed_categories: "data" }],
    ["a number in a list", { allowed_categories: [1] }],
    ["a category that cannot be spelled", { blocked_categories: ["1st"] }],
    ["an empty category", { blocked_categories: [""] }],
    ["a chain that is not known", { x402: { allowed_chains: ["Base"] } }],
    ["a host that is none", { x402: { allowed_domains: ["https://a.example"] } }],
    ["a fraction of a request", { requests_per_minute: 0.5 }],
    ["a schedule without a zone", { schedule: { default: { allow: "08:00-09:00" } } }],
    ["an unknown zone", { schedule: { timezone: "Mars/Olympus", default: { allow: "08:00-09:00" } } }],
    ["a window that is none", { schedule: { timezone: "UTC", default: { allow: "8-9" } } }],
    ["one that ends when it starts", { schedule: { timezone: "UTC", default: { allow: "08:00-08:00" } } }],
    ["an hour that is none", { schedule: { timezone: "UTC", default: { allow: "08:00-25:00" } } }],
    ["a default without windows", { schedule: { timezone: "UTC", default: {} } }],
    [
      "days that nothing is said of",
      { schedule: { timezone: "UTC", overrides: [{ days: ["mon"], allow: "08:00-09:00" }] } },
    ],
    [
      "an override without days",
      { schedule: { timezone: "UTC", default: { allow: "08:00-09:00" }, overrides: [{ days: [] }] } },
    ],
    [
      "a day that is none",
      {
        schedule: { timezone: "UTC", default: { allow: "08:00-09:00" }, overrides: [{ days: ["weekend"] }] },
      },
    ],
    [
      "overrides that are no list",
      { schedule: { timezone: "UTC", default: { allow: "08:00-09:00" }, overrides: {} } },
    ],
  ])("%s cannot be read", (_, json) => {
    expect(() => lap(json)).toThrow(ImportInvalid);
  });

  it("has one time zone: theirs, or the one that is given", () => {
    const schedule = { timezone: "europe/athens", default: { allow: "08:00-09:00" } };
    expect(lap({ schedule }).document).toMatchObject({ timezone: "Europe/Athens" });
    expect(lap({ schedule }, "Europe/Athens").document).toMatchObject({ timezone: "Europe/Athens" });
    expect(() => lap({ schedule }, "UTC")).toThrow(ImportInvalid);
    expect(() => lap({}, "Mars/Olympus")).toThrow(ImportInvalid);
    expect(lap({ daily_limit: 1 }, "Asia/Tokyo").document).toMatchObject({ timezone: "Asia/Tokyo" });
  });
});

describe("a schedule of LetAgentPay", () => {
  const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  /** As its page says: both ends included, past midnight when it starts after its end. */
  const inside = (window: string, at: number): boolean => {
    const [start, end] = [minutes(window.slice(0, 5)), minutes(window.slice(6))];
    return start < end ? at >= start && at <= end : at >= start || at <= end;
  };
  const clock = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom("00", "30", "59"))
    .map(([h, m]) => `${String(h).padStart(2, "0")}:${m}`);
  const window = fc
    .tuple(clock, clock)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => `${a}-${b}`);
  const override = fc.record(
    { days: fc.subarray([...DAYS], { minLength: 1 }), allow: window, deny: window },
    { requiredKeys: ["days"] },
  );

  it("opens at no time at which it was shut, and at most a minute at each end is lost where all days are alike", () => {
    fc.assert(
      fc.property(window, fc.array(override, { maxLength: 3 }), (allow, overrides) => {
        const entries = importSchedule(new Source({ default: { allow }, overrides }));
        const document = parseDocument({ version: 1, totalMax: "1", schedule: entries });
        const ours = new Schedule(document.schedule as ScheduleEntry[], "UTC");
        const monday = Date.parse("2026-11-16T00:00:00Z");
        for (let minute = 0; minute < 7 * 1440; minute += 10) {
          for (const at of [minute, minute + 9]) {
            const day = DAYS[Math.floor(at / 1440)]!;
            const rule = overrides.find(({ days }) => days.includes(day));
            const there =
              inside(rule?.allow ?? allow, at % 1440) &&
              !(rule?.deny !== undefined && inside(rule.deny, at % 1440));
            const here = ours.isOpen(monday + at * 60_000);
            if (here) expect(there, "open here alone").toBe(true);
            const isLast = at % 1440 === minutes(allow.slice(6));
            if (there && overrides.length === 0 && !isLast) expect(here, "shut here alone").toBe(true);
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  it("says it as a person would", () => {
    const entries = (schedule: object) => importSchedule(new Source(schedule));
    expect(entries({ default: { allow: "08:00-20:00" } })).toEqual([{ allow: ["08:00-20:00"] }]);
    expect(entries({ default: { allow: "22:00-06:00" } })).toEqual([
      { allow: ["00:00-06:00", "22:00-24:00"] },
    ]);
    expect(
      entries({
        default: { allow: "08:00-20:00" },
        overrides: [
          { days: ["Saturday", "sun"], deny: "00:00-23:59" },
          { days: ["fri", "sat"], deny: "12:00-12:59" },
        ],
      }),
    ).toEqual([
      { days: ["mon", "tue", "wed", "thu"], allow: ["08:00-20:00"] },
      { days: ["fri"], allow: ["08:00-12:00", "13:00-20:00"] },
      { days: ["sat", "sun"], allow: "none" },
    ]);
  });
});

describe("the other predecessor", () => {
  it("an operator's rules", () => {
    const usd = (amount: unknown, currency = "USD") => ({ amount, currency });
    const imported = qbt({
      rules: {
        ...{ maxSpendPerTx: usd("0.50"), maxSpendPerHour: usd(2, "USDC"), maxSpendPerDay: usd("10") },
        ...{
          allowedChains: ["base"],
          allowedRecipients: [ALICE],
          blockedRecipients: [BOB],
          requireApprovalAbove: usd("1"),
        },
      },
    });
    expect(imported).toMatchObject({ unknown: [], unsupported: ["requireApprovalAbove"] });
    expect(parseDocument(imported.document)).toEqual(
      parseDocument({
        ...{ version: 1, perCallMax: "0.5", perDayMax: "10", allowedNetworks: ["base"] },
        ...{ allowedRecipients: [ALICE], blockedRecipients: [BOB] },
        budgets: [{ name: "per hour", limit: "2", window: "1h" }],
      }),
    );
  });

  it("a client's options", () => {
    const { document, unknown } = qbt(
      {
        allowedChains: ["eip155:8453"],
        allowedAssets: ["USDC"],
        allowedRecipients: [],
        perCallMax: 0.1,
        perSessionMax: "5",
        perDayMax: "0",
        more: 1,
      },
      "Europe/Athens",
    );
    expect(unknown).toEqual(["more"]);
    expect(parseDocument(document)).toMatchObject({
      ...{
        allowedNetworks: ["eip155:8453"],
        allowedAssets: ["USDC"],
        allowedRecipients: [],
        timezone: "Europe/Athens",
      },
      ...{ perCallMax: "0.10", perSessionMax: "5.00", perDayMax: "0.00" },
    });
  });

  it("options beside rules are not known", () => {
    expect(qbt({ rules: {}, perCallMax: "5" }).unknown).toEqual(["perCallMax"]);
  });

  it.each([
    ["another currency", { rules: { maxSpendPerDay: { amount: "5", currency: "EUR" } } }],
    ["no currency", { rules: { maxSpendPerDay: { amount: "5" } } }],
    ["no amount", { rules: { maxSpendPerDay: { currency: "USD" } } }],
    ["a bare amount", { rules: { maxSpendPerDay: "5" } }],
    ["a wrong letter in an address", { allowedRecipients: ["0x71997970C51812dc3A010C7d01b50e0d17dc79C8"] }],
    ["rules that are none", { rules: [] }],
  ])("%s cannot be read", (_, json) => {
    expect(() => qbt(json)).toThrow(ImportInvalid);
    expect(() => qbt({}, "Mars/Olympus")).toThrow(ImportInvalid);
  });
});

it("never throws anything else, and never makes a document that is looser than its limits", () => {
  const keys = [
    "daily_limit",
    "per_request_limit",
    "schedule",
    "x402",
    "allowed_categories",
    "rules",
    "perDayMax",
    "allowedChains",
    "maxSpendPerTx",
    "overrides",
    "timezone",
    "__proto__",
    "constructor",
  ];
  const json = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(
    fc.property(json, fc.constantFrom(lap, qbt), (value, from) => {
      try {
        const { document } = from(value);
        expect(document["version"]).toBe(1);
      } catch (error) {
        expect(error).toBeInstanceOf(ImportInvalid);
      }
    }),
    { numRuns: 3000 },
  );
});
