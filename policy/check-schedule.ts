// What a careful reader would ask about a schedule.
import type { Remark } from "./check.ts";
import { DAYS, type ScheduleEntry, entryOf, isAlwaysOpen, openingsOf, overlap } from "./schedule.ts";

type Entries = readonly ScheduleEntry[] | undefined;

export function reviewSchedule(path: string, entries: Entries): Remark[] {
  if (!entries) return [];
  const unused = entries.flatMap((entry, i) =>
    DAYS.some((day) => entryOf(entries, day) === entry)
      ? []
      : [{ path: `${path}[${i}]`, text: "never applies: earlier entries have all of its days" }],
  );
  return [...unused, ...whole(entries).map((text) => ({ path, text }))];
}

function whole(entries: readonly ScheduleEntry[]): string[] {
  const openings = openingsOf(entries);
  if (openings.length === 0) return ["is never open, so nothing passes"];
  if (isAlwaysOpen(openings)) return ["is always open"];
  const without = DAYS.filter((day) => !entryOf(entries, day));
  return without.length === 0 ? [] : [`has no entry for ${without.join(", ")}, so nothing passes then`];
}

/** An agent whose hours are all outside the household's. */
export function neverTogether(path: string, own: Entries, outer: Entries): Remark[] {
  if (!own || !outer) return [];
  const [inner, around] = [openingsOf(own), openingsOf(outer)];
  // What is never open by itself has its own remark.
  if (inner.length === 0 || around.length === 0 || overlap(inner, around)) return [];
  return [{ path, text: "is never open while the household's is, so nothing passes" }];
}
