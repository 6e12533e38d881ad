import { describe, expect, it } from "vitest";
import { review } from "../../policy/check.ts";
import { diffDocuments } from "../../policy/diff.ts";
import { parseDocument } from "../../policy/document.ts";
import { PRESETS } from "../../policy/presets.ts";
import { ALICE, BOB } from "./household.ts";

const SOUND = {
  version: 1,
  allowedNetworks: ["base"],
  allowedAssets: ["USDC"],
  allowedRecipients: [ALICE],
  perCallMax: "0.10",
  perDayMax: "5",
  perMonthMax: "50",
  totalMax: "100",
  budgets: [{ name: "n", count: 60, window: "1m" }],
};
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"];
const remarks = (fields: object) =>
  review(parseDocument({ ...SOUND, ...fields })).map(({ path, text }) => `${path}: ${text}`);
const extra = (budget: object) => ({ budgets: [...SOUND.budgets, { name: "b", ...budget }] });

describe("review", () => {
  it("has nothing to say about a document that says everything", () => {
    expect(remarks({})).toEqual([]);
  });

  it.each<[string, object]>([
    ["totalMax: nothing limits what is spent in all", { totalMax: undefined }],
    ["perCallMax: one payment may take", { perCallMax: undefined }],
    ["allowedNetworks: absent", { allowedNetworks: undefined }],
    ["allowedAssets: absent", { allowedAssets: undefined }],
    ["allowedRecipients: neither payees nor domains", { allowedRecipients: undefined }],
    [
      "allowedDomains: domains are the agent's claims",
      { allowedRecipients: undefined, allowedDomains: ["a.example"] },
    ],
    ["budgets: no count", { budgets: [] }],
    ["allowedNetworks: no known asset is on eip155:10", { allowedNetworks: ["base", "eip155:10"] }],
    ["allowedRecipients: is empty", { allowedRecipients: [] }],
    ["allowedDomains: *.com allows every domain", { allowedDomains: ["*.com"] }],
    [`allowedRecipients: ${ALICE} is blocked too`, { blockedRecipients: [ALICE] }],
    [
      "allowedDomains: x.a.example is blocked too",
      { allowedDomains: ["x.a.example"], blockedDomains: ["a.example"] },
    ],
    ["perDayMax: 60.00 is never reached: perMonthMax is 50.00", { perDayMax: "60" }],
    ["perCallMax: 6.00 is never reached: perDayMax is 5.00", { perCallMax: "6" }],
    ["perSessionMax: 101.00 is never reached", { perSessionMax: "101" }],
    ["perDayMax: is 0", { perDayMax: "0" }],
    [
      "budgets[b]: is never reached: perDayMax is 5.00",
      extra({ limit: "6", window: "day", per: "recipient" }),
    ],
    ["budgets[b]: is never reached: totalMax", extra({ limit: "101", window: "1h" })],
    ["budgets[b]: rests on claims", extra({ limit: "1", window: "day", per: "domain" })],
    ["budgets[b]: is 0", extra({ count: 0, window: "day" })],
    [
      "budgets[b]: never applies: its network",
      extra({ count: 1, window: "day", match: { network: "polygon" } }),
    ],
    [
      "budgets[b]: never applies: its recipient",
      extra({ count: 1, window: "day", match: { recipient: BOB } }),
    ],
    [
      "budgets[b]: never applies: its domain",
      {
        allowedDomains: ["a.example"],
        ...extra({ count: 1, window: "day", match: { domain: "b.example" } }),
      },
    ],
    ["allowedCategories: is empty", { allowedCategories: [] }],
    [
      "allowedCategories: data is blocked too",
      { allowedCategories: ["data"], blockedCategories: ["data", "news"] },
    ],
    [
      "allowedCategories: categories are the agent's claims",
      { allowedRecipients: undefined, allowedCategories: ["data"] },
    ],
    [
      "agents.a.allowedCategories: news is not allowed by the household",
      { allowedCategories: ["data"], agents: { a: { allowedCategories: ["news"] } } },
    ],
    [
      "budgets[b]: never applies: its category is not in",
      { allowedCategories: ["data"], ...extra({ count: 1, window: "day", match: { category: "news" } }) },
    ],
    [
      "budgets[b]: never applies: its category is blocked",
      { blockedCategories: ["news"], ...extra({ count: 1, window: "day", match: { category: "news" } }) },
    ],
    [
      "budgets[b]: never applies: its recipient is blocked",
      { blockedRecipients: [ALICE], ...extra({ count: 1, window: "day", match: { recipient: ALICE } }) },
    ],
    ["schedule: is never open", { schedule: [{ allow: "none" }] }],
    ["schedule: is never open", { schedule: [] }],
    ["schedule: is always open", { schedule: [{ allow: "all" }] }],
    ["schedule: has no entry for sat, sun", { schedule: [{ days: WEEKDAYS, allow: "08:00-20:00" }] }],
    [
      "schedule[1]: never applies: earlier entries",
      { schedule: [{ allow: "08:00-20:00" }, { days: ["sat"], allow: "none" }] },
    ],
    [
      "agents.a.schedule: is never open while the household's is",
      { schedule: [{ allow: "08:00-20:00" }], agents: { a: { schedule: [{ allow: "20:00-08:00" }] } } },
    ],
    ["depeg: USDC declines without a price from the last 5m", { depeg: { max: "0.01", maxAge: "300s" } }],
    [
      "depeg: never applies",
      { allowedNetworks: ["cardano"], allowedAssets: ["ADA"], depeg: { max: "0.01", maxAge: "5m" } },
    ],
    ["agents.a.perDayMax: 6.00 has no effect", { agents: { a: { perDayMax: "6" } } }],
    [
      "agents.a.allowedNetworks: eip155:137 is not allowed",
      { agents: { a: { allowedNetworks: ["polygon"] } } },
    ],
    ["agents.a.allowedRecipients: is empty", { agents: { a: { allowedRecipients: [] } } }],
  ])("%s", (expected, fields) => {
    expect(remarks(fields).filter((remark) => remark.startsWith(expected))).toHaveLength(1);
  });

  it("tells whose permission is over", () => {
    const document = parseDocument({ ...SOUND, agents: { a: { expires: "2027-01-01" } } });
    const over = Date.parse("2027-01-01T00:00:00Z");
    expect(review(document, over - 1)).toEqual([]);
    expect(review(document, over)).toEqual([
      { path: "agents.a.expires", text: "is over, so nothing passes" },
    ]);
  });

  it("tells when only some payments are limited", () => {
    const budgets = [{ name: "b", limit: "1", window: "day", per: "recipient" }];
    const none = { perDayMax: undefined, perMonthMax: undefined, totalMax: undefined };
    expect(remarks({ ...none, budgets })).toContain(
      "budgets: every budget is for some payments only; the others are not limited",
    );
  });
});

