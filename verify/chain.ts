// The chain of rows: hash(n) = SHA-256(hash(n-1) || body(n)). What the operator accepted as lost or damaged is part of
// the record: a row says so, and everything counts anew from there.
import type { Head, Row } from "./export-file.ts";
import { type JsonObject, isCount, readExact, sha256, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";

/** Rows that the record itself says are lost or were changed. */
export interface Accepted {
  /** The row that says so. */
  readonly row: number;
  readonly code: string;
  /** First and last position that is missing. */
  readonly lost?: readonly [number, number];
  readonly damaged: readonly number[];
}

export class Chain {
  readonly #ledger: string;
  readonly accepted: Accepted[] = [];
  /** Rows that do not match their hash, and that no row has accepted yet. */
  #damaged: number[] = [];
  #seq = 0;
  #hash: string;

  constructor(ledger: string) {
    this.#ledger = ledger;
    this.#hash = sha256(`x402/ledger/1 ${ledger}`);
  }

  get head(): Head {
    return { ledger: this.#ledger, seq: this.#seq, hash: this.#hash };
  }

  /** The row's body, once it is part of the chain; undefined for one that cannot be relied on. Throws Untrue. */
  add({ seq, hash, body }: Row): JsonObject | undefined {
    const intact = sha256(this.#hash + body) === hash;
    const parsed = intact ? readExact(body, "the body", seq) : undefined;
    const acceptance = parsed?.["kind"] === "ledger.accepted" ? parsed : undefined;
    const lost = this.#gap(seq, acceptance);
    this.#seq = seq;
    this.#hash = hash;
    if (!intact) this.#damaged.push(seq);
    if (acceptance) this.#accept(seq, acceptance, lost);
    return this.#damaged.length === 0 ? parsed : undefined;
  }

  /** Throws Untrue when a row was changed and nobody has accepted it. */
  end(): void {
    const [first] = this.#damaged;
    if (first !== undefined) throw new Untrue("was changed, or does not follow the row before it", first);
  }

  #gap(seq: number, acceptance: JsonObject | undefined): [number, number] | undefined {
    const next = this.#seq + 1;
    if (seq === next) return undefined;
    const { seq: lost } = (acceptance?.["lost"] ?? {}) as JsonObject;
    if (seq < next || !isCount(lost) || seq !== lost + 1) {
      this.end();
      throw new Untrue("is missing", next);
    }
    return [next, lost];
  }

  #accept(row: number, { code, damaged = [] }: JsonObject, lost: [number, number] | undefined): void {
    const named = damaged as number[];
    this.#damaged = this.#damaged.filter((seq) => !named.includes(seq));
    this.accepted.push({ row, code: textOf(code), ...(lost ? { lost } : {}), damaged: named });
  }
}
