// Which intents are on record, and where their reservation and newest draft are. Writes are inside the caller's
// transaction.
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** As far as anyone has shown: "expired" is what the clock says of a reserved one. */
export type PaymentState = (typeof PAYMENT_STATES)[number];
export const PAYMENT_STATES = ["reserved", "settled", "released"] as const;

export interface PaymentEntry {
  readonly fingerprint: string;
  readonly state: PaymentState;
  /** Ledger position of the reservation. */
  readonly seq: number;
  /** Ledger position of the row with the newest draft. */
  readonly draft: number;
}

export class Payments {
  readonly #select: StatementSync;
  readonly #selectNewest: StatementSync;
  readonly #insert: StatementSync;
  readonly #move: StatementSync;
  // The greatest id of each agent. Clients make ids that grow with time, so an id above it is new, and nearly every
  // payment is told apart from a repeated one without asking the database.
  readonly #newest = new Map<string, string>();

  constructor(db: DatabaseSync) {
    this.#select = db.prepare(
      "SELECT fingerprint, state, seq, draft FROM payments WHERE agent = ? AND id = ?",
    );
    this.#selectNewest = db.prepare("SELECT max(id) AS id FROM payments WHERE agent = ?");
    this.#insert = db.prepare(
      "INSERT INTO payments (agent, id, fingerprint, seq, draft) VALUES (?, ?, ?, ?, ?)",
    );
    this.#move = db.prepare("UPDATE payments SET draft = ? WHERE agent = ? AND id = ?");
  }

  find(agent: string, id: string): PaymentEntry | undefined {
    if (id > this.#newestOf(agent)) return undefined;
    return this.#select.get(agent, id) as PaymentEntry | undefined;
  }

  insert(agent: string, id: string, fingerprint: string, seq: number): void {
    this.#insert.run(agent, id, fingerprint, seq, seq);
    if (id > this.#newestOf(agent)) this.#newest.set(agent, id);
  }

  moveDraft(agent: string, id: string, draft: number): void {
    this.#move.run(draft, agent, id);
  }

  /** "" when the agent has no payments. Ids are ASCII: SQLite and JavaScript order them alike. */
  #newestOf(agent: string): string {
    const known = this.#newest.get(agent);
    if (known !== undefined) return known;
    const newest = (this.#selectNewest.get(agent) as { id: string | null }).id ?? "";
    this.#newest.set(agent, newest);
    return newest;
  }
}
