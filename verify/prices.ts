// What assets cost, as rows set it: each price until the next one, or until it is too old.
import { type JsonObject, decimalOf, isCount, isText, textOf } from "./text.ts";
import type { Must } from "./untrue.ts";

/** A price is for one whole unit, in 10^-12 USD. */
export const PRICE_PLACES = 12;

export interface Price {
  /** As the row has it. */
  readonly text: string;
  readonly usd: bigint;
  /** Unix ms; at that time it is too old. */
  readonly until: number;
}

export class Prices {
  readonly #newest = new Map<string, Price>();

  apply({ symbol, usd, maxAge, at }: JsonObject, must: Must): void {
    const price = decimalOf(textOf(usd), PRICE_PLACES) ?? 0n;
    const named = isText(symbol) && isCount(maxAge) && isCount(at) && price > 0n;
    must(named, "sets no price");
    if (named) this.#newest.set(symbol, { text: textOf(usd), usd: price, until: at + maxAge * 1000 });
  }

  /** Also one that is too old. */
  of(symbol: string): Price | undefined {
    return this.#newest.get(symbol);
  }
}
