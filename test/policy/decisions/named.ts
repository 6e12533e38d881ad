// New keys of a day; and which of several reasons is named: the one that stays longest.
import { ALICE, USDC } from "../household.ts";
import type { Case } from "./case.ts";

const agent = (rules: object, household: object = {}) => ({
  agent: "research",
  document: { ...household, agents: { research: rules } },
});
const TODAY = "2026-11-20T09:00:00Z";
const NEXT_DAY = "2026-11-21T00:00:00.000Z";

export const NAMED: readonly Case[] = [
  {
    name: "keys: the last new one of the day",
    document: { budgets: [{ name: "b", count: 9, window: "day", per: "recipient" }] },
    newKeys: 999n,
    expect: "allow",
  },
  {
    name: "keys: one more",
    document: { budgets: [{ name: "b", count: 9, window: "day", per: "recipient" }] },
    newKeys: 1000n,
    expect: ["TOO_MANY_KEYS", NEXT_DAY],
  },
  {
    name: "keys: one that is known",
    document: { budgets: [{ name: "b", count: 9, window: "day", per: "recipient" }] },
    newKeys: 1000n,
    before: [{ at: TODAY }],
    expect: "allow",
  },
  {
    name: "keys: two are new at once",
    document: {
      budgets: [
        { name: "b", count: 9, window: "day", per: "recipient" },
        { name: "c", count: 9, window: "week", per: "recipient" },
      ],
    },
    newKeys: 999n,
    expect: ["TOO_MANY_KEYS", NEXT_DAY],
  },

  {
    name: "named: no price before any list",
    document: { allowedRecipients: [] },
    payment: { asset: { ...USDC, pegged: false } },
    expect: "NO_PRICE",
  },
  {
    name: "named: a freeze before an expiry",
    ...agent({ expires: "2020-01-01" }),
    frozen: "*",
    expect: "SIGNER_FROZEN",
  },
  {
    name: "named: an expiry before a list",
    ...agent({ expires: "2020-01-01" }, { allowedRecipients: [] }),
    expect: "AGENT_EXPIRED",
  },
  {
    name: "named: a depeg before a list",
    document: { depeg: { max: "0.01", maxAge: "5m" }, allowedRecipients: [] },
    prices: { USDC: "0.90" },
    expect: "STABLECOIN_DEPEG",
  },
  {
    name: "named: a blocked payee before a stale price",
    document: { depeg: { max: "0.01", maxAge: "5m" }, blockedRecipients: [ALICE] },
    expect: "RECIPIENT_BLOCKED",
  },
  {
    name: "named: a category before the amount",
    document: { allowedCategories: [], perCallMax: "0" },
    expect: "CATEGORY_NOT_ALLOWED",
  },
  {
    name: "named: the total before the schedule",
    document: { totalMax: "0", schedule: [] },
    expect: "BUDGET_EXCEEDED",
  },
  {
    name: "named: the week before the schedule",
    document: { perWeekMax: "0", schedule: [] },
    expect: "WEEKLY_BUDGET_EXCEEDED",
  },
  {
    name: "named: the schedule before the day",
    document: { perDayMax: "1.00", schedule: [{ allow: "08:00-11:00" }] },
    before: [{ usd: "1.00", at: TODAY }],
    expect: ["OUTSIDE_SCHEDULE", "2026-11-21T08:00:00.000Z"],
  },
  {
    name: "named: the day before a rate",
    document: { perDayMax: "1.00", budgets: [{ name: "b", count: 1, window: "7d" }] },
    before: [{ usd: "1.00", at: TODAY }],
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "named: a stale price before a rate",
    document: { depeg: { max: "0.01", maxAge: "5m" }, budgets: [{ name: "b", count: 0, window: "1m" }] },
    expect: "PRICE_STALE",
  },
];
