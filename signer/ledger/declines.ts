// A hostile agent must not fill the disk with declines. Up to ten a second and agent, each has a row of its own; beyond
// that, equal ones are counted in memory and written as one row a minute.
export const ROWS_PER_SECOND = 10;
const FLUSH_AFTER_MS = 60_000;

export interface CountedDecline {
  readonly agent: string;
  readonly check: object;
  /** Unix milliseconds. */
  readonly since: number;
  count: number;
}

export class DeclineThrottle {
  readonly #rates = new Map<string, { second: number; rows: number }>();
  readonly #counted = new Map<string, CountedDecline>();

  /** No decline waits to be written. */
  get empty(): boolean {
    return this.#counted.size === 0;
  }

  /** True when this decline gets a row of its own; otherwise it has been counted, as all are without room on the disk. */
  hasOwnRow(agent: string, check: object, now: number, hasRoom: boolean): boolean {
    if (!hasRoom) {
      this.#count(agent, check, now);
      return false;
    }
    const second = Math.floor(now / 1000);
    const rate = this.#rates.get(agent);
    if (rate?.second !== second) {
      this.#rates.set(agent, { second, rows: 1 });
      return true;
    }
    if (rate.rows < ROWS_PER_SECOND) {
      rate.rows += 1;
      return true;
    }
    this.#count(agent, check, now);
    return false;
  }

  /** The counted declines that are due, removed from memory; all of them when `now` is absent. */
  due(now = Infinity): CountedDecline[] {
    const due = [...this.#counted].filter(([, counted]) => now - counted.since >= FLUSH_AFTER_MS);
    for (const [key] of due) this.#counted.delete(key);
    return due.map(([, counted]) => counted);
  }

  #count(agent: string, check: object, now: number): void {
    const key = `${agent}\n${JSON.stringify(check)}`;
    const counted = this.#counted.get(key);
    if (counted) counted.count += 1;
    else this.#counted.set(key, { agent, check, since: now, count: 1 });
  }
}
