// What a person or a desk has stopped. On disk before anyone is told, and there until an operator lifts it: neither a
// restart nor an unlock does.
import type { Ledger } from "./ledger/ledger.ts";

/** The name that stands for every agent, also for those that are not there yet. */
export const EVERYTHING = "*";

export class Frozen {
  readonly #ledger: Ledger;
  readonly #names: Set<string>;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    const rows = ledger.select("SELECT agent FROM frozen").all() as { agent: string }[];
    this.#names = new Set(rows.map(({ agent }) => agent));
  }

  names(): string[] {
    return [...this.#names].sort();
  }

  holds(agent = EVERYTHING): boolean {
    return this.#names.has(EVERYTHING) || this.#names.has(agent);
  }

  freeze(agent: string, fields: object): void {
    if (this.#names.has(agent)) return;
    this.#ledger.record("agent.frozen", { agent, ...fields }, [], (db, seq) => {
      db.prepare("INSERT INTO frozen (agent, seq) VALUES (?, ?)").run(agent, seq);
    });
    this.#names.add(agent);
  }

  unfreeze(agent: string, fields: object): void {
    if (!this.#names.has(agent)) return;
    this.#ledger.record("agent.unfrozen", { agent, ...fields }, [], (db) => {
      db.prepare("DELETE FROM frozen WHERE agent = ?").run(agent);
    });
    this.#names.delete(agent);
  }
}
