// Windows of time, as the keys of counters name them: scope|unit|window[|match][|per=value].

export const ROLLING_BUCKETS = 60;
/** No period of a calendar is longer, whatever a time zone does to its clocks. */
const LONGEST_DAYS: Readonly<Record<string, number>> = { day: 2, week: 9, month: 33 };
const DAY_MS = 86_400_000;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** "90m" -> 5400 */
export function secondsOf(duration: string): number | undefined {
  const match = /^([1-9][0-9]{0,4})([smhd])$/.exec(duration);
  return match ? Number(match[1]) * (SECONDS[match[2] ?? ""] ?? NaN) : undefined;
}

/** True when the window of this key can never read this bucket again, at `at` (unix ms) or later. */
export function isOver(key: string, bucket: number, at: number): boolean {
  const window = (key.split("|", 3)[2] ?? "").split("@", 1)[0] ?? "";
  const days = LONGEST_DAYS[window];
  if (days !== undefined) return bucket * 1000 + days * DAY_MS <= at;
  const seconds = secondsOf(window);
  if (seconds === undefined) return false;
  return bucket < Math.floor((at * ROLLING_BUCKETS) / (seconds * 1000)) - ROLLING_BUCKETS;
}

export type CalendarUnit = "day" | "week" | "month";

/** Tells whether a bucket is the calendar period that it should be, by Node's own time zones. */
export class Calendar {
  readonly #unit: CalendarUnit;
  readonly #format: Intl.DateTimeFormat;
  readonly #named = new Map<number, string>();

  constructor(unit: CalendarUnit, timeZone: string) {
    this.#unit = unit;
    const parts = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
    this.#format = new Intl.DateTimeFormat("en-US", { timeZone, calendar: "gregory", ...parts });
  }

  /** True when `bucket` (unix seconds) is the first second of the period that holds `at` (unix ms). */
  isPeriodOf(bucket: number, at: number): boolean {
    const start = bucket * 1000;
    return start <= at && this.#name(start) === this.#name(at) && this.#name(start - 1) !== this.#name(start);
  }

  /** "2026-11-20", the Monday of a week, or "2026-11". A name lasts for a quarter of an hour at least. */
  #name(at: number): string {
    const quarter = Math.floor(at / 900_000);
    const known = this.#named.get(quarter);
    if (known !== undefined) return known;
    const [month = "", day = "", year = ""] = this.#format.format(at).split("/");
    const name =
      this.#unit === "month" ? `${year}-${month}` : this.#date(Number(year), Number(month), Number(day));
    if (this.#named.size > 1000) this.#named.clear();
    this.#named.set(quarter, name);
    return name;
  }

  #date(year: number, month: number, day: number): string {
    const date = new Date(Date.UTC(year, month - 1, day));
    if (this.#unit === "week") date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
    return date.toISOString().slice(0, 10);
  }
}
