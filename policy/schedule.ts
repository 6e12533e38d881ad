// When payments may be made, by the clock on the wall of one time zone: a week of local time with the spans in it that
// are open. Where clocks skip an hour its part of a span does not happen, and where they repeat one it happens twice.
import { type Stretch, Zone } from "./zone.ts";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];

/** One entry of a document, canonical: `allow` is "all", "none", "08:00-20:00" or at least two such windows. */
export interface ScheduleEntry {
  readonly days?: readonly Day[] | undefined;
  readonly allow: string | readonly string[];
}

/** A part of the week in local time, in ms from Monday 00:00: from `start`, before `end`. */
export interface Opening {
  readonly start: number;
  readonly end: number;
}

const MINUTE = 60_000;
const DAY_MINUTES = 24 * 60;
const WEEK = 7 * DAY_MINUTES * MINUTE;
/** 1970-01-01 was a Thursday. */
const SINCE_MONDAY = 3 * DAY_MINUTES * MINUTE;

const WINDOW = /^([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)$/;
const WHOLE_DAY = "00:00-24:00";

/** "22:00-00:00" -> "22:00-24:00". Undefined for what is no window, and for one that ends when it starts. */
export function canonicalWindowOfDay(text: string): string | undefined {
  const match = WINDOW.exec(text);
  if (!match || text.slice(0, 5) === text.slice(6)) return undefined;
  return text.endsWith("-00:00") ? text.replace("-00:00", "-24:00") : text;
}

/** One spelling for one list of windows, of which each is canonical. */
export function canonicalAllow(windows: readonly string[]): string | string[] {
  const sorted = [...new Set(windows)].sort();
  const [only] = sorted;
  if (only === undefined) return "none";
  if (sorted.length > 1) return sorted;
  return only === WHOLE_DAY ? "all" : only;
}

const minutesOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));

/** In minutes from midnight; the end of a window past midnight is on the next day. */
function windowsOf(allow: ScheduleEntry["allow"]): readonly (readonly [number, number])[] {
  if (allow === "none") return [];
  const windows = allow === "all" ? [WHOLE_DAY] : typeof allow === "string" ? [allow] : allow;
  return windows.map((window) => {
    const [start, end] = [minutesOf(window.slice(0, 5)), minutesOf(window.slice(6))];
    return [start, end > start ? end : end + DAY_MINUTES] as const;
  });
}

/** The first entry that has the day decides for it. */
export const entryOf = (entries: readonly ScheduleEntry[], day: Day): ScheduleEntry | undefined =>
  entries.find(({ days }) => !days || days.includes(day));

/** What is open in a week, in order; openings that touch are one, but for Sunday's midnight. */
export function openingsOf(entries: readonly ScheduleEntry[]): readonly Opening[] {
  const spans = DAYS.flatMap((day, n) =>
    windowsOf(entryOf(entries, day)?.allow ?? "none").flatMap(([start, end]) =>
      inWeek((n * DAY_MINUTES + start) * MINUTE, (n * DAY_MINUTES + end) * MINUTE),
    ),
  );
  return merged(spans.sort((a, b) => a.start - b.start));
}

const inWeek = (start: number, end: number): Opening[] =>
  end <= WEEK
    ? [{ start, end }]
    : [
        { start, end: WEEK },
        { start: 0, end: end - WEEK },
      ];

function merged(sorted: readonly Opening[]): Opening[] {
  const openings: Opening[] = [];
  for (const { start, end } of sorted) {
    const last = openings.at(-1);
    if (last && start <= last.end)
      openings[openings.length - 1] = { start: last.start, end: Math.max(last.end, end) };
    else openings.push({ start, end });
  }
  return openings;
}

/** Whether all that is open in `inner` is open in `outer`. */
export const isWithin = (inner: readonly Opening[], outer: readonly Opening[]): boolean =>
  inner.every(({ start, end }) => outer.some((other) => other.start <= start && end <= other.end));

export const isAlwaysOpen = (openings: readonly Opening[]): boolean =>
  isWithin([{ start: 0, end: WEEK }], openings);

export const overlap = (one: readonly Opening[], two: readonly Opening[]): boolean =>
  one.some(({ start, end }) => two.some((other) => other.start < end && start < other.end));

/** More than any time zone has changes in a row that are less than a week apart. */
const MOST_STRETCHES = 16;

export class Schedule {
  readonly #openings: readonly Opening[];
  readonly #zone: Zone;

  constructor(entries: readonly ScheduleEntry[], timezone: string) {
    this.#openings = openingsOf(entries);
    this.#zone = new Zone(timezone);
  }

  /** At `ms` (unix). */
  isOpen(ms: number): boolean {
    return this.#wait(ms, this.#zone.at(ms)) === 0;
  }

  /** The first instant at which it is open, `ms` (unix) or later; undefined when there is none. */
  nextOpening(ms: number): number | undefined {
    let at = ms;
    for (let n = 0; n < MOST_STRETCHES && this.#openings.length > 0; n++) {
      const stretch = this.#zone.at(at);
      const opens = at + this.#wait(at, stretch);
      if (opens < stretch.until) return opens;
      at = stretch.until;
    }
    return undefined;
  }

  /** How long (ms) until it is open, if the clocks ran on as they do in this stretch. */
  #wait(ms: number, { offset }: Stretch): number {
    const now = (((ms + offset + SINCE_MONDAY) % WEEK) + WEEK) % WEEK;
    for (const { start, end } of this.#openings) {
      if (now < end) return Math.max(start - now, 0);
    }
    const first = this.#openings[0];
    return first ? first.start + WEEK - now : Infinity;
  }
}
