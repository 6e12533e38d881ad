import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOver } from "../../policy/counters.ts";
import {
  Calendar,
  type CalendarUnit,
  canonicalTimezone,
  canonicalWindow,
  compileWindow,
  formatDuration,
  parseDuration,
} from "../../policy/windows.ts";
import { Books, failures, household } from "./household.ts";

const iso = (text: string): number => Date.parse(text);
const seconds = (text: string): number => iso(text) / 1000;

describe("calendar windows", () => {
  it.each<[CalendarUnit, string, string, string, string]>([
    // The clocks go forward: a day of 23 hours. Back: 25.
    ["day", "Europe/Athens", "2026-03-29T10:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"],
    ["day", "Europe/Athens", "2026-10-25T10:00:00Z", "2026-10-24T21:00:00Z", "2026-10-25T22:00:00Z"],
    // Midnight itself is skipped: the day starts at 01:00.
    ["day", "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"],
    // Samoa had no 30 December 2011.
    ["day", "Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"],
    ["day", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
    ["day", "Asia/Kathmandu", "2026-01-01T00:00:00Z", "2025-12-31T18:15:00Z", "2026-01-01T18:15:00Z"],
    // ISO weeks start on Monday, also over a year's end.
    ["week", "UTC", "2027-01-02T00:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"],
    ["week", "UTC", "2026-11-16T00:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"],
    ["week", "UTC", "2026-11-22T23:59:59.999Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"],
    ["month", "UTC", "2028-02-29T23:59:59.999Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
    ["month", "America/New_York", "2026-11-01T03:59:59Z", "2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z"],
    ["month", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"],
  ])("%s in %s at %s", (unit, timezone, at, start, end) => {
    expect(new Calendar(unit, timezone).at(iso(at))).toEqual({ start: seconds(start), end: seconds(end) });
  });

  const zones = [
    "UTC",
    "Europe/Athens",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
  ];

  it("agrees with the wall clock that Intl shows, at any instant, in any order of asking", () => {
    const at = fc.integer({ min: iso("2005-01-01T00:00:00Z"), max: iso("2045-01-01T00:00:00Z") });
    for (const zone of zones) {
      for (const unit of ["day", "week", "month"] as const) {
        const calendar = new Calendar(unit, zone);
        fc.assert(
          fc.property(at, (ms) => {
            const { start, end } = calendar.at(ms);
            const name = wallPeriod(unit, zone);
            expect(start * 1000 <= ms && ms < end * 1000).toBe(true);
            for (const inside of [start * 1000, ms, end * 1000 - 1]) expect(name(inside)).toBe(name(ms));
            for (const outside of [start * 1000 - 1, end * 1000]) expect(name(outside)).not.toBe(name(ms));
          }),
          { numRuns: 60 },
        );
      }
    }
  });

  it("has no gaps: each period starts where the one before ended", () => {
    const calendar = new Calendar("day", "Africa/Cairo");
    let period = calendar.at(iso("2026-01-01T00:00:00Z"));
    for (let i = 0; i < 800; i++) {
      const next = calendar.at(period.end * 1000);
      expect(next.start).toBe(period.end);
      period = next;
    }
  });

  it("counts the periods that a time touches", () => {
    const zones = ["UTC", "Europe/Athens", "America/St_Johns", "Australia/Lord_Howe", "Africa/Cairo"];
    const start = fc.integer({ min: iso("2026-01-01T00:00:00Z"), max: iso("2027-12-31T00:00:00Z") });
    fc.assert(
      fc.property(
        fc.constantFrom("day", "week", "month"),
        fc.constantFrom(...zones),
        start,
        fc.integer({ min: 0, max: 40 * 86_400_000 }),
        (unit, zone, from, length) => {
          const calendar = new Calendar(unit, zone);
          const starts = new Set<number>();
          for (let at = from; at <= from + length; at = calendar.at(at).end * 1000)
            starts.add(calendar.at(at).start);
          expect(calendar.count(from, from + length)).toBe(starts.size);
        },
      ),
    );
    // Samoa had no 30 December 2011.
    const apia = new Calendar("day", "Pacific/Apia");
    expect(apia.count(iso("2011-12-29T12:00:00Z"), iso("2011-12-31T12:00:00Z"))).toBeGreaterThanOrEqual(2);
  });

  it("counts a payment in every period that its validity touches, and asks them all", () => {
    const scopes = [household({ perDayMax: "1.00" }, "Europe/Athens")];
    const midnight = iso("2026-11-20T22:00:00Z");
    for (const [expiresAt, days] of [
      [midnight - 1, 1],
      [midnight, 2],
    ] as const) {
      const books = new Books();
      books.now = midnight - 60_000;
      const { add } = books.pay(scopes, { usd: 600_000n, expiresAt });
      expect(add.filter(({ key }) => key.includes("|day@"))).toHaveLength(days);
      books.now = midnight + 60_000;
      expect(books.pay(scopes, { usd: 600_000n }).outcome).toBe(days === 2 ? "decline" : "allow");
    }
  });

  it("reopens when the last period that is full is over", () => {
    const scopes = [household({ perDayMax: "1.00" })];
    const books = new Books();
    books.pay(scopes);
    const today = books.pay(scopes);
    expect(today.checks.find(({ ok }) => !ok)?.reopensAt).toBe(iso("2026-11-21T00:00:00Z"));
    books.now = iso("2026-11-20T23:59:30Z");
    books.add([{ key: "household|usd|day@UTC", bucket: seconds("2026-11-21T00:00:00Z"), amount: 1n }]);
    const both = books.pay(scopes);
    expect(both.checks.find(({ ok }) => !ok)?.reopensAt).toBe(iso("2026-11-22T00:00:00Z"));

    const late = new Books();
    late.pay(scopes);
    late.now = iso("2026-11-20T23:59:30Z");
    expect(late.pay(scopes).checks.find(({ ok }) => !ok)?.reopensAt).toBe(iso("2026-11-21T00:00:00Z"));
  });
});

/** Names the period of an instant from what a wall clock shows: an oracle that shares nothing with Temporal's maths. */
function wallPeriod(unit: CalendarUnit, timeZone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  });
  return (ms) => {
    const date = format.format(ms);
    if (unit === "day") return date;
    if (unit === "month") return date.slice(0, 7);
    const days = Date.parse(`${date}T00:00:00Z`) / 86_400_000;
    return String(Math.floor((days + 3) / 7)); // 1970-01-01 was a Thursday
  };
}

describe("rolling windows", () => {
  const windows = ["1m", "7m", "1h", "90m", "1d", "7d"];

  it("never lets more pass than a limit over any window of that length, and frees all of it in time", () => {
    const pay = fc.record({ wait: fc.integer({ min: 0, max: 1000 }), usd: fc.bigInt({ min: 1n, max: 60n }) });
    fc.assert(
      fc.property(fc.constantFrom(...windows), fc.array(pay, { maxLength: 60 }), (window, pays) => {
        const length = (parseDuration(window) ?? 0) * 1000;
        const books = new Books();
        const scopes = [household({ budgets: [{ name: "b", limit: "0.000100", window }] })];
        const passed: { at: number; usd: bigint }[] = [];
        const within = (span: number): bigint =>
          passed.reduce((sum, { at, usd }) => (at > books.now - span ? sum + usd : sum), 0n);
        for (const { wait, usd } of pays) {
          books.now += Math.floor((wait * length) / 2000);
          const allowed = books.pay(scopes, { usd }).outcome === "allow";
          // Slow oracle: what surely fits into a window one bucket longer passes; what overfills the window does not.
          if (within(length) + usd > 100n) expect(allowed).toBe(false);
          if (within(length + length / 60) + usd <= 100n) expect(allowed).toBe(true);
          if (allowed) passed.push({ at: books.now, usd });
        }
      }),
      { numRuns: 200 },
    );
  });

  it("says exactly when enough has moved out", () => {
    const amounts = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.bigInt({ min: 1n, max: 40n })),
      {
        minLength: 3,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(amounts, fc.bigInt({ min: 1n, max: 100n }), (pays, usd) => {
        const books = new Books();
        const scopes = [household({ budgets: [{ name: "b", limit: "0.000100", window: "1h" }] })];
        for (const [wait, amount] of pays) {
          books.now += wait;
          books.pay(scopes, { usd: amount });
        }
        const reopensAt = books.pay(scopes, { usd }).checks.find(({ ok }) => !ok)?.reopensAt;
        if (reopensAt === undefined) return;
        expect(reopensAt).toBeGreaterThan(books.now);
        books.now = reopensAt - 1;
        expect(failures(books.pay(scopes, { usd }))).toEqual(["WINDOW_BUDGET_EXCEEDED"]);
        books.now = reopensAt;
        expect(books.pay(scopes, { usd }).outcome).toBe("allow");
      }),
      { numRuns: 200 },
    );
  });
});

