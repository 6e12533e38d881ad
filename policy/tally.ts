// What a replay has found so far: sums, and the first payments that would not have passed.
import type { MicroUsd } from "../protocol/amount.ts";
import type { Check } from "./evaluate.ts";
import type { DraftRow } from "./record.ts";

export interface Sum {
  readonly payments: number;
  readonly usd: MicroUsd;
}
const NOTHING: Sum = { payments: 0, usd: 0n };

/** The rule that would have said no, and to how much. */
export interface Refused extends Sum {
  readonly check: Check;
}

export interface Listed {
  readonly seq: number;
  readonly row: DraftRow;
  readonly check: Check;
}

export class Tally {
  allowed: Sum = NOTHING;
  refused: Sum = NOTHING;
  /** Losses of the record that were accepted: what was paid in them is not known. */
  gaps = 0;
  /** Unix ms of the first and the last payment. */
  first: number | undefined;
  last: number | undefined;
  readonly listed: Listed[] = [];
  readonly #most: number;
  readonly #byRule = new Map<string, Refused>();

  constructor(most: number) {
    this.#most = most;
  }

  allow(row: DraftRow): void {
    this.#see(row);
    this.allowed = plus(this.allowed, row);
  }

  refuse(row: DraftRow, seq: number, check: Check): void {
    this.#see(row);
    this.refused = plus(this.refused, row);
    const name = `${check.code}\n${check.scope}\n${check.rule}`;
    this.#byRule.set(name, { check, ...plus(this.#byRule.get(name) ?? NOTHING, row) });
    if (this.listed.length < this.#most) this.listed.push({ seq, row, check });
  }

  /** The dearest first. */
  byRule(): Refused[] {
    return [...this.#byRule.values()].sort((a, b) =>
      a.usd === b.usd ? b.payments - a.payments : a.usd > b.usd ? -1 : 1,
    );
  }

  #see({ at }: DraftRow): void {
    this.first ??= at;
    this.last = at;
  }
}

const plus = ({ payments, usd }: Sum, row: DraftRow): Sum => ({
  payments: payments + 1,
  usd: usd + BigInt(row.usd),
});
