// When: schedules, their edges, and what clocks do to them.
import type { Case } from "./case.ts";

const hours = (allow: string | string[], timezone = "UTC") => ({
  document: { timezone, schedule: [{ allow }] },
});
const athens = (allow: string | string[]) => hours(allow, "Europe/Athens");
const WEEK = [
  { days: ["sat", "sun"], allow: "none" },
  { days: ["fri"], allow: ["08:00-12:00", "13:00-15:00"] },
  { allow: "08:00-20:00" },
];
const week = { document: { schedule: WEEK } };
const closed = (reopensAt: string | undefined): Case["expect"] => ["OUTSIDE_SCHEDULE", reopensAt];

export const TIMES: readonly Case[] = [
  { name: "schedule: always open", ...hours("all"), now: "2026-11-21T03:00:00Z", expect: "allow" },
  { name: "schedule: never open", ...hours("none"), expect: closed(undefined) },
  { name: "schedule: no entry at all", document: { schedule: [] }, expect: closed(undefined) },
  { name: "schedule: absent, at 3 am", document: {}, now: "2026-11-21T03:00:00Z", expect: "allow" },
  {
    name: "schedule: at 3 am",
    ...hours("08:00-20:00"),
    now: "2026-11-21T03:00:00Z",
    expect: closed("2026-11-21T08:00:00.000Z"),
  },
  {
    name: "schedule: a millisecond early",
    ...hours("08:00-20:00"),
    now: "2026-11-20T07:59:59.999Z",
    expect: closed("2026-11-20T08:00:00.000Z"),
  },
  {
    name: "schedule: at the first instant",
    ...hours("08:00-20:00"),
    now: "2026-11-20T08:00:00Z",
    expect: "allow",
  },
  {
    name: "schedule: at the last millisecond",
    ...hours("08:00-20:00"),
    now: "2026-11-20T19:59:59.999Z",
    expect: "allow",
  },
  {
    name: "schedule: at its end",
    ...hours("08:00-20:00"),
    now: "2026-11-20T20:00:00Z",
    expect: closed("2026-11-21T08:00:00.000Z"),
  },
  {
    name: "schedule: signed in time, valid beyond the end",
    ...hours("08:00-20:00"),
    now: "2026-11-20T19:59:59Z",
    payment: { valid: 600 },
    expect: "allow",
  },
  {
    name: "schedule: until 24:00, at the last millisecond",
    ...hours("20:00-24:00"),
    now: "2026-11-20T23:59:59.999Z",
    expect: "allow",
  },
  {
    name: "schedule: until 24:00, at midnight",
    ...hours("20:00-24:00"),
    now: "2026-11-21T00:00:00Z",
    expect: closed("2026-11-21T20:00:00.000Z"),
  },
  {
    name: "schedule: in the first of two windows",
    ...hours(["08:00-12:00", "13:00-15:00"]),
    now: "2026-11-20T11:59:59Z",
    expect: "allow",
  },
  {
    name: "schedule: between two windows",
    ...hours(["08:00-12:00", "13:00-15:00"]),
    expect: closed("2026-11-20T13:00:00.000Z"),
  },
  {
    name: "schedule: in the second of two windows",
    ...hours(["08:00-12:00", "13:00-15:00"]),
    now: "2026-11-20T13:00:00Z",
    expect: "allow",
  },

  {
    name: "schedule: an override stands before the default",
    ...week,
    now: "2026-11-19T12:30:00Z",
    expect: "allow",
  },
  {
    name: "schedule: Friday's own hours",
    ...week,
    now: "2026-11-20T12:30:00Z",
    expect: closed("2026-11-20T13:00:00.000Z"),
  },
  {
    name: "schedule: from Friday evening to Monday",
    ...week,
    now: "2026-11-20T15:00:00Z",
    expect: closed("2026-11-23T08:00:00.000Z"),
  },
  {
    name: "schedule: Sunday noon",
    ...week,
    now: "2026-11-22T12:00:00Z",
    expect: closed("2026-11-23T08:00:00.000Z"),
  },
  { name: "schedule: Monday morning", ...week, now: "2026-11-23T08:00:00Z", expect: "allow" },
  {
    name: "schedule: an override behind the default decides nothing",
    document: { schedule: [{ allow: "08:00-20:00" }, { days: ["fri"], allow: "none" }] },
    expect: "allow",
  },
  {
    name: "schedule: a day that no entry has",
    document: { schedule: [{ days: ["mon"], allow: "all" }] },
    expect: closed("2026-11-23T00:00:00.000Z"),
  },
  {
    name: "schedule: the day is that of its own time zone",
    document: { timezone: "Asia/Tokyo", schedule: [{ days: ["sat"], allow: "all" }] },
    now: "2026-11-20T15:00:00Z",
    expect: "allow",
  },

  {
    name: "schedule: past midnight, before it",
    ...hours("22:00-06:00"),
    now: "2026-11-20T22:00:00Z",
    expect: "allow",
  },
  {
    name: "schedule: past midnight, after it",
    ...hours("22:00-06:00"),
    now: "2026-11-21T05:59:59.999Z",
    expect: "allow",
  },
  {
    name: "schedule: past midnight, at its end",
    ...hours("22:00-06:00"),
    now: "2026-11-21T06:00:00Z",
    expect: closed("2026-11-21T22:00:00.000Z"),
  },
  {
    name: "schedule: Friday's night goes on into a Saturday without hours",
    document: { schedule: [{ days: ["sat"], allow: "none" }, { allow: "22:00-06:00" }] },
    now: "2026-11-21T03:00:00Z",
    expect: "allow",
  },
  {
    name: "schedule: Saturday without hours has no night into Sunday",
    document: { schedule: [{ days: ["sat"], allow: "none" }, { allow: "22:00-06:00" }] },
    now: "2026-11-22T03:00:00Z",
    expect: closed("2026-11-22T22:00:00.000Z"),
  },
  {
    name: "schedule: Sunday's night goes on into Monday",
    document: { schedule: [{ days: ["sun"], allow: "22:00-06:00" }] },
    now: "2026-11-23T05:00:00Z",
    expect: "allow",
  },
  {
    name: "schedule: Monday's own morning is not Sunday's night",
    document: { schedule: [{ days: ["mon"], allow: "22:00-06:00" }] },
    now: "2026-11-23T05:00:00Z",
    expect: closed("2026-11-23T22:00:00.000Z"),
  },

  {
    name: "schedule: by the clock on the wall in winter",
    ...athens("08:00-20:00"),
    now: "2026-11-20T06:00:00Z",
    expect: "allow",
  },
  {
    name: "schedule: by the clock on the wall in summer",
    ...athens("08:00-20:00"),
    now: "2026-07-20T05:00:00Z",
    expect: "allow",
  },
  {
    name: "schedule: an hour too early in winter",
    ...athens("08:00-20:00"),
    now: "2026-11-20T05:59:59.999Z",
    expect: closed("2026-11-20T06:00:00.000Z"),
  },
  {
    name: "schedule: reopens on the other side of clocks that go back",
    ...athens("08:00-20:00"),
    now: "2026-10-24T18:00:00Z",
    expect: closed("2026-10-25T06:00:00.000Z"),
  },
  {
    name: "schedule: reopens on the other side of clocks that go forward",
    ...athens("08:00-20:00"),
    now: "2026-03-28T19:00:00Z",
    expect: closed("2026-03-29T05:00:00.000Z"),
  },
  {
    name: "schedule: what the clocks skip does not happen",
    ...athens("03:00-04:00"),
    now: "2026-03-29T00:59:59Z",
    expect: closed("2026-03-30T00:00:00.000Z"),
  },
  {
    name: "schedule: its rest, when clocks skip its beginning",
    ...athens("03:30-04:30"),
    now: "2026-03-29T01:00:00Z",
    expect: "allow",
  },
  {
    name: "schedule: what the clocks repeat, the first time",
    ...athens("03:00-04:00"),
    now: "2026-10-25T00:30:00Z",
    expect: "allow",
  },
  {
    name: "schedule: what the clocks repeat, the second time",
    ...athens("03:00-04:00"),
    now: "2026-10-25T01:30:00Z",
    expect: "allow",
  },
  {
    name: "schedule: between the two times",
    ...athens("03:00-03:30"),
    now: "2026-10-25T00:45:00Z",
    expect: closed("2026-10-25T01:00:00.000Z"),
  },
  {
    name: "schedule: a midnight that is skipped",
    document: { timezone: "Africa/Cairo", schedule: [{ allow: "00:00-00:30" }] },
    now: "2026-04-23T22:00:00Z",
    expect: closed("2026-04-24T21:00:00.000Z"),
  },
  {
    name: "schedule: a full day begins when a skipped midnight would be",
    document: { timezone: "Africa/Cairo", schedule: [{ days: ["fri"], allow: "all" }] },
    now: "2026-04-23T22:00:00Z",
    expect: "allow",
  },
];