describe("diff", () => {
  const between = (before: object, after: object) =>
    diffDocuments(parseDocument({ ...SOUND, ...before }), parseDocument({ ...SOUND, ...after })).map(
      (change) => `${change.path} ${change.from ?? "-"} -> ${change.to ?? "-"} ${change.effect}`,
    );
  const changes = (fields: object) => between({}, fields);

  it.each<[string, object[] | undefined, object[] | undefined]>([
    ["- -> every day 08:00-20:00 tighter", undefined, [{ allow: "08:00-20:00" }]],
    ["every day 08:00-20:00 -> - looser", [{ allow: "08:00-20:00" }], undefined],
    [
      "every day 08:00-20:00 -> every day 08:00-21:00 looser",
      [{ allow: "08:00-20:00" }],
      [{ allow: "08:00-21:00" }],
    ],
    [
      "every day 08:00-20:00 -> every day 09:00-21:00 neither",
      [{ allow: "08:00-20:00" }],
      [{ allow: "09:00-21:00" }],
    ],
    [
      "every day 08:00-20:00 -> sun none; other days 08:00-20:00 tighter",
      [{ allow: "08:00-20:00" }],
      [{ days: ["sun"], allow: "none" }, { allow: "08:00-20:00" }],
    ],
    [
      "every day 08:00-20:00 -> every day 08:00-12:00 and 12:00-20:00 neither",
      [{ allow: "08:00-20:00" }],
      [{ allow: ["08:00-12:00", "12:00-20:00"] }],
    ],
    ["every day all -> - neither", [{ allow: "all" }], undefined],
    ["- -> (empty list) tighter", undefined, []],
    // Past Sunday's midnight, too.
    [
      "sun 22:00-06:00 -> sun 22:00-05:00 tighter",
      [{ days: ["sun"], allow: "22:00-06:00" }],
      [{ days: ["sun"], allow: "22:00-05:00" }],
    ],
  ])("schedule %s", (expected, before, after) => {
    expect(between({ schedule: before }, { schedule: after })).toEqual([`schedule ${expected}`]);
  });

  const DEPEG = { max: "0.01", maxAge: "5m" };
  it.each<[string, object | undefined, object | undefined]>([
    [" - -> max 0.01, maxAge 5m tighter", undefined, DEPEG],
    [" max 0.01, maxAge 5m -> - looser", DEPEG, undefined],
    [".max 0.01 -> 0.02 looser", DEPEG, { ...DEPEG, max: "0.02" }],
    [".max 0.01 -> 0.00 tighter", DEPEG, { ...DEPEG, max: "0" }],
    [".maxAge 5m -> 10m looser", DEPEG, { ...DEPEG, maxAge: "10m" }],
    [".maxAge 5m -> 90s tighter", DEPEG, { ...DEPEG, maxAge: "90s" }],
  ])("depeg%s", (expected, before, after) => {
    expect(between({ depeg: before }, { depeg: after })).toEqual([`depeg${expected}`]);
  });

  it.each<[string, object]>([
    ["perDayMax 5.00 -> 6.00 looser", { perDayMax: "6" }],
    ["perDayMax 5.00 -> 4.00 tighter", { perDayMax: "4" }],
    ["perDayMax 5.00 -> - looser", { perDayMax: undefined }],
    ["perWeekMax - -> 9.00 tighter", { perWeekMax: "9" }],
    ["allowedNetworks - -> eip155:137 looser", { allowedNetworks: ["base", "polygon"] }],
    ["allowedNetworks eip155:8453 -> - tighter", { allowedNetworks: [] }],
    ["allowedNetworks eip155:8453 -> - looser", { allowedNetworks: undefined }],
    ["allowedDomains - -> (empty list) tighter", { allowedDomains: [] }],
    ["blockedDomains - -> a.example, b.example tighter", { blockedDomains: ["b.example", "a.example"] }],
    ["blockedDomains - -> (empty list) neither", { blockedDomains: [] }],
    ["allowedCategories - -> data, news tighter", { allowedCategories: ["news", "data"] }],
    ["blockedCategories - -> news tighter", { blockedCategories: ["news"] }],
    ["timezone - -> Europe/Athens neither", { timezone: "Europe/Athens" }],
    ["maxValidity - -> 5m tighter", { maxValidity: "5m" }],
    ["maxValidity - -> 20m looser", { maxValidity: "20m" }],
    [
      "budgets[n] count 60, window 1m -> count 61, window 1m looser",
      { budgets: [{ ...SOUND.budgets[0], count: 61 }] },
    ],
    [
      "budgets[n] count 60, window 1m -> count 60, window 2m neither",
      { budgets: [{ ...SOUND.budgets[0], window: "2m" }] },
    ],
    ["budgets[n] count 60, window 1m -> - looser", { budgets: [] }],
    [
      "budgets[x] - -> limit 1.00, window day tighter",
      { budgets: [...SOUND.budgets, { name: "x", limit: "1", window: "day" }] },
    ],
    ['agents.a - -> {"perDayMax":"1.00"} looser', { agents: { a: { perDayMax: "1" } } }],
    // Without rules of its own the default agent has only the household's.
    ['agents.default - -> {"perDayMax":"1.00"} tighter', { agents: { default: { perDayMax: "1" } } }],
  ])("%s", (expected, fields) => {
    expect(changes(fields)).toEqual([expected]);
  });

  it("tells that an agent that goes is stopped, and the default one set free", () => {
    const effect = (name: string) => {
      const named = parseDocument({ ...SOUND, agents: { [name]: { perDayMax: "1" } } });
      return diffDocuments(named, parseDocument(SOUND)).map((change) => change.effect);
    };
    expect([effect("a"), effect("default")]).toEqual([["tighter"], ["looser"]]);
  });

  it.each<[string, object, object]>([
    ["- -> 2027-01-01 tighter", {}, { expires: "2027-01-01" }],
    ["2027-01-01 -> - looser", { expires: "2027-01-01" }, {}],
    ["2027-01-01 -> 2027-02-01 looser", { expires: "2027-01-01" }, { expires: "2027-02-01" }],
    [
      "2027-01-01 -> 2026-12-31T23:59:59Z tighter",
      { expires: "2027-01-01" },
      { expires: "2026-12-31T23:59:59Z" },
    ],
    [
      "2027-01-01 -> 2027-01-01T00:00:00Z neither",
      { expires: "2027-01-01" },
      { expires: "2027-01-01T00:00Z" },
    ],
  ])("agents.a.expires %s", (expected, before, after) => {
    expect(between({ agents: { a: before } }, { agents: { a: after } })).toEqual([
      `agents.a.expires ${expected}`,
    ]);
  });

  it("is empty for two spellings of one document", () => {
    expect(changes({ perDayMax: "5.00", allowedNetworks: ["eip155:8453"] })).toEqual([]);
  });

  it("looks into agents that both have, and starts from nothing", () => {
    const one = parseDocument({ ...SOUND, agents: { a: { perDayMax: "1" } } });
    const two = parseDocument({ ...SOUND, agents: { a: { perDayMax: "2" } } });
    expect(diffDocuments(one, two)).toEqual([
      { path: "agents.a.perDayMax", from: "1.00", to: "2.00", effect: "looser" },
    ]);
    expect(diffDocuments(undefined, parseDocument(PRESETS[0]!.document)).length).toBeGreaterThan(5);
  });
});
