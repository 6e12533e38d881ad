// A schedule of LetAgentPay, minute by minute of a week. Its page leaves open whether a window past midnight on Monday
// is the night after Monday, or Monday's early hours and late ones: what either reading shuts is shut.
import { ImportInvalid, type Source } from "./import-source.ts";
import { DAYS, type Day } from "./schedule.ts";

const DAY = 24 * 60;
const WEEK = 7 * DAY;
const WINDOW = /^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])$/;

interface Span {
  /** Minutes from midnight; a span past midnight ends on a smaller one. */
  readonly start: number;
  readonly end: number;
}

interface Rule {
  readonly days: readonly Day[];
  readonly allow: Span | undefined;
  readonly deny: Span | undefined;
}

const ALWAYS: Span = { start: 0, end: DAY };

/** Entries of our schedule. Throws ImportInvalid, also where it is not plain what holds on some day. */
export function importSchedule(source: Source): object[] {
  const fallback = source.object("default");
  const usual = fallback && spanOf(fallback, "allow");
  if (fallback && !usual) throw fallback.wrong("allow", "must be there");
  const rules = source.objects("overrides").map((override) => ruleOf(override));
  const byDay = DAYS.map((day) => rules.find(({ days }) => days.includes(day)));
  if (!usual && byDay.includes(undefined))
    throw new ImportInvalid(`${source.at("default")}: must say what holds on days without an override`);
  return entriesOf(openMinutes(byDay, usual ?? ALWAYS));
}

/** A day's windows by the first override that names it, else by the default. */
function openMinutes(byDay: readonly (Rule | undefined)[], usual: Span): boolean[] {
  const open = (minute: number): boolean => {
    const [today, before] = [Math.floor(minute / DAY), Math.floor(((minute + WEEK - DAY) % WEEK) / DAY)];
    const at = minute % DAY;
    const [rule, former] = [byDay[today], byDay[before]];
    const [span, last] = [rule?.allow ?? usual, former?.allow ?? usual];
    const nights = inEvening(span, at) || inMorning(last, at);
    const sameDay = inEvening(span, at) || inMorning(span, at);
    return nights && sameDay && !denied(rule?.deny, former?.deny, at);
  };
  return Array.from({ length: WEEK }, (_, minute) => open(minute));
}

/** The part of a span on the day that it begins on, and the part behind midnight. Its last minute is left out. */
const inEvening = ({ start, end }: Span, at: number): boolean =>
  at >= start && (end > start ? at < end : true);
const inMorning = ({ start, end }: Span, at: number): boolean => end < start && at < end;

/** With its last minute. */
function denied(today: Span | undefined, before: Span | undefined, at: number): boolean {
  return (today !== undefined && covers(today, at)) || (before !== undefined && isAfterMidnight(before, at));
}

const covers = ({ start, end }: Span, at: number): boolean =>
  start < end ? at >= start && at <= end : at >= start || at <= end;

const isAfterMidnight = ({ start, end }: Span, at: number): boolean => end < start && at <= end;

function ruleOf(source: Source): Rule {
  return { days: daysOf(source), allow: spanOf(source, "allow"), deny: spanOf(source, "deny") };
}

function daysOf(source: Source): Day[] {
  const named = source.texts("days") ?? [];
  if (named.length === 0) throw source.wrong("days", "must name days");
  return named.map((name) => {
    const day = DAYS.find((day) => LONG[day] === name.toLowerCase() || day === name.toLowerCase());
    if (!day) throw source.wrong("days", "must be days such as mon or monday");
    return day;
  });
}

const LONG: Readonly<Record<Day, string>> = {
  ...{ mon: "monday", tue: "tuesday", wed: "wednesday", thu: "thursday" },
  ...{ fri: "friday", sat: "saturday", sun: "sunday" },
};

function spanOf(source: Source, key: string): Span | undefined {
  const text = source.text(key);
  if (text === undefined) return undefined;
  const [, h1, m1, h2, m2] = WINDOW.exec(text) ?? [];
  const [start, end] = [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)];
  if (Number.isNaN(start + end) || start === end)
    throw source.wrong(key, 'must be a window such as "08:00-20:00" that does not end when it starts');
  return { start, end };
}

/** Days with the same windows share an entry. */
function entriesOf(open: readonly boolean[]): object[] {
  const groups = new Map<string, { days: Day[]; windows: string[] }>();
  DAYS.forEach((day, n) => {
    const windows = windowsOf(open.slice(n * DAY, (n + 1) * DAY));
    const group = groups.get(windows.join()) ?? { days: [], windows };
    group.days.push(day);
    groups.set(windows.join(), group);
  });
  return [...groups.values()].map(({ days, windows }) => ({
    ...(days.length < DAYS.length && { days }),
    allow: windows.length === 0 ? "none" : windows,
  }));
}

function windowsOf(open: readonly boolean[]): string[] {
  const windows: string[] = [];
  for (let at = 0; at < DAY; at++) {
    if (!open[at]) continue;
    const start = at;
    while (at < DAY && open[at]) at++;
    windows.push(`${clock(start)}-${clock(at)}`);
  }
  return windows;
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
