// A row of docs/evidence.md: one promise, and what tries to break it. `npm run torture` runs the long forms and writes
// the table; `npm test` runs a short form of each (rows.test.ts). A row throws when its promise does not hold.

export interface Conditions {
  readonly long: boolean;
  /** All that a row draws comes from it: the same seed asks the same questions again. */
  readonly seed: number;
  /** How many times to do a thing: `short` in npm test; `long`, or the part of it that was asked for, otherwise. */
  count(short: number, long: number): number;
}

export interface Evidence {
  /** What was done, with the counts as they were. */
  readonly done: string;
  /** What held, as it was observed. */
  readonly held: string;
  /** What could not be done here, and why. */
  readonly skipped?: readonly string[];
}

export interface Row {
  /** For --rows. */
  readonly name: string;
  readonly what: string;
  readonly must: string;
  run(conditions: Conditions): Promise<Evidence>;
}

/** A row that cannot be run here at all. */
export class Impossible extends Error {}

/** The long form, or `part` (0 to 1) of its counts. */
export const longForm = (seed: number, part = 1): Conditions => ({
  long: true,
  seed,
  count: (_short, long) => Math.max(1, Math.round(long * part)),
});

export const shortForm = (seed: number): Conditions => ({ long: false, seed, count: (short) => short });

/** 1234567 as 1,234,567. */
export const grouped = (count: number): string => count.toLocaleString("en-US");
