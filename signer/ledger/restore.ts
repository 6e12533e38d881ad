// A ledger out of a backup: every row as it was written, and everything that is kept beside the rows worked out of them
// again. It is built under another name, so that what was cut short is no ledger.
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isOver } from "../../policy/counters.ts";
import type { RowAddition } from "../../protocol/audit.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";
import { acceptedDamage } from "./accepted.ts";
import { needPerson } from "./attended.ts";
import { HeadFile } from "./head.ts";
import { rebuildTables } from "./rebuild.ts";
import { Store } from "./store.ts";

const SUFFIXES = ["", "-wal", "-shm"];
/** So many rows share a transaction. */
const ROWS_AT_ONCE = 10_000;

export class Restoration {
  readonly #home: string;
  readonly #partial: string;
  readonly #store: Store;
  readonly #damaged = new Set<number>();
  readonly #waiting: AuditRow[] = [];

  /** Of the ledger with this id, in a folder that the caller has locked. Throws LEDGER_EXISTS and LEDGER_WRITE. */
  constructor(home: string, ledger: string) {
    this.#home = home;
    if (SUFFIXES.some((suffix) => existsSync(join(home, `ledger.db${suffix}`))))
      throw new X402Error("LEDGER_EXISTS", home);
    const known = readHead(home);
    if (known && known.ledger !== ledger) throw new X402Error("LEDGER_EXISTS", "its head file is another's");
    this.#partial = join(home, "ledger.db.restoring");
    this.#removePartial();
    this.#store = Store.open(this.#partial, ledger);
  }

  /** Oldest first; that they are true is the caller's to prove. */
  add(row: AuditRow): void {
    for (const seq of acceptedDamage(row)) this.#damaged.add(seq);
    this.#waiting.push(row);
    if (this.#waiting.length >= ROWS_AT_ONCE) this.#write();
  }

  /** Writes what is left and `ledger.restored`, and gives the ledger its name. `at` in unix ms. */
  finish(counters: readonly RowAddition[], at: number): Head {
    this.#write();
    const store = this.#store;
    const { seq } = store.chain;
    store.transaction(() => {
      rebuildTables(store, this.#damaged);
      for (const [key, bucket, amount] of counters)
        store.counters.add({ key, bucket, amount: BigInt(amount) });
    });
    store.prepare(0);
    store.transaction(() => {
      const time = Math.max(at, store.chain.lastTime());
      store.record.append({ kind: "ledger.restored", at: time, rows: seq });
      needPerson(store.db);
      store.record.checkpoint(time, (key, bucket) => isOver(key, bucket, time) || hasEnded(store, key, time));
    });
    const head = store.chain.head();
    store.close();
    this.#keepHead(head);
    renameSync(this.#partial, join(this.#home, "ledger.db"));
    return head;
  }

  /** Leaves nothing behind. */
  abandon(): void {
    this.#store.close();
    this.#removePartial();
  }

  #write(): void {
    this.#store.transaction(() => {
      for (const row of this.#waiting) this.#store.chain.put(row);
    });
    this.#waiting.length = 0;
  }

  /** A head that is newer stays: the signer then says that rows are lost. */
  #keepHead(head: Head): void {
    const known = readHead(this.#home);
    if (known && known.seq >= head.seq) return;
    const file = new HeadFile(join(this.#home, "head"));
    file.writeSynced(head);
    file.close();
  }

  #removePartial(): void {
    for (const suffix of SUFFIXES) rmSync(`${this.#partial}${suffix}`, { force: true });
  }
}

/** True for a counter that only an unlock or a session that is over could name: none is unlocked here. */
function hasEnded({ db }: Store, key: string, now: number): boolean {
  const [scope = "", , window] = key.split("|", 3);
  if (!scope.startsWith("session:")) return scope.startsWith("unlock:") || window === "session";
  const open = db.prepare("SELECT ends_at FROM sessions WHERE id = ? AND closed = 0");
  return Number(open.get(scope.slice("session:".length))?.["ends_at"] ?? 0) <= now;
}

function readHead(home: string): Head | undefined {
  const file = new HeadFile(join(home, "head"));
  try {
    return file.read();
  } finally {
    file.close();
  }
}
