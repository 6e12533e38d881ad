// Decimal strings <-> bigint. Money is never a float and never a `number`.
import { X402Error } from "./errors.ts";

/** Micro-USD: 1_000_000n is one dollar. */
export type MicroUsd = bigint;

export const USD_DECIMALS = 6;

const ATOMIC = /^(0|[1-9][0-9]{0,77})$/;
const DECIMAL = /^(0|[1-9][0-9]{0,30})(?:\.([0-9]{1,30}))?$/;

/** True for a canonical unsigned integer of at most 78 digits: no sign, no leading zero, no exponent. */
export const isAtomic = (text: string): boolean => ATOMIC.test(text);

/**
 * "12.5" with 6 decimals -> 12_500_000n. Refuses signs, exponents, leading zeros, a bare dot and more decimals
 * than the unit has. Throws INVALID_REQUEST with `title` in it.
 */
export function parseUnits(text: string, decimals: number, title = "amount"): bigint {
  const match = DECIMAL.exec(text);
  const fraction = match?.[2] ?? "";
  if (!match || fraction.length > decimals) {
    throw new X402Error(
      "INVALID_REQUEST",
      `${title} must be a decimal such as 1.50 with at most ${decimals} decimals`,
    );
  }
  return BigInt((match[1] ?? "0") + fraction.padEnd(decimals, "0"));
}

/** 12_500_000n with 6 decimals -> "12.5"; `least` keeps at least so many decimals ("12.50" with 2). */
export function formatUnits(units: bigint, decimals: number, least = 0): string {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits
    .slice(digits.length - decimals)
    .replace(/0+$/, "")
    .padEnd(least, "0");
  return sign + whole + (fraction === "" ? "" : `.${fraction}`);
}

/** "5.00" -> 5_000_000n micro-USD. */
export const parseUsd = (text: string, title = "amount in USD"): MicroUsd =>
  parseUnits(text, USD_DECIMALS, title);

/** 5_000_000n micro-USD -> "5.00"; sub-cent amounts keep all their decimals. */
export const formatUsd = (micro: MicroUsd): string => formatUnits(micro, USD_DECIMALS, 2);

/** USD for one whole unit of an asset, in 10^-12 USD, so that a cheap token has a price too. */
export type Price = bigint;

const PRICE_DECIMALS = 12;
export const ONE_DOLLAR: Price = 10n ** BigInt(PRICE_DECIMALS);

/** "0.41" -> 410_000_000_000n. */
export const parsePrice = (text: string): Price => parseUnits(text, PRICE_DECIMALS, "price in USD");

export const formatPrice = (price: Price): string => formatUnits(price, PRICE_DECIMALS, 2);

/** Atomic units at a price, in micro-USD, rounded up so that dust is never free. */
export function microUsdAt(units: bigint, decimals: number, price: Price): MicroUsd {
  const scale = 10n ** BigInt(decimals + PRICE_DECIMALS - USD_DECIMALS);
  return (units * price + scale - 1n) / scale;
}
