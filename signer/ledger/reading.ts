// What of a ledger is read and never written: its rows, its counters, what the operator has accepted.
import type { StatementSync } from "node:sqlite";
import type { AuditRow } from "../../protocol/shapes.ts";
import type { AcceptedRow } from "./accepted.ts";
import type { Holds } from "./holds.ts";
import type { PaidBefore } from "./memory.ts";
import type { Store } from "./store.ts";

export abstract class LedgerReading {
  /** What is trusted. */
  protected abstract get store(): Store;
  /** What is on disk: the record may be read there while nothing else of it is used. */
  protected abstract get found(): Store;

  /** For the tables beside the record (policies, sessions): reading only. */
  select(sql: string): StatementSync {
    return this.store.db.prepare(sql);
  }

  /** The rows as they are on disk, also of a ledger that is not trusted. */
  rowsAfter(seq: number): Iterable<AuditRow> {
    return this.found.chain.after(seq);
  }

  /** Newest first, without those that were accepted as damaged. */
  rowsBefore(seq: number): Iterable<AuditRow> {
    return this.store.whole(this.store.chain.before(seq));
  }

  /** Oldest first, without those that were accepted as damaged. */
  wholeRows(after = 0): Iterable<AuditRow> {
    return this.store.whole(this.store.chain.after(after));
  }

  /** What the operator has accepted, oldest first. */
  get accepted(): readonly AcceptedRow[] {
    return this.store.accepted;
  }

  /** The body of a row, as it was written. Throws LEDGER_DAMAGED. */
  body(seq: number): string {
    return this.store.chain.body(seq);
  }

  counters(): Iterable<{ key: string; bucket: number; amount: bigint }> {
    return this.store.counters.all();
  }

  countersHash(): string {
    return this.store.counters.hash();
  }

  /** What waits for a person. */
  get holds(): Holds {
    return this.store.holds;
  }

  /** What was paid before, for rules that ask. */
  get memory(): PaidBefore {
    return this.store.memory;
  }
}
