// What is open of a ledger: the database, and what is kept of it in memory; as one thing, so that an acceptance can
// put another in its place.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { AuditRow } from "../../protocol/shapes.ts";
import { type AcceptedRow, readAccepted } from "./accepted.ts";
import { Chain } from "./chain.ts";
import { Counters } from "./counters.ts";
import { Holds } from "./holds.ts";
import { PaidBefore } from "./memory.ts";
import { createTables, ledgerId, openDatabase } from "./database.ts";
import { Payments } from "./payments.ts";
import { PaymentRecord } from "./record.ts";
import { openSqlite } from "./sqlite.ts";
import { upgradeLedger } from "./upgrade.ts";

export class Store {
  readonly db: DatabaseSync;
  readonly chain: Chain;
  readonly counters: Counters;
  readonly memory: PaidBefore;
  #holds: Holds | undefined;
  #record: PaymentRecord | undefined;
  #accepted: readonly AcceptedRow[] = [];
  #damaged: ReadonlySet<number> = new Set();
  readonly #begin: StatementSync;
  readonly #end: StatementSync;

  /** `id`: of a new ledger, which otherwise makes its own. */
  private constructor(db: DatabaseSync, id?: string) {
    this.db = db;
    this.chain = new Chain(db, ledgerId(db, id));
    this.counters = new Counters(db);
    this.memory = new PaidBefore(db);
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#end = db.prepare("COMMIT");
  }

  /** Throws what openDatabase throws, and what SQLite says of pages that it cannot read. */
  static open(file: string, id?: string): Store {
    const db = openDatabase(file);
    try {
      return new Store(db, id);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** In memory and without rows: what a signer reads from while it trusts none on disk. */
  static empty(id?: string): Store {
    const db = openSqlite(":memory:");
    createTables(db);
    const store = new Store(db, id);
    store.prepare(0);
    return store;
  }

  /**
   * After it was verified as it is: brings an older one up to date, with a row if `at` (unix ms) is given, and makes it
   * ready for more rows. `rows`: how many there are since the last checkpoint.
   */
  prepare(rows: number, at?: number): void {
    const steps = upgradeLedger(this.db, this.chain, this.counters, at);
    const { chain, counters, memory } = this;
    const holds = (this.#holds = new Holds(this.db, chain));
    const payments = new Payments(this.db);
    this.#record = new PaymentRecord({ chain, counters, payments, holds, memory }, rows + steps);
    this.readAccepted();
  }

  get record(): PaymentRecord {
    if (!this.#record) throw new TypeError("the ledger was not prepared");
    return this.#record;
  }

  get holds(): Holds {
    if (!this.#holds) throw new TypeError("the ledger was not prepared");
    return this.#holds;
  }

  /** What the operator has accepted, oldest first. */
  get accepted(): readonly AcceptedRow[] {
    return this.#accepted;
  }

  /** After a row of that kind was written, or before the first one is asked for. */
  readAccepted(): void {
    this.#accepted = readAccepted(this.db, this.chain);
    this.#damaged = new Set(this.#accepted.flatMap(({ damaged }) => damaged));
  }

  /** Without the rows that were accepted as damaged. */
  whole(rows: Iterable<AuditRow>): Iterable<AuditRow> {
    return this.#damaged.size === 0 ? rows : without(rows, this.#damaged);
  }

  /** BEGIN .. COMMIT; on disk when it returns. After an error the counters in memory may say more than the disk. */
  transaction<T>(work: () => T): T {
    this.#begin.run();
    const result = work();
    this.counters.flush();
    this.memory.flush();
    this.#end.run();
    return result;
  }

  /** SQLite finds nothing wrong with any page or index. Reads everything. */
  get sound(): boolean {
    try {
      return this.db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"] === "ok";
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.db.isOpen) this.db.close();
  }
}

function* without(rows: Iterable<AuditRow>, left: ReadonlySet<number>): Iterable<AuditRow> {
  for (const row of rows) if (!left.has(row.seq)) yield row;
}
