// Budgets over rolling windows, by count, for each of something, and for some payments only.
import { ALICE, BOB } from "../household.ts";
import { ADA, type Case, USDM } from "./case.ts";

const budget = (fields: object) => ({ budgets: [{ name: "b", ...fields }] });
const TODAY = "2026-11-20T09:00:00Z";
const spent = (usd: string, at: string) => ({ before: [{ usd, at }] });
const NEXT_DAY = "2026-11-21T00:00:00.000Z";

export const BUDGETS: readonly Case[] = [
  {
    name: "rolling: exactly what is left",
    document: budget({ limit: "1.00", window: "1h" }),
    ...spent("0.40", "2026-11-20T11:30:00Z"),
    payment: { usd: "0.60" },
    expect: "allow",
  },
  {
    name: "rolling: one unit more, until the window has moved",
    document: budget({ limit: "1.00", window: "1h" }),
    ...spent("0.40", "2026-11-20T11:30:00Z"),
    payment: { usd: "0.600001" },
    expect: ["WINDOW_BUDGET_EXCEEDED", "2026-11-20T12:31:00.000Z"],
  },
  {
    name: "rolling: what is an hour old still counts with its bucket",
    document: budget({ limit: "1.00", window: "1h" }),
    ...spent("1.00", "2026-11-20T11:00:00Z"),
    payment: { usd: "0.01" },
    expect: ["WINDOW_BUDGET_EXCEEDED", "2026-11-20T12:01:00.000Z"],
  },
  {
    name: "rolling: an hour and a minute later it does not",
    document: budget({ limit: "1.00", window: "1h" }),
    ...spent("1.00", "2026-11-20T10:59:59.999Z"),
    payment: { usd: "1.00" },
    expect: "allow",
  },
  {
    name: "count: the last one",
    document: budget({ count: 3, window: "1m" }),
    before: [{ at: "2026-11-20T11:59:30Z" }, { at: "2026-11-20T11:59:40Z" }],
    expect: "allow",
  },
  {
    name: "count: a loop on a 402 is one too many",
    document: budget({ count: 3, window: "1m" }),
    before: [{ at: "2026-11-20T11:59:30Z" }, { at: "2026-11-20T11:59:40Z" }, { at: "2026-11-20T11:59:50Z" }],
    expect: ["VELOCITY_LIMIT_EXCEEDED", "2026-11-20T12:00:31.000Z"],
  },
  {
    name: "count: a minute later",
    document: budget({ count: 1, window: "1m" }),
    before: [{ at: "2026-11-20T11:58:00Z" }],
    expect: "allow",
  },
  {
    name: "count: of 0",
    document: budget({ count: 0, window: "day" }),
    expect: ["VELOCITY_LIMIT_EXCEEDED", undefined],
  },
  {
    name: "count: by day",
    document: budget({ count: 1, window: "day" }),
    before: [{ at: TODAY }],
    expect: ["VELOCITY_LIMIT_EXCEEDED", NEXT_DAY],
  },

  {
    name: "per payee: another payee has its own",
    document: budget({ limit: "1.00", window: "day", per: "recipient" }),
    before: [{ usd: "1.00", to: BOB, at: TODAY }],
    payment: { usd: "1.00", to: ALICE },
    expect: "allow",
  },
  {
    name: "per payee: the same one is full",
    document: budget({ limit: "1.00", window: "day", per: "recipient" }),
    before: [{ usd: "1.00", to: BOB, at: TODAY }],
    payment: { usd: "0.01", to: BOB },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "per domain: another path is the same domain",
    document: budget({ limit: "1.00", window: "day", per: "domain" }),
    before: [{ usd: "1.00", url: "https://a.example/1", at: TODAY }],
    payment: { usd: "0.01", url: "https://a.example/2" },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "per resource: another path has its own",
    document: budget({ limit: "1.00", window: "day", per: "resource" }),
    before: [{ usd: "1.00", url: "https://a.example/1", at: TODAY }],
    payment: { usd: "1.00", url: "https://a.example/2" },
    expect: "allow",
  },
  {
    name: "per resource: another query is the same",
    document: budget({ limit: "1.00", window: "day", per: "resource" }),
    before: [{ usd: "1.00", url: "https://a.example/1?a", at: TODAY }],
    payment: { usd: "0.01", url: "https://a.example/1?b" },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "per category: no category is one of its own",
    document: budget({ limit: "1.00", window: "day", per: "category" }),
    before: [{ usd: "1.00", at: TODAY }],
    payment: { usd: "0.01", category: "other" },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "per asset: another asset has its own",
    document: budget({ limit: "1.00", window: "day", per: "asset" }),
    before: [{ usd: "1.00", at: TODAY }],
    payment: { usd: "1.00", asset: USDM },
    expect: "allow",
  },
  {
    name: "per network: the same network is full",
    document: budget({ limit: "1.00", window: "day", per: "network" }),
    before: [{ usd: "1.00", to: BOB, at: TODAY }],
    payment: { usd: "0.01" },
    expect: "DAILY_BUDGET_EXCEEDED",
  },

  {
    name: "match: another payee is not counted",
    document: budget({ limit: "1.00", window: "day", match: { recipient: BOB } }),
    before: [{ usd: "1.00", to: BOB, at: TODAY }],
    payment: { usd: "9.00", to: ALICE },
    expect: "allow",
  },
  {
    name: "match: the payee is",
    document: budget({ limit: "1.00", window: "day", match: { recipient: BOB } }),
    before: [{ usd: "1.00", to: BOB, at: TODAY }],
    payment: { usd: "0.01", to: BOB },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "match: ADA is rare",
    document: budget({ limit: "1.00", window: "7d", match: { asset: "ADA" } }),
    prices: { ADA: "0.50" },
    payment: { asset: ADA, usd: "2.000001" },
    expect: ["WINDOW_BUDGET_EXCEEDED", undefined],
  },
  {
    name: "match: ADA, exactly",
    document: budget({ limit: "1.00", window: "7d", match: { asset: "ADA" } }),
    prices: { ADA: "0.50" },
    payment: { asset: ADA, usd: "2.00" },
    expect: "allow",
  },
  {
    name: "match: by network",
    document: budget({ limit: "1.00", window: "day", match: { network: "base" } }),
    payment: { usd: "1.01" },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "match: by domain, below it",
    document: budget({ limit: "1.00", window: "day", match: { domain: "*.a.example" } }),
    payment: { usd: "1.01", url: "https://x.a.example/" },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "match: by domain, and another one",
    document: budget({ limit: "1.00", window: "day", match: { domain: "a.example" } }),
    payment: { usd: "1.01", url: "https://b.example/" },
    expect: "allow",
  },
  {
    name: "match: by category",
    document: budget({ limit: "1.00", window: "day", match: { category: "data" } }),
    payment: { usd: "1.01", category: "Data" },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "match: by category, and none claimed",
    document: budget({ limit: "1.00", window: "day", match: { category: "data" } }),
    payment: { usd: "1.01" },
    expect: "allow",
  },
  {
    name: "match: all that is named must fit",
    document: budget({ limit: "1.00", window: "day", match: { category: "data", recipient: BOB } }),
    payment: { usd: "1.01", category: "data", to: ALICE },
    expect: "allow",
  },
];
