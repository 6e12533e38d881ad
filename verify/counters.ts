// Every counter, recomputed from what the rows add. The signer's are a cache of the same sums.
import type { Counter } from "./export-file.ts";
import { isCounter } from "./export-file.ts";
import { type JsonObject, sha256, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";

const SURROGATE = /[\ud800-\udfff]/;

export class Counters {
  /** "key\nbucket" -> amount */
  #amounts = new Map<string, bigint>();

  amount(key: string, bucket: number): bigint {
    return this.#amounts.get(`${key}\n${bucket}`) ?? 0n;
  }

  get size(): number {
    return this.entries().length;
  }

  /** Adds what a row adds and returns it. `used` says what each counter holds then. Throws Untrue. */
  add({ add = [], used }: JsonObject, row: number, usedIsThere: boolean): readonly Counter[] {
    if (!Array.isArray(add) || !add.every(isCounter)) throw new Untrue("adds to no counter", row);
    if (used !== undefined && (!Array.isArray(used) || used.length !== add.length))
      throw new Untrue("used does not fit add", row);
    if (used === undefined && usedIsThere && add.length > 0) throw new Untrue("used is missing", row);
    add.forEach(([key, bucket, amount], i) => {
      const sum = this.amount(key, bucket) + BigInt(amount);
      this.#amounts.set(`${key}\n${bucket}`, sum);
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
    for (const id of this.#amounts.keys()) {
      const [key = "", bucket] = id.split("\n");
      if (isOver(key, Number(bucket))) this.#amounts.delete(id);
    }
  }

  /** SHA-256 over "key\nbucket\namount\n" of all that are not zero, by key (as UTF-8 bytes) and bucket. */
  hash(): string {
    const all = this.entries();
    const asBytes = all.some(([key]) => SURROGATE.test(key));
    const compare = (a: string, b: string): number =>
      a === b ? 0 : asBytes ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1;
    all.sort(([a, x], [b, y]) => compare(a, b) || x - y);
    return sha256(all.map(([key, bucket, amount]) => `${key}\n${bucket}\n${amount}\n`).join(""));
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

  /** All that are not zero. */
  entries(): [key: string, bucket: number, amount: bigint][] {
    return [...this.#amounts].flatMap(([id, amount]) => {
      const [key = "", bucket] = id.split("\n");
      return amount === 0n ? [] : [[key, Number(bucket), amount]];
    });
  }
}
