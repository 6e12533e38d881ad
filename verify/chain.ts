// The chain of rows: hash(n) = SHA-256(hash(n-1) || body(n)). What the operator accepted as lost or damaged is part of
// the record: a row says so, and everything counts anew from there.
import type { Head, Row } from "./export-file.ts";
import { type JsonObject, isCount, isHash, readExact, sha256, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";

/** What the record itself says is wrong with it. */
export interface Accepted {
  /** The row that says so. */
  readonly row: number;
  readonly code: string;
  /** The newest row that was known when it was lost. */
  readonly lost?: { readonly seq: number; readonly hash: string };
  /** First and last position of each run that is missing. */
  readonly gaps: readonly (readonly [number, number])[];
  /** Rows that do not continue the chain. */
  readonly damaged: readonly number[];
}

/** A row does not continue the chain, or positions before it are missing; nobody has accepted it yet. */
interface Break {
  readonly seq: number;
  readonly missing?: readonly [number, number];
}

export class Chain {
  readonly #ledger: string;
  readonly accepted: Accepted[] = [];
  #breaks: Break[] = [];
  #seq = 0;
  #hash: string;

  constructor(ledger: string) {
    this.#ledger = ledger;
    this.#hash = sha256(`x402/ledger/1 ${ledger}`);
  }

  get head(): Head {
    return { ledger: this.#ledger, seq: this.#seq, hash: this.#hash };
  }

  /** All rows so far continue the chain, or somebody has accepted those that do not. */
  get isSound(): boolean {
    return this.#breaks.length === 0;
  }

  /** Missing by the operator's word. */
  isLost(seq: number): boolean {
    return this.accepted.some(({ gaps }) => gaps.some(([from, to]) => seq >= from && seq <= to));
  }

  /** The row's body; undefined for one that does not continue the chain. Throws Untrue for a row out of order. */
  add({ seq, hash, body }: Row): JsonObject | undefined {
    if (seq <= this.#seq) throw new Untrue("is there twice, or in the wrong place", seq);
    const intact = sha256(this.#hash + body) === hash;
    const parsed = intact ? readExact(body, "the body", seq) : undefined;
    const acceptance = parsed?.["kind"] === "ledger.accepted" ? parsed : undefined;
    const missing = this.#missingBefore(seq);
    const explained = missing && isExplained(seq, acceptance);
    if (!intact || (missing && !explained)) this.#breaks.push({ seq, ...(missing && { missing }) });
    this.#seq = seq;
    this.#hash = hash;
    if (acceptance) this.#accept(seq, acceptance, explained ? missing : undefined);
    return parsed;
  }

  /** Throws Untrue when something is wrong with it that nobody has accepted. */
  end(): void {
    const [first] = this.#breaks;
    if (!first) return;
    if (first.missing) throw new Untrue("is missing", first.missing[0]);
    throw new Untrue("was changed, or does not follow the row before it", first.seq);
  }

  #missingBefore(seq: number): [number, number] | undefined {
    return seq === this.#seq + 1 ? undefined : [this.#seq + 1, seq - 1];
  }

  #accept(
    row: number,
    { code, lost, damaged }: JsonObject,
    gap: readonly [number, number] | undefined,
  ): void {
    const named = Array.isArray(damaged) ? damaged.filter(isCount) : [];
    const isNamed = ({ seq }: Break): boolean => named.includes(seq);
    const gaps = this.#breaks.filter(isNamed).flatMap(({ missing }) => (missing ? [missing] : []));
    this.#breaks = this.#breaks.filter((one) => !isNamed(one));
    const { seq, hash } = (lost ?? {}) as JsonObject;
    this.accepted.push({
      ...{ row, code: textOf(code), damaged: named },
      ...(isCount(seq) && isHash(hash) ? { lost: { seq, hash } } : {}),
      gaps: gap ? [...gaps, gap] : gaps,
    });
  }
}

/** An acceptance comes right behind the newest row that was lost, so that no position ever means two rows. */
function isExplained(seq: number, acceptance: JsonObject | undefined): boolean {
  const { seq: lost } = (acceptance?.["lost"] ?? {}) as JsonObject;
  return seq - 1 === lost;
}
