// Schedules against another reading of the same words: what Temporal says that the clock on the wall shows, compared
// with each window by itself.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDocument } from "../../policy/document.ts";
import { DAYS, Schedule, type ScheduleEntry } from "../../policy/schedule.ts";

const MINUTE = 60_000;
const at = (iso: string): number => Date.parse(iso);
const canonical = (schedule: object[]) => parseDocument({ version: 1, totalMax: "1", schedule }).schedule!;
const scheduleOf = (entries: object[], timezone = "UTC"): Schedule =>
  new Schedule(canonical(entries), timezone);

/** The words of docs/policy.md, one by one. */
function opens(entries: readonly ScheduleEntry[], timezone: string, ms: number): boolean {
  const local = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timezone).toPlainDateTime();
  const windows = (day: number): string[] => {
    const name = DAYS[(day + 6) % 7]!;
    const allow = entries.find(({ days }) => !days || days.includes(name))?.allow ?? "none";
    if (allow === "all") return ["00:00-24:00"];
    return allow === "none" ? [] : [allow].flat();
  };
  const clock = local.toPlainTime().toString({ smallestUnit: "millisecond" });
  const today = windows(local.dayOfWeek).some((window) => {
    const [start, end] = window.split("-") as [string, string];
    return start <= clock && (end < start || clock < end);
  });
  const begunYesterday = windows(local.dayOfWeek - 1).some((window) => {
    const [start, end] = window.split("-") as [string, string];
    return end < start && clock < end;
  });
  return today || begunYesterday;
}

/** Windows begin at :00, :15, :30 and :59, clocks change at :00 and :30, and offsets are whole half hours. */
function firstOpen(list: readonly ScheduleEntry[], timezone: string, now: number): number | undefined {
  if (opens(list, timezone, now)) return now;
  const end = now + 15 * 1440 * MINUTE;
  for (let t = Math.ceil(now / MINUTE) * MINUTE; t < end; t += MINUTE)
    if ([0, 14].includes((t / MINUTE) % 15) && opens(list, timezone, t)) return t;
  return undefined;
}

const clock = fc
  .tuple(fc.nat(23), fc.constantFrom(0, 15, 30, 59))
  .map(([h, m]) => `${String(h).padStart(2, "0")}:${String(m).padStart(2, "0")}`);
const window = fc
  .tuple(clock, fc.oneof(clock, fc.constant("24:00")))
  .filter(([start, end]) => start !== end)
  .map((ends) => ends.join("-"));
const entry = fc.record(
  {
    days: fc.subarray([...DAYS], { minLength: 1 }),
    allow: fc.oneof(fc.constantFrom("all", "none"), window, fc.array(window, { maxLength: 3 })),
  },
  { requiredKeys: ["allow"] },
);
const entries = fc.array(entry, { maxLength: 4 });

const CHANGES: readonly (readonly [string, string])[] = [
  ["UTC", "2026-11-20T12:00:00Z"],
  ["Europe/Athens", "2026-03-29T01:00:00Z"], // 03:00 -> 04:00
  ["Europe/Athens", "2026-10-25T01:00:00Z"], // 04:00 -> 03:00
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"], // half an hour back
  ["Africa/Cairo", "2026-04-23T22:00:00Z"], // midnight is skipped
  ["America/Santiago", "2026-04-05T03:00:00Z"], // midnight happens twice
  ["America/St_Johns", "2026-03-08T05:30:00Z"],
  ["Pacific/Apia", "2011-12-30T10:00:00Z"], // a Friday is skipped
  ["Asia/Tokyo", "2026-12-31T15:00:00Z"],
];
const moment = fc
  .tuple(
    fc.constantFrom(...CHANGES),
    fc.integer({ min: -5 * 24 * 60, max: 5 * 24 * 60 }),
    fc.constantFrom(-1, 0, 1),
  )
  .map(([[timezone, change], minutes, ms]) => ({ timezone, now: at(change) + minutes * MINUTE + ms }));

