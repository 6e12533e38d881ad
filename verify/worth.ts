// What a payment counts for: every part that leaves the wallet, at the prices in force, each rounded up to a micro-USD.
import { ADA, type Asset } from "./assets.ts";
import type { Part } from "./draft.ts";
import { PRICE_PLACES, type Price, type Prices } from "./prices.ts";
import { type JsonObject, textOf } from "./text.ts";
import { type Must } from "./untrue.ts";

/** Micro-USD, both. */
export interface Worth {
  readonly usd: bigint;
  /** Of it, what is no payment. */
  readonly networkFee: bigint;
}

const USD_PLACES = 6;
const ONE_DOLLAR = 10n ** BigInt(PRICE_PLACES);

/** Also checks that the row says the prices of its parts, and no other, as they are at `at` (unix ms). */
export function worthOf(
  row: JsonObject,
  parts: readonly Part[],
  asset: Asset,
  prices: Prices,
  at: number,
  must: Must,
): Worth {
  const { rates = null, symbol, decimals } = row;
  const told = new Map(Object.entries((rates ?? {}) as JsonObject));
  must(decimals === asset.decimals && (asset.symbol ?? symbol) === symbol, "names its token as it is not");
  let usd = 0n;
  let networkFee = 0n;
  for (const { symbol, units, why } of parts) {
    const { decimals, pegged } = why === "payment" ? asset : ADA;
    const rate = rateOf(prices.of(symbol), told.get(symbol), at, must);
    must(pegged || rate !== undefined, `counts ${symbol} without a price`);
    const value = valueOf(units, decimals, pegged && (rate ?? 0n) < ONE_DOLLAR ? ONE_DOLLAR : (rate ?? 0n));
    usd += value;
    if (why !== "payment") networkFee += value;
  }
  const symbols = new Set(parts.map((part) => part.symbol));
  must(
    [...told.keys()].every((one) => symbols.has(one)),
    "names a price of what it does not pay",
  );
  return { usd, networkFee };
}

function rateOf(
  price: Price | undefined,
  told: JsonObject[string] | undefined,
  at: number,
  must: Must,
): bigint | undefined {
  const isFresh = price !== undefined && at < price.until;
  must(told === undefined || price?.text === textOf(told), "is counted at a price that is not the one set");
  must(told === undefined || isFresh, "is counted at a price that is too old");
  must(told !== undefined || !isFresh, "is not counted at the price in force");
  return isFresh ? price.usd : undefined;
}

function valueOf(units: bigint, decimals: number, rate: bigint): bigint {
  const scale = 10n ** BigInt(decimals + PRICE_PLACES - USD_PLACES);
  return (units * rate + scale - 1n) / scale;
}