describe("texts", () => {
  it("spells a window in one way", () => {
    const spelled = {
      "60m": "1h",
      "24h": "1d",
      "90m": "90m",
      "120s": "2m",
      "7d": "7d",
      day: "day",
      total: "total",
    };
    for (const [text, canonical] of Object.entries(spelled)) expect(canonicalWindow(text)).toBe(canonical);
    for (const text of [
      "",
      "0m",
      "1",
      "h",
      "1.5h",
      "-1h",
      "90s",
      "1w",
      " 1h",
      "01h",
      "367d",
      "Day",
      "99999d",
    ]) {
      expect(canonicalWindow(text), text).toBeUndefined();
    }
  });

  it("reads back every duration it writes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999 }), (n) => {
        expect(parseDuration(formatDuration(n))).toBe(n);
      }),
    );
  });

  it("knows time zones by their names only", () => {
    expect(canonicalTimezone("europe/athens")).toBe("Europe/Athens");
    for (const name of [
      "",
      "Mars/Olympus",
      "+02:00",
      "2026-01-01T00:00[UTC]",
      "Europe/Athens ",
      "../etc/passwd",
    ]) {
      expect(canonicalTimezone(name), name).toBeUndefined();
    }
  });
});

describe("isOver", () => {
  it("forgets no bucket that a later payment would still read", () => {
    const later = fc.integer({ min: 0, max: 40 * 86_400_000 });
    const window = fc.constantFrom("day", "week", "month", "1m", "1h", "90m", "7d", "total", "session");
    fc.assert(
      fc.property(
        window,
        fc.constantFrom("UTC", "Pacific/Apia", "Africa/Cairo"),
        later,
        (text, zone, wait) => {
          const books = new Books();
          const budgets = [{ name: "b", limit: "9", window: text, per: "recipient" }];
          const scopes = [household({ budgets }, zone)];
          books.pay(scopes);
          books.now += wait;
          for (const [key, cells] of books.cells) {
            for (const bucket of cells.keys()) if (isOver(key, bucket, books.now)) cells.delete(bucket);
          }
          const kept = books.pay(scopes, { usd: 8_000_001n }).outcome === "decline";
          const compiled = compileWindow(text, zone);
          const open =
            compiled.kind === "calendar"
              ? compiled.calendar.at(books.now).start <= (books.now - wait + 60_000) / 1000
              : compiled.kind !== "rolling" || wait < compiled.width * 60;
          if (open) expect(kept).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("forgets what is long past", () => {
    const now = iso("2026-11-20T12:00:00Z");
    expect(isOver("household|usd|day@UTC", seconds("2026-11-17T00:00:00Z"), now)).toBe(true);
    expect(isOver("household|count|1m|domain=a.example", now / 1000 - 62, now)).toBe(true);
    expect(isOver("agent:a|newKeys|day", seconds("2026-11-17T00:00:00Z"), now)).toBe(true);
    expect(isOver("household|usd|total", 0, now)).toBe(false);
    expect(isOver("household|usd|session", 3, now)).toBe(false);
  });
});
