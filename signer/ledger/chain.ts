// The audit chain on disk: appending, and reading back in order. Every write is inside the caller's transaction.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { genesisHash, rowHash } from "../../protocol/audit.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";

export class Chain {
  readonly ledgerId: string;
  #seq = 0;
  #hash: string;
  readonly #insert: StatementSync;
  readonly #one: StatementSync;
  readonly #before: StatementSync;
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync, ledgerId: string) {
    this.ledgerId = ledgerId;
    this.#insert = db.prepare("INSERT INTO audit (seq, body, hash) VALUES (?, ?, ?)");
    this.#one = db.prepare("SELECT seq, body, hash FROM audit WHERE seq = ?");
    this.#before = db.prepare("SELECT hash FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT 1");
    this.#db = db;
    this.#hash = genesisHash(ledgerId);
    const last = db.prepare("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").get() as
      Pick<AuditRow, "seq" | "hash"> | undefined;
    if (last) {
      this.#seq = last.seq;
      this.#hash = last.hash;
    }
  }

  get seq(): number {
    return this.#seq;
  }

  head(): Head {
    return { ledger: this.ledgerId, seq: this.#seq, hash: this.#hash };
  }

  /** Unix milliseconds of the last row; 0 without rows. */
  lastTime(): number {
    const last = this.row(this.#seq);
    return last ? Number((JSON.parse(last.body) as { at: unknown }).at) : 0;
  }

  /** Position of the new row: the next one, or `seq` where positions before it are lost. */
  append(body: string, seq = this.#seq + 1): number {
    this.#hash = rowHash(this.#hash, body);
    this.#seq = seq;
    this.#insert.run(this.#seq, body, this.#hash);
    return this.#seq;
  }

  /** A row of a backup, as it stands there. */
  put({ seq, body, hash }: AuditRow): void {
    this.#insert.run(seq, body, hash);
    this.#seq = seq;
    this.#hash = hash;
  }

  /** The head as it was when this row was the last one. Throws LEDGER_DAMAGED for a position without a row. */
  headAt(seq: number): Head {
    const row = this.row(seq);
    if (!row) throw new X402Error("LEDGER_DAMAGED", `row ${seq} is missing`);
    return { ledger: this.ledgerId, seq, hash: row.hash };
  }

  row(seq: number): AuditRow | undefined {
    return this.#one.get(seq) as unknown as AuditRow | undefined;
  }

  /** The body of a row, held to its hash: what was changed on disk is not acted on. Throws LEDGER_DAMAGED. */
  body(seq: number): string {
    const body = this.wholeBody(seq);
    if (body === undefined) throw new X402Error("LEDGER_DAMAGED", `row ${seq} was changed`);
    return body;
  }

  /** The same, but undefined for a row that was changed or is missing. */
  wholeBody(seq: number): string | undefined {
    const row = this.row(seq);
    // Positions between two rows may be lost; that no others are is the start's and the audit's to check.
    const previous = (this.#before.get(seq) as { hash: string } | undefined)?.hash;
    const isWhole = row && rowHash(previous ?? genesisHash(this.ledgerId), row.body) === row.hash;
    return isWhole ? row.body : undefined;
  }

  /** Oldest first. */
  after(seq: number): Iterable<AuditRow> {
    return this.#rows("SELECT seq, body, hash FROM audit WHERE seq > ? ORDER BY seq", seq);
  }

  /** Newest first. */
  before(seq: number): Iterable<AuditRow> {
    return this.#rows("SELECT seq, body, hash FROM audit WHERE seq < ? ORDER BY seq DESC", seq);
  }

  /** A statement of its own each time: two readings may go on at once. */
  #rows(sql: string, seq: number): Iterable<AuditRow> {
    return this.#db.prepare(sql).iterate(seq) as unknown as Iterable<AuditRow>;
  }

  /** True when this ledger contains `head`: same ledger, same row at that position. */
  contains(head: Head): boolean {
    if (head.ledger !== this.ledgerId) return false;
    if (head.seq === 0) return head.hash === genesisHash(this.ledgerId);
    return this.row(head.seq)?.hash === head.hash;
  }
}
