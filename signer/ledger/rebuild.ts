// From the record back to everything that is kept beside it, where that cannot be believed any more.
import type { RowAddition } from "../../protocol/audit.ts";
import { type AuditRow } from "../../protocol/shapes.ts";
import { Derived } from "./derived.ts";
import { additionsOf } from "./rows.ts";
import type { Store } from "./store.ts";

/** So many rows are held in memory at once. */
const ROWS_AT_ONCE = 10_000;
const ACCEPTED_PREFIX = '{"kind":"ledger.accepted"';

/**
 * Counters and tables of the ledger, from its rows without the damaged ones; inside the caller's transaction. What a
 * table says beyond the rows stays: a payment whose row is gone must not be made again, and a counter is the larger
 * of both.
 */
export function rebuild(store: Store, damaged: ReadonlySet<number>): void {
  const { chain, counters } = store;
  rebuildTables(store, damaged);
  const replay = new Replay();
  for (const row of chain.after(0)) if (!damaged.has(row.seq)) replay.add(row);
  for (const [id, amount] of replay.totals) {
    const [key, bucket] = id.split("\n") as [string, string];
    const missing = amount - counters.used(key, Number(bucket), Number(bucket));
    if (missing > 0n) counters.add({ key, bucket: Number(bucket), amount: missing });
  }
}

/** The tables alone. */
export function rebuildTables({ db, chain, memory }: Store, damaged: ReadonlySet<number>): void {
  const derived = new Derived();
  let rows = 0;
  for (const row of chain.after(0)) {
    if (damaged.has(row.seq)) continue;
    derived.add(row);
    if (++rows % ROWS_AT_ONCE === 0) derived.write(db);
  }
  derived.write(db);
  memory.restore(rowsWithout(chain.after(0), damaged));
}

function* rowsWithout(rows: Iterable<AuditRow>, damaged: ReadonlySet<number>): Iterable<AuditRow> {
  for (const row of rows) if (!damaged.has(row.seq)) yield row;
}

/** Counters by the rows alone: an acceptance says what all of them are. */
class Replay {
  readonly totals = new Map<string, bigint>();

  add({ body }: AuditRow): void {
    if (body.startsWith(ACCEPTED_PREFIX)) {
      this.totals.clear();
      const { counters } = JSON.parse(body) as { counters: RowAddition[] };
      for (const [key, bucket, amount] of counters) this.totals.set(`${key}\n${bucket}`, BigInt(amount));
      return;
    }
    for (const { key, bucket, amount } of additionsOf(body)) {
      const id = `${key}\n${bucket}`;
      this.totals.set(id, (this.totals.get(id) ?? 0n) + amount);
    }
  }
}
