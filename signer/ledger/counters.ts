// What each budget has used: (key, bucket) -> micro-USD or a count. The whole table is in memory; a check costs the
// same with ten payments on record as with ten million. Changes reach the disk in the commit that caused them.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { hash } from "node:crypto";
import type { Addition } from "../../policy/evaluate.ts";
import { X402Error } from "../../protocol/errors.ts";

/** A counter on disk has 64 bits. More than any limit, so that a budget that is filled with this is full. */
export const MOST_COUNTED = 1n << 62n;

interface Cell {
  readonly key: string;
  readonly bucket: number;
  amount: bigint;
  dirty: boolean;
}

export class Counters {
  readonly #cells = new Map<string, Cell[]>();
  #dirty: Cell[] = [];
  readonly #write: StatementSync;
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#write = db.prepare(
      "INSERT INTO counters (key, bucket, amount) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET amount = excluded.amount",
    );
    for (const { key, bucket, amount } of this.#stored("amount")) this.#cell(key, bucket).amount = amount;
  }

  /** Sum over buckets, both ends included. */
  used(key: string, from: number, to: number): bigint {
    const cells = this.#cells.get(key);
    if (!cells) return 0n;
    let sum = 0n;
    for (const cell of cells) if (cell.bucket >= from && cell.bucket <= to) sum += cell.amount;
    return sum;
  }

  known(key: string): boolean {
    return this.#cells.has(key);
  }

  /** What the counter holds with it. */
  add({ key, bucket, amount }: Addition): bigint {
    const cell = this.#cell(key, bucket);
    cell.amount += amount;
    if (!cell.dirty) this.#dirty.push(cell);
    cell.dirty = true;
    return cell.amount;
  }

  /** Writes what changed; inside the caller's transaction. */
  flush(): void {
    for (const cell of this.#dirty) {
      this.#write.run(cell.key, cell.bucket, cell.amount);
      cell.dirty = false;
    }
    this.#dirty = [];
  }

  /** Every counter that is not zero, by key and bucket. */
  *all(): Iterable<{ key: string; bucket: number; amount: bigint }> {
    for (const cells of this.#cells.values()) for (const cell of cells) if (cell.amount !== 0n) yield cell;
  }

  /** Forgets counters of windows that are over; inside the caller's transaction. */
  prune(isOver: (key: string, bucket: number) => boolean): void {
    const remove = this.#db.prepare("DELETE FROM counters WHERE key = ? AND bucket = ?");
    for (const [key, cells] of this.#cells) {
      const kept = cells.filter((cell) => !isOver(key, cell.bucket));
      if (kept.length === cells.length) continue;
      for (const cell of cells) if (!kept.includes(cell)) remove.run(key, cell.bucket);
      if (kept.length === 0) this.#cells.delete(key);
      else this.#cells.set(key, kept);
    }
  }

  /** Of what is on disk, as a checkpoint has it. */
  hash(): string {
    return this.#hashOf("amount");
  }

  /** Makes the amounts on disk the base of the next check at start, and returns their hash. */
  checkpoint(): string {
    this.#db.exec("UPDATE counters SET base = amount");
    return this.#hashOf("amount");
  }

  /** Throws LEDGER_DAMAGED unless the base is what the checkpoint says, and base plus `additions` what is on disk. */
  verify(checkpointHash: string | undefined, additions: Iterable<Addition>): void {
    if (checkpointHash !== undefined && this.#hashOf("base") !== checkpointHash) {
      throw new X402Error("LEDGER_DAMAGED", "the counters of the last checkpoint were changed");
    }
    const expected = new Map<string, bigint>();
    for (const { key, bucket, amount } of this.#stored("base")) expected.set(`${key}\n${bucket}`, amount);
    for (const { key, bucket, amount } of additions) {
      const id = `${key}\n${bucket}`;
      expected.set(id, (expected.get(id) ?? 0n) + amount);
    }
    for (const [id, amount] of expected) {
      const [key, bucket] = id.split("\n") as [string, string];
      if (this.used(key, Number(bucket), Number(bucket)) === amount) expected.delete(id);
    }
    if (expected.size > 0) throw new X402Error("LEDGER_DAMAGED", "the counters do not match the record");
  }

  #cell(key: string, bucket: number): Cell {
    let cells = this.#cells.get(key);
    if (!cells) this.#cells.set(key, (cells = []));
    let cell = cells.findLast((candidate) => candidate.bucket === bucket);
    if (!cell) cells.push((cell = { key, bucket, amount: 0n, dirty: false }));
    return cell;
  }

  #stored(column: "amount" | "base"): { key: string; bucket: number; amount: bigint }[] {
    const select = this.#db.prepare(
      `SELECT key, bucket, ${column} AS amount FROM counters ORDER BY key, bucket`,
    );
    select.setReadBigInts(true);
    const rows = select.all() as unknown as { key: string; bucket: bigint; amount: bigint }[];
    return rows.map((row) => ({ ...row, bucket: Number(row.bucket) }));
  }

  #hashOf(column: "amount" | "base"): string {
    const rows = this.#stored(column).filter((row) => row.amount !== 0n);
    return hash("sha256", rows.map(({ key, bucket, amount }) => `${key}\n${bucket}\n${amount}\n`).join(""));
  }
}
