// Counts since the start, for whoever watches over the signer.
import type { Code } from "../protocol/errors.ts";
import type { Metrics as Snapshot } from "../protocol/observed.ts";

/** The latency of commits is told of the last so many. */
const RECENT = 1024;

export class Metrics {
  readonly #payments = { signed: 0, replayed: 0, declined: 0, held: 0 };
  readonly #declines = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #sockets = new Map<string, { open: number; refused: number; crowded: number }>();
  readonly #recent = new Float64Array(RECENT);
  #commits = 0;
  #committed = 0;

  payment(outcome: "signed" | "replayed" | "held"): void {
    this.#payments[outcome] += 1;
  }

  decline(code: Code): void {
    this.#payments.declined += 1;
    add(this.#declines, code);
  }

  error(code: Code): void {
    add(this.#errors, code);
  }

  commit(payments: number, ms: number): void {
    this.#recent[this.#commits % RECENT] = ms;
    this.#commits += 1;
    this.#committed += payments;
  }

  /** The counts of one socket, to be changed as it goes. */
  socket(name: string): { open: number; refused: number; crowded: number } {
    const counts = { open: 0, refused: 0, crowded: 0 };
    this.#sockets.set(name, counts);
    return counts;
  }

  snapshot(): Omit<Snapshot, "at" | "droppedLogLines" | "subscribers"> {
    return {
      uptime: Math.floor(process.uptime()),
      rss: process.memoryUsage.rss(),
      payments: { ...this.#payments },
      declines: Object.fromEntries(this.#declines),
      errors: Object.fromEntries(this.#errors),
      commits: { count: this.#commits, payments: this.#committed, ms: this.#latency() },
      connections: Object.fromEntries([...this.#sockets].map(([name, counts]) => [name, { ...counts }])),
    };
  }

  #latency(): { p50: number; p99: number; max: number } {
    const sorted = this.#recent.slice(0, Math.min(this.#commits, RECENT)).sort();
    const at = (share: number): number =>
      Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 1000) / 1000;
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}

const add = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
