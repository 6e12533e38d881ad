// What assets cost, as the operator says, each until it is too old. Without a fresh price nothing is paid in an asset
// that is not pegged: NO_PRICE.
import { type Price, formatPrice, parsePrice } from "../protocol/amount.ts";
import { X402Error } from "../protocol/errors.ts";
import type { ParamsOf, ResultOf } from "../protocol/methods.ts";
import type { Ledger } from "./ledger/ledger.ts";

interface Known {
  readonly price: Price;
  /** Unix ms, both; at `until` it is too old. */
  readonly at: number;
  readonly until: number;
}

interface PriceRow {
  readonly at: number;
  readonly symbol: string;
  readonly usd: string;
  /** Seconds. */
  readonly maxAge: number;
}

const KEY = "price:";

export class Prices {
  readonly #ledger: Ledger;
  readonly #known = new Map<string, Known>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    const rows = ledger.select("SELECT value FROM meta WHERE key GLOB 'price:*'").all() as {
      value: string;
    }[];
    // A price whose row was accepted as damaged is none: the operator sets another.
    const damaged = new Set(ledger.accepted.flatMap((row) => row.damaged));
    for (const seq of rows.map(({ value }) => Number(value)))
      if (!damaged.has(seq)) this.#take(JSON.parse(ledger.body(seq)) as PriceRow);
  }

  /** Undefined without a price that is fresh at `now` (unix ms). */
  at(symbol: string, now: number): Price | undefined {
    return this.#fresh(symbol, now)?.price;
  }

  /** When (unix ms) that price was set; undefined without one that is fresh at `now`. */
  setAt(symbol: string, now: number): number | undefined {
    return this.#fresh(symbol, now)?.at;
  }

  #fresh(symbol: string, now: number): Known | undefined {
    const known = this.#known.get(symbol);
    return known && now < known.until ? known : undefined;
  }

  /** On disk when it returns; `by` goes into the row. Throws INVALID_REQUEST for a price that is none. */
  set({ symbol, usd, maxAge }: ParamsOf<"price.set">, by: object): void {
    const price = parsePrice(usd);
    if (price === 0n) throw new X402Error("INVALID_REQUEST", "a price is more than 0");
    const row = { symbol, usd: formatPrice(price), maxAge };
    this.#ledger.now(); // what grants something needs a clock that is right
    const seq = this.#ledger.record("price.set", { ...row, ...by }, [], (db, seq) => {
      db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(KEY + symbol, String(seq));
    });
    this.#take(JSON.parse(this.#ledger.body(seq)) as PriceRow);
  }

  /** By symbol, also those that are too old. */
  list(now: number): ResultOf<"price.list">["prices"] {
    return [...this.#known].sort().map(([symbol, { price, at, until }]) => ({
      symbol,
      usd: formatPrice(price),
      at: new Date(at).toISOString(),
      until: new Date(until).toISOString(),
      fresh: now < until,
    }));
  }

  #take({ at, symbol, usd, maxAge }: PriceRow): void {
    this.#known.set(symbol, { price: parsePrice(usd), at, until: at + maxAge * 1000 });
  }
}
