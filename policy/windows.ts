// Windows of time over which a budget counts, and the integer buckets that a ledger keeps for them.
//
// A calendar period is one bucket, named by the unix second it starts at. A rolling window is 60 buckets of equal
// width, numbered from the epoch; reading 61 of them makes a bucket count until all of it is outside. `total` and
// `session` are one bucket.

export type CalendarUnit = "day" | "week" | "month";

/** One calendar period, in unix seconds: from `start`, before `end`. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

/** A range of buckets to read, the bucket to add to, and (calendar only) when the period is over, in unix ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly endsAt?: number;
}

export type Window =
  | { readonly kind: "total"; readonly text: string }
  | { readonly kind: "session"; readonly text: string }
  | { readonly kind: "calendar"; readonly text: string; readonly calendar: Calendar }
  /** `width`: milliseconds of one bucket, a sixtieth of the window. */
  | { readonly kind: "rolling"; readonly text: string; readonly width: number };

export const ROLLING_BUCKETS = 60;

const DURATION = /^([1-9][0-9]{0,4})([smhd])$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const MAX_ROLLING_SECONDS = 366 * 86_400;

/** "90m" -> 5400 seconds; units s, m, h, d. Undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  return match ? Number(match[1]) * (SECONDS[match[2] ?? ""] ?? NaN) : undefined;
}

/** The shortest text for a duration: 3600 -> "1h", 5400 -> "90m". */
export function formatDuration(seconds: number): string {
  const unit = ["d", "h", "m"].find((u) => seconds % (SECONDS[u] ?? 1) === 0) ?? "s";
  return `${seconds / (SECONDS[unit] ?? 1)}${unit}`;
}

/** A rolling window's length in seconds: whole minutes, up to 366 days; undefined when the text is none. */
function rollingSeconds(text: string): number | undefined {
  const seconds = parseDuration(text);
  const fits = seconds !== undefined && seconds % 60 === 0 && seconds <= MAX_ROLLING_SECONDS;
  return fits ? seconds : undefined;
}

const NAMED: readonly string[] = ["total", "session", "day", "week", "month"];

/** One spelling for one window: "60m" -> "1h". Undefined when the text names no window. */
export function canonicalWindow(text: string): string | undefined {
  if (NAMED.includes(text)) return text;
  const seconds = rollingSeconds(text);
  return seconds === undefined ? undefined : formatDuration(seconds);
}

/** The window of a canonical text. Throws TypeError for a text that canonicalWindow does not return. */
export function compileWindow(text: string, timezone: string): Window {
  if (text === "total" || text === "session") return { kind: text, text };
  if (text === "day" || text === "week" || text === "month") {
    return { kind: "calendar", text, calendar: new Calendar(text, timezone) };
  }
  const seconds = rollingSeconds(text);
  if (seconds === undefined) throw new TypeError("not a window");
  return { kind: "rolling", text, width: (seconds * 1000) / ROLLING_BUCKETS };
}

/** What a counter's key says of its window. A calendar in another time zone has other buckets, so it is another key. */
export const windowKey = (window: Window): string =>
  window.kind === "calendar" ? `${window.text}@${window.calendar.timezone}` : window.text;

/** The IANA name as the time zone database spells it, or undefined when there is no such zone. */
export function canonicalTimezone(name: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return undefined;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId;
  } catch {
    return undefined;
  }
}

/** Days, ISO weeks (from Monday) or months of one time zone. Remembers the last two periods it was asked for. */
export class Calendar {
  readonly unit: CalendarUnit;
  readonly timezone: string;
  #last: Period = { start: 0, end: 0 };
  #before: Period = { start: 0, end: 0 };

  constructor(unit: CalendarUnit, timezone: string) {
    this.unit = unit;
    this.timezone = timezone;
  }

  /** The period that holds this instant (unix ms). */
  at(ms: number): Period {
    if (holds(this.#last, ms)) return this.#last;
    [this.#last, this.#before] = [this.#before, this.#last];
    if (!holds(this.#last, ms)) this.#last = this.#find(ms);
    return this.#last;
  }

  /** How many periods the time from `from` to `to` (unix ms, both included) touches, or one more where dates are skipped. */
  count(from: number, to: number): number {
    const [first, last] = [this.#first(this.#date(from)), this.#first(this.#date(to))];
    return first.until(last, { largestUnit: this.unit })[`${this.unit}s`] + 1;
  }

  #date(ms: number): Temporal.PlainDate {
    return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(this.timezone).toPlainDate();
  }

  #find(ms: number): Period {
    const first = this.#first(this.#date(ms));
    return { start: this.#startOf(first), end: this.#startOf(first.add({ [`${this.unit}s`]: 1 })) };
  }

  #first(date: Temporal.PlainDate): Temporal.PlainDate {
    if (this.unit === "week") return date.subtract({ days: date.dayOfWeek - 1 });
    return this.unit === "month" ? date.with({ day: 1 }) : date;
  }

  /** The first instant of a date, also where the clocks skip midnight. */
  #startOf(date: Temporal.PlainDate): number {
    return Math.floor(date.toZonedDateTime(this.timezone).epochMilliseconds / 1000);
  }
}

const holds = (period: Period, ms: number): boolean => ms >= period.start * 1000 && ms < period.end * 1000;

const ONLY_BUCKET: readonly Span[] = [{ from: 0, to: 0 }];

/**
 * The spans in which a payment made at `now` and valid until `until` (unix ms) counts: one, or every calendar period
 * that its validity touches. A payment adds to the `to` bucket of each. `session` is the bucket of a session window.
 */
export function spansOf(window: Window, now: number, until: number, session: number): readonly Span[] {
  switch (window.kind) {
    case "total":
      return ONLY_BUCKET;
    case "session":
      return [{ from: session, to: session }];
    case "rolling": {
      const bucket = Math.floor(now / window.width);
      return [{ from: bucket - ROLLING_BUCKETS, to: bucket }];
    }
    case "calendar":
      return periods(window.calendar, now, until);
  }
}

function periods(calendar: Calendar, now: number, until: number): readonly Span[] {
  const spans: Span[] = [];
  let at = now;
  do {
    const { start, end } = calendar.at(at);
    at = end * 1000;
    spans.push({ from: start, to: start, endsAt: at });
  } while (at <= until);
  return spans;
}
