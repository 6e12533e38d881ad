// The audit chain: what is hashed, and how anyone with the rows checks it. docs/ledger.md is the description.
//
// A row's body is one JSON text, hashed as it stands, and a hash is 64 hex digits: hash(n) = SHA-256(hash(n-1) || body),
// both as text in UTF-8, and hash(0) = SHA-256("x402/ledger/1 " || ledger id). A row can be neither changed nor removed without changing
// every hash after it, so a remembered head proves all rows before it.
import { hash } from "node:crypto";
import { X402Error } from "./errors.ts";
import type { AuditRow, Head } from "./shapes.ts";

/** What a counter gained with a row: key, bucket, amount as a decimal string. */
export type RowAddition = [key: string, bucket: number, amount: string];

export const genesisHash = (ledgerId: string): string => hash("sha256", `x402/ledger/1 ${ledgerId}`);

export const rowHash = (previous: string, body: string): string => hash("sha256", previous + body);

/** Follows the chain row by row. `add` throws LEDGER_DAMAGED at the first row that does not continue it. */
export class ChainVerifier {
  #seq = 0;
  #hash: string;

  constructor(ledgerId: string) {
    this.#hash = genesisHash(ledgerId);
  }

  add(row: AuditRow): void {
    if (row.seq !== this.#seq + 1) throw new X402Error("LEDGER_DAMAGED", `row ${this.#seq + 1} is missing`);
    this.#hash = rowHash(this.#hash, row.body);
    if (this.#hash !== row.hash) {
      throw new X402Error("LEDGER_DAMAGED", `row ${row.seq} was changed`);
    }
    this.#seq = row.seq;
  }

  /** True when the rows so far end exactly at `head`. */
  endsAt(head: Head): boolean {
    return head.seq === this.#seq && head.hash === this.#hash;
  }
}

/** Counters recomputed from `add` members of row bodies: Map of "key\nbucket" -> amount. */
export class CounterReplay {
  readonly totals = new Map<string, bigint>();

  add(additions: readonly RowAddition[]): void {
    for (const [key, bucket, amount] of additions) {
      const id = `${key}\n${bucket}`;
      this.totals.set(id, (this.totals.get(id) ?? 0n) + BigInt(amount));
    }
  }

  /** Throws LEDGER_DAMAGED unless `counters` are exactly these totals. */
  expect(counters: readonly RowAddition[]): void {
    const named = new Set<string>();
    for (const [key, bucket, amount] of counters) {
      const id = `${key}\n${bucket}`;
      if (this.totals.get(id) !== BigInt(amount)) {
        throw new X402Error("LEDGER_DAMAGED", `the counter ${key} does not match the record`);
      }
      named.add(id);
    }
    const nonZero = [...this.totals.values()].filter((amount) => amount !== 0n).length;
    if (nonZero !== named.size) throw new X402Error("LEDGER_DAMAGED", "a counter is missing");
  }
}
