// The signer's one clock. It never runs back: budgets that closed stay closed, whatever is done to the system's clock.
// And it does not leap ahead: the wall clock is held against the time since the machine started, which nobody can set
// (Linux: CLOCK_BOOTTIME, which also counts a suspended machine). After a reboot the wall clock is believed.
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { type Code, X402Error } from "../../protocol/errors.ts";

/** How far the clock may be set back (then it is held still) or run ahead, in milliseconds. NTP stays within it. */
export const TOLERANCE_MS = 60_000;

/** One run of the machine, and the seconds since it began. */
export interface Boot {
  readonly id: string;
  readonly uptime: () => number;
}

/** The earliest that this boot's start has been, by the wall clock (unix ms): a leap ahead makes it later. */
export interface ClockBase {
  readonly boot: string;
  readonly base: number;
}

/** Asking for the uptime costs more than the time: it is asked when the clock has moved by so much since last time. */
const LOOK_AGAIN_MS = 1000;

export class Clock {
  #mark: number;
  #base: number | undefined;
  #looked: number | undefined;
  readonly #source: () => number;
  readonly #boot: Boot;

  /** `source` in unix milliseconds; `mark` is the time of the last record, `last` what was written with it. */
  constructor(
    source: () => number,
    mark: number,
    boot: Boot,
    last?: { boot?: string | undefined; base?: number | undefined },
  ) {
    this.#source = source;
    this.#mark = mark;
    this.#boot = boot;
    if (last?.boot === boot.id) this.#base = last.base;
  }

  /** Unix milliseconds, never less than before. Throws CLOCK_BEHIND and CLOCK_AHEAD. */
  now(): number {
    const now = this.#source();
    const wrong = this.#wrong(now);
    if (wrong) throw new X402Error(wrong);
    this.#mark = Math.max(this.#mark, now);
    return this.#mark;
  }

  /** The same, but the last time that was right while the clock is wrong: for what tells or ends, and grants nothing. */
  latest(): number {
    return this.wrong ? this.#mark : this.now();
  }

  /** Why nothing is decided by this clock; undefined while it is right. */
  get wrong(): Extract<Code, "CLOCK_BEHIND" | "CLOCK_AHEAD"> | undefined {
    return this.#wrong(this.#source());
  }

  get base(): ClockBase | undefined {
    return this.#base === undefined ? undefined : { boot: this.#boot.id, base: this.#base };
  }

  /** Believes the wall clock as it is now. */
  believe(): void {
    const now = this.#source();
    this.#mark = now;
    this.#base = this.#startedAt(now);
    this.#looked = now;
  }

  #wrong(now: number): "CLOCK_BEHIND" | "CLOCK_AHEAD" | undefined {
    if (now < this.#mark - TOLERANCE_MS) return "CLOCK_BEHIND";
    if (this.#looked !== undefined && Math.abs(now - this.#looked) < LOOK_AGAIN_MS) return undefined;
    const startedAt = this.#startedAt(now);
    if (this.#base !== undefined && startedAt > this.#base + TOLERANCE_MS) return "CLOCK_AHEAD";
    this.#base = Math.min(this.#base ?? startedAt, startedAt);
    this.#looked = now;
    return undefined;
  }

  #startedAt(now: number): number {
    return Math.round(now - this.#boot.uptime() * 1000);
  }
}

let boot: Boot | undefined;

/** The machine's own; where it does not name its boots, a boot is what this process has seen. */
export const thisBoot = (): Boot => (boot ??= readBoot()); // once: later the file can no longer be read

function readBoot(): Boot {
  try {
    return { id: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(), uptime };
  } catch {
    return { id: `process ${process.pid} ${Date.now()}`, uptime };
  }
}
