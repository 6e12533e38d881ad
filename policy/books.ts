// Counters in memory, for payments that are tried out. What is on record has the ledger's own.
import type { MicroUsd, Price } from "../protocol/amount.ts";
import { isOver } from "./counters.ts";
import type { Addition, Facts } from "./evaluate.ts";
import { ROLLING_BUCKETS } from "./windows.ts";

/** More buckets of one counter than any window reads. */
const KEPT = ROLLING_BUCKETS + 8;
const SWEPT_EVERY = 50_000;

interface Cells {
  /** Ascending. */
  readonly buckets: number[];
  readonly amounts: bigint[];
}

/** A price that is fresh, and since when (unix ms). */
export interface Known {
  readonly price: Price;
  readonly at: number;
}

/** Time only goes forward here: of each counter the newest buckets are kept, and of counters that are over none. */
export class Books implements Facts {
  /** Unix ms. */
  now = 0;
  unlock = 0;
  /** By symbol; only what is fresh. */
  prices: Pick<ReadonlyMap<string, Known>, "get"> = new Map();
  readonly #cells = new Map<string, Cells>();
  #added = 0;

  price(symbol: string): Price | undefined {
    return this.prices.get(symbol)?.price;
  }

  pricedAt(symbol: string): number | undefined {
    return this.prices.get(symbol)?.at;
  }

  known(key: string): boolean {
    return this.#cells.has(key);
  }

  used(key: string, from: number, to: number): MicroUsd {
    const cells = this.#cells.get(key);
    if (!cells) return 0n;
    const { buckets, amounts } = cells;
    let sum = 0n;
    for (let i = buckets.length - 1; i >= 0 && (buckets[i] ?? 0) >= from; i--) {
      if ((buckets[i] ?? 0) <= to) sum += amounts[i] ?? 0n;
    }
    return sum;
  }

  add(additions: readonly Addition[]): void {
    for (const { key, bucket, amount } of additions) {
      const cells = this.#cells.get(key);
      if (cells) put(cells, bucket, amount);
      else this.#cells.set(key, { buckets: [bucket], amounts: [amount] });
    }
    this.#added += additions.length;
    if (this.#added >= SWEPT_EVERY) this.#sweep();
  }

  /** Takes away what was added, where it is still kept. */
  takeBack(additions: readonly Addition[]): void {
    for (const { key, bucket, amount } of additions) {
      const cells = this.#cells.get(key);
      if (cells?.buckets.includes(bucket)) put(cells, bucket, -amount);
    }
  }

  /** As the ledger does with each checkpoint; without it, every payee of every day would stay. */
  #sweep(): void {
    this.#added = 0;
    for (const [key, { buckets }] of this.#cells) {
      if (isOver(key, buckets.at(-1) ?? 0, this.now)) this.#cells.delete(key);
    }
  }
}

function put({ buckets, amounts }: Cells, bucket: number, amount: bigint): void {
  let at = buckets.length;
  while (at > 0 && (buckets[at - 1] ?? 0) > bucket) at--;
  if (at > 0 && buckets[at - 1] === bucket) {
    amounts[at - 1] = (amounts[at - 1] ?? 0n) + amount;
    return;
  }
  buckets.splice(at, 0, bucket);
  amounts.splice(at, 0, amount);
  if (buckets.length <= KEPT) return;
  buckets.shift();
  amounts.shift();
}
