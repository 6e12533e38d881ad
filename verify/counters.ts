// Every counter, recomputed from what the rows add. The signer's are a cache of the same sums.
import { createHash } from "node:crypto";
import type { Counter } from "./export-file.ts";
import { isCounter } from "./export-file.ts";
import { type JsonObject, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";

const CHUNK = 65_536;
const SURROGATE = /[\ud800-\udfff]/;

export class Counters {
  /** key -> bucket -> amount */
  #amounts = new Map<string, Map<number, bigint>>();

  amount(key: string, bucket: number): bigint {
    return this.#amounts.get(key)?.get(bucket) ?? 0n;
  }

  /** How many are not zero. */
  get size(): number {
    return [...this.#amounts.values()].reduce((sum, buckets) => sum + nonZero(buckets).length, 0);
  }

  /** Adds what a row adds and returns it. `used` says what each counter holds then. Throws Untrue. */
  add({ add = [], used }: JsonObject, row: number, usedIsThere: boolean): readonly Counter[] {
    if (!Array.isArray(add) || !add.every(isCounter)) throw new Untrue("adds to no counter", row);
    if (used !== undefined && (!Array.isArray(used) || used.length !== add.length))
      throw new Untrue("used does not fit add", row);
    if (used === undefined && usedIsThere && add.length > 0) throw new Untrue("used is missing", row);
    add.forEach(([key, bucket, amount], i) => {
      const sum = this.amount(key, bucket) + BigInt(amount);
      this.#set(key, bucket, sum);
      if (used !== undefined && used[i] !== sum.toString())
        throw new Untrue(`the counter ${key} holds ${sum}, not ${textOf(used[i])}`, row);
    });
    return add;
  }

  /** An acceptance: these counters and no others from here on. */
  reset(counters: unknown, row: number): void {
    if (!Array.isArray(counters) || !counters.every(isCounter)) throw new Untrue("has no counters", row);
    this.#amounts = new Map();
    this.add({ add: counters }, row, false);
  }

  /** What a checkpoint forgets: counters of windows, unlocks and sessions that are over. */
  forget(isOver: (key: string, bucket: number) => boolean): void {
    for (const [key, buckets] of this.#amounts) {
      for (const bucket of buckets.keys()) if (isOver(key, bucket)) buckets.delete(bucket);
      if (buckets.size === 0) this.#amounts.delete(key);
    }
  }

  /** SHA-256 over "key\nbucket\namount\n" of all that are not zero, by key (as UTF-8 bytes) and bucket. */
  hash(): string {
    const hash = createHash("sha256");
    let text = "";
    for (const [key, bucket, amount] of this.entries()) {
      text += `${key}\n${bucket}\n${amount}\n`;
      if (text.length < CHUNK) continue;
      hash.update(text);
      text = "";
    }
    hash.update(text);
    return hash.digest("hex");
  }

  /** All that are not zero, in that order. */
  *entries(): Iterable<[key: string, bucket: number, amount: bigint]> {
    const keys = [...this.#amounts.keys()].sort();
    // Without a comparison JavaScript orders by UTF-16, which is another order only where there are surrogates.
    if (keys.some((key) => SURROGATE.test(key)))
      keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const key of keys) {
      const buckets = nonZero(this.#amounts.get(key) ?? new Map<number, bigint>());
      for (const [bucket, amount] of buckets.sort(([a], [b]) => a - b)) yield [key, bucket, amount];
    }
  }

  /** Throws Untrue unless these are all that are not zero, each once. */
  expect(counters: readonly Counter[]): void {
    const named = new Set<string>();
    for (const [key, bucket, amount] of counters) {
      if (this.amount(key, bucket).toString() !== amount || amount === "0")
        throw new Untrue(`the counter ${key} does not match the record`);
      named.add(`${key}\n${bucket}`);
    }
    if (named.size !== counters.length || named.size !== this.size) throw new Untrue("a counter is missing");
  }

  #set(key: string, bucket: number, amount: bigint): void {
    const buckets = this.#amounts.get(key);
    if (buckets) buckets.set(bucket, amount);
    else this.#amounts.set(key, new Map([[bucket, amount]]));
  }
}

const nonZero = (buckets: ReadonlyMap<number, bigint>): [number, bigint][] =>
  [...buckets].filter(([, amount]) => amount !== 0n);
