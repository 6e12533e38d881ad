// Who: household, unlock, agent and session, all at once.
import { ALICE, BOB } from "../household.ts";
import type { Case } from "./case.ts";

const agent = (rules: object, household: object = {}) => ({
  agent: "research",
  document: { ...household, agents: { research: rules } },
});
const TODAY = "2026-11-20T09:00:00Z";

export const SCOPES: readonly Case[] = [
  { name: "policy: there is none", document: undefined, expect: ["NO_POLICY", undefined] },
  { name: "freeze: everything", document: {}, frozen: "*", expect: ["SIGNER_FROZEN", undefined] },
  { name: "freeze: this agent", ...agent({}), frozen: "research", expect: "SIGNER_FROZEN" },
  { name: "freeze: another agent", ...agent({}), frozen: "default", expect: "allow" },
  { name: "agent: not in the document", agent: "stranger", document: {}, expect: "SIGNER_FROZEN" },
  { name: "agent: the default one needs no place in it", document: {}, expect: "allow" },

  {
    name: "agent: narrower than its household",
    ...agent({ perCallMax: "0.10" }, { perCallMax: "1.00" }),
    payment: { usd: "0.100001" },
    expect: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
  },
  {
    name: "agent: wider than its household does not help",
    ...agent({ perCallMax: "9.00" }, { perCallMax: "1.00" }),
    payment: { usd: "1.000001" },
    expect: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
  },
  {
    name: "agent: rules of another agent are not its own",
    ...agent({ perCallMax: "0.10" }),
    agent: "default",
    payment: { usd: "1.00" },
    expect: "allow",
  },
  {
    name: "agent: its own list within the household's",
    ...agent({ allowedRecipients: [ALICE] }, { allowedRecipients: [ALICE, BOB] }),
    payment: { to: BOB },
    expect: "RECIPIENT_NOT_ALLOWED",
  },
  {
    name: "agent: its list cannot add to the household's",
    ...agent({ allowedRecipients: [BOB] }, { allowedRecipients: [ALICE] }),
    payment: { to: BOB },
    expect: "RECIPIENT_NOT_ALLOWED",
  },
  {
    name: "agent: its own blocked category",
    ...agent({ blockedCategories: ["news"] }, { allowedCategories: ["news"] }),
    payment: { category: "news" },
    expect: "CATEGORY_BLOCKED",
  },
  {
    name: "agent: its own hours within the household's",
    ...agent({ schedule: [{ allow: "14:00-16:00" }] }, { schedule: [{ allow: "08:00-20:00" }] }),
    expect: ["OUTSIDE_SCHEDULE", "2026-11-20T14:00:00.000Z"],
  },
  {
    name: "agent: its hours cannot add to the household's",
    ...agent({ schedule: [{ allow: "all" }] }, { schedule: [{ allow: "13:00-20:00" }] }),
    expect: ["OUTSIDE_SCHEDULE", "2026-11-20T13:00:00.000Z"],
  },
  {
    name: "agent: two schedules, and the later opening is named",
    ...agent({ schedule: [{ allow: "14:00-16:00" }] }, { schedule: [{ allow: "13:00-20:00" }] }),
    expect: ["OUTSIDE_SCHEDULE", "2026-11-20T14:00:00.000Z"],
  },

  { name: "expiry: long before", ...agent({ expires: "2027-01-01" }), expect: "allow" },
  {
    name: "expiry: at the last millisecond",
    ...agent({ expires: "2027-01-01" }),
    now: "2026-12-31T23:59:59.999Z",
    expect: "allow",
  },
  {
    name: "expiry: at the start of the day",
    ...agent({ expires: "2027-01-01" }),
    now: "2027-01-01T00:00:00Z",
    expect: ["AGENT_EXPIRED", undefined],
  },
  {
    name: "expiry: at the start of the day in its time zone",
    ...agent({ expires: "2027-01-01" }, { timezone: "Europe/Athens" }),
    now: "2026-12-31T22:00:00Z",
    expect: "AGENT_EXPIRED",
  },
  {
    name: "expiry: before the day in its time zone",
    ...agent({ expires: "2027-01-01" }, { timezone: "America/New_York" }),
    now: "2027-01-01T04:59:59.999Z",
    expect: "allow",
  },
  {
    name: "expiry: at an instant",
    ...agent({ expires: "2026-11-20T14:00:00+02:00" }),
    expect: "AGENT_EXPIRED",
  },
  {
    name: "expiry: a millisecond before an instant",
    ...agent({ expires: "2026-11-20T12:00:00.001Z" }),
    expect: "allow",
  },
  {
    name: "expiry: of another agent",
    ...agent({ expires: "2020-01-01" }),
    agent: "default",
    expect: "allow",
  },
  {
    name: "expiry: of the default agent",
    document: { agents: { default: { expires: "2020-01-01" } } },
    expect: "AGENT_EXPIRED",
  },

  {
    name: "unlock: what it was given, exactly",
    document: {},
    unlock: { spend: "1.00" },
    payment: { usd: "1.00" },
    expect: "allow",
  },
  {
    name: "unlock: one unit more",
    document: {},
    unlock: { spend: "1.00" },
    payment: { usd: "1.000001" },
    expect: ["UNLOCK_BUDGET_EXCEEDED", undefined],
  },
  {
    name: "unlock: one payment more",
    document: {},
    unlock: { count: 1n },
    before: [{ at: TODAY }],
    expect: "UNLOCK_BUDGET_EXCEEDED",
  },
  {
    name: "unlock: a millisecond before its end",
    document: {},
    unlock: { ends: "2026-11-20T12:00:00.001Z" },
    expect: "allow",
  },
  {
    name: "unlock: at its end",
    document: {},
    unlock: { ends: "2026-11-20T12:00:00Z" },
    expect: ["SIGNER_LOCKED", undefined],
  },

  {
    name: "session: its own limit",
    document: {},
    session: { perSessionMax: "1.00" },
    before: [{ usd: "0.50", at: TODAY }],
    payment: { usd: "0.500001" },
    expect: "SESSION_BUDGET_EXCEEDED",
  },
  {
    name: "session: exactly what is left of it",
    document: {},
    session: { perSessionMax: "1.00" },
    before: [{ usd: "0.50", at: TODAY }],
    payment: { usd: "0.50" },
    expect: "allow",
  },
  {
    name: "session: a wider one does not help",
    document: { perDayMax: "1.00" },
    session: { perDayMax: "9.00" },
    payment: { usd: "1.01" },
    expect: "DAILY_BUDGET_EXCEEDED",
  },
  {
    name: "session: its hours in the household's time zone",
    document: { timezone: "Asia/Tokyo" },
    session: { schedule: [{ allow: "21:00-22:00" }] },
    expect: "allow",
  },
  {
    name: "session: outside its hours",
    document: { timezone: "Asia/Tokyo" },
    session: { schedule: [{ allow: "20:00-21:00" }] },
    expect: ["OUTSIDE_SCHEDULE", "2026-11-21T11:00:00.000Z"],
  },
  {
    name: "session: its own categories",
    document: {},
    session: { allowedCategories: ["data"] },
    payment: { category: "news" },
    expect: "CATEGORY_NOT_ALLOWED",
  },
  {
    name: "session: over",
    document: {},
    session: {},
    sessionEnds: "2026-11-20T12:00:00Z",
    expect: "SESSION_UNKNOWN",
  },
  {
    name: "session: a millisecond before it is over",
    document: {},
    session: {},
    sessionEnds: "2026-11-20T12:00:00.001Z",
    expect: "allow",
  },
];