describe("a schedule", () => {
  it("is open when the clock on the wall says so", () => {
    fc.assert(
      fc.property(entries, moment, (drawn, { timezone, now }) => {
        const list = canonical(drawn);
        expect(new Schedule(list, timezone).isOpen(now)).toBe(opens(list, timezone, now));
      }),
      { numRuns: 4000 },
    );
  });

  it("opens next at the first instant that is open", () => {
    fc.assert(
      fc.property(entries, moment, (drawn, { timezone, now }) => {
        const list = canonical(drawn);
        expect(new Schedule(list, timezone).nextOpening(now)).toBe(firstOpen(list, timezone, now));
      }),
      { numRuns: 400 },
    );
  });

  it("says the same whatever it was asked before", () => {
    fc.assert(
      fc.property(entries, fc.array(moment, { minLength: 2, maxLength: 8 }), (drawn, asked) => {
        const timezone = asked[0]!.timezone;
        const one = scheduleOf(drawn, timezone);
        for (const { now } of asked) {
          expect(one.isOpen(now)).toBe(scheduleOf(drawn, timezone).isOpen(now));
          expect(one.nextOpening(now)).toBe(scheduleOf(drawn, timezone).nextOpening(now));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("lets the first entry that has the day decide", () => {
    const weekdays = scheduleOf([{ days: ["sat", "sun"], allow: "10:00-12:00" }, { allow: "08:00-20:00" }]);
    expect(weekdays.isOpen(at("2026-11-20T09:00:00Z"))).toBe(true); // Friday
    expect(weekdays.isOpen(at("2026-11-21T09:00:00Z"))).toBe(false);
    expect(weekdays.isOpen(at("2026-11-21T10:00:00Z"))).toBe(true);
    const hidden = scheduleOf([{ allow: "08:00-20:00" }, { days: ["sat", "sun"], allow: "all" }]);
    expect(hidden.isOpen(at("2026-11-21T07:00:00Z"))).toBe(false);
  });

  it("gives a window past midnight to the day on which it begins", () => {
    const night = scheduleOf([
      { days: ["fri"], allow: "22:00-06:00" },
      { days: ["sat"], allow: "none" },
    ]);
    expect(night.isOpen(at("2026-11-20T05:59:59Z"))).toBe(false); // Thursday's night
    expect(night.isOpen(at("2026-11-20T22:00:00Z"))).toBe(true);
    expect(night.isOpen(at("2026-11-21T05:59:59.999Z"))).toBe(true);
    expect(night.isOpen(at("2026-11-21T06:00:00Z"))).toBe(false);
    expect(night.nextOpening(at("2026-11-21T06:00:00Z"))).toBe(at("2026-11-27T22:00:00Z"));
    const sunday = scheduleOf([{ days: ["sun"], allow: "23:00-01:00" }]);
    expect(sunday.isOpen(at("2026-11-23T00:59:00Z"))).toBe(true); // Monday
    expect(sunday.isOpen(at("2026-11-22T00:30:00Z"))).toBe(false);
  });

  it("skips what the clocks skip, and repeats what they repeat", () => {
    const early = scheduleOf([{ allow: "03:15-03:45" }], "Europe/Athens");
    expect(early.nextOpening(at("2026-03-28T22:00:00Z"))).toBe(at("2026-03-30T00:15:00Z"));
    for (const hour of ["00", "01"]) {
      expect(early.isOpen(at(`2026-10-25T${hour}:30:00Z`))).toBe(true);
      expect(early.isOpen(at(`2026-10-25T${hour}:50:00Z`))).toBe(false);
    }
    expect(early.nextOpening(at("2026-10-25T00:45:00Z"))).toBe(at("2026-10-25T01:15:00Z"));
    const half = scheduleOf([{ allow: "03:30-04:30" }], "Europe/Athens");
    expect(half.nextOpening(at("2026-03-29T00:00:00Z"))).toBe(at("2026-03-29T01:00:00Z")); // shows 04:00
  });

  it("never opens when no day is open", () => {
    for (const never of [[], [{ allow: "none" }], [{ days: ["mon"], allow: [] }]])
      expect(scheduleOf(never).nextOpening(0)).toBeUndefined();
  });
});

describe("a schedule's spelling", () => {
  it.each<[string, object, object]>([
    [
      "days in order, once",
      { days: ["tue", "mon", "tue"], allow: "all" },
      { days: ["mon", "tue"], allow: "all" },
    ],
    ["all days: none named", { days: [...DAYS], allow: "all" }, { allow: "all" }],
    ["a list of one", { allow: ["08:00-20:00"] }, { allow: "08:00-20:00" }],
    ["an empty list", { allow: [] }, { allow: "none" }],
    ["midnight as an end", { allow: "20:00-00:00" }, { allow: "20:00-24:00" }],
    ["a whole day", { allow: "00:00-24:00" }, { allow: "all" }],
    [
      "windows in order, once",
      { allow: ["13:00-15:00", "08:00-12:00", "13:00-15:00"] },
      { allow: ["08:00-12:00", "13:00-15:00"] },
    ],
  ])("is one: %s", (_, drawn, expected) => {
    expect(canonical([drawn])).toEqual([expected]);
    expect(Object.keys(canonical([drawn])[0]!)).toEqual(Object.keys(expected));
  });

  it.each([
    ["08:00-08:00"],
    ["00:00-00:00"],
    ["8:00-20:00"],
    ["08:00-20:60"],
    ["24:00-06:00"],
    ["08:00-25:00"],
    ["08:00 - 20:00"],
    ["08:00-24:01"],
    ["always"],
  ])("is not %s", (allow) => {
    expect(() => canonical([{ allow }])).toThrow(/schedule\[0\]\.allow: must be "all", "none", a window/);
    expect(() => canonical([{ allow: [allow] }])).toThrow("must be");
  });

  it.each([
    ["schedule[0].days: must name a day", { days: [], allow: "all" }],
    ["schedule[0].days[0]: must be one of mon, tue", { days: ["monday"], allow: "all" }],
    ["schedule[0].timezone: not known", { timezone: "UTC", allow: "all" }],
    ["schedule[0].allow: must be", { days: ["mon"] }],
  ])("is refused: %s", (said, drawn) => {
    expect(() => canonical([drawn])).toThrow(said);
  });
});
