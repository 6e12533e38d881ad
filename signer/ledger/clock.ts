// The signer's one clock. It never runs back: budgets that closed stay closed, whatever is done to the system's clock.
import { X402Error } from "../../protocol/errors.ts";

/** A clock that is set back by less than this (NTP) is held still; by more, nothing is decided until it catches up. */
export const TOLERANCE_MS = 60_000;

export class Clock {
  #mark: number;
  readonly #source: () => number;

  /** `source` in unix milliseconds; `mark` is the time of the last record. */
  constructor(source: () => number, mark: number) {
    this.#source = source;
    this.#mark = mark;
  }

  /** Unix milliseconds, never less than before. Throws CLOCK_BEHIND. */
  now(): number {
    const now = this.#source();
    if (now < this.#mark - TOLERANCE_MS) throw new X402Error("CLOCK_BEHIND");
    this.#mark = Math.max(this.#mark, now);
    return this.#mark;
  }

  /** The same, but the last time that was seen while the clock is behind: for what tells or ends, and grants nothing. */
  latest(): number {
    return this.behind ? this.#mark : this.now();
  }

  get behind(): boolean {
    return this.#source() < this.#mark - TOLERANCE_MS;
  }
}
