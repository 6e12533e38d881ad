// What would pass in place of a payment: the largest amount that passes now. Asked of the signer by quotes, so that it is
// true of everything that decides, prices and fees included.
import { parseUsd } from "../../protocol/amount.ts";
import type { Quote, WireCheck } from "../../protocol/shapes.ts";

/** Quotes of the same payment with other amounts (atomic units, at most eight), in order. */
export type QuoteAmounts = (amounts: readonly bigint[]) => Promise<readonly Quote[]>;

const AT_ONCE = 8;
/** No token has more units than fit into 256 bits. */
const MOST = (1n << 128n) - 1n;

/**
 * The largest amount that passes, in atomic units; undefined when not even one unit does. `asked` passed or not, as
 * `passes` says; `guess` is about the largest. Rules are taken to allow less whatever allows more, which all of them do.
 */
export async function largestPassing(
  quote: QuoteAmounts,
  { asked, passes, guess }: { asked: bigint; passes: boolean; guess: bigint },
): Promise<bigint | undefined> {
  let low = passes ? asked : 0n;
  let high = passes ? MOST : asked;
  let tried = [1n, guess - 2n, guess - 1n, guess, guess + 1n, guess + 2n, guess * 2n, guess * 1024n];
  while (high - low > 1n) {
    const amounts = [...new Set(tried)].filter((amount) => amount > low && amount < high);
    const quotes = amounts.length > 0 ? await quote(amounts) : [];
    amounts.forEach((amount, i) => {
      const ok = quotes[i]?.outcome === "allow";
      if (ok && amount > low) low = amount;
      if (!ok && amount < high) high = amount;
    });
    tried = between(low, high);
  }
  return low === 0n ? undefined : low;
}

/** Micro-USD that the tightest limit leaves for one payment; undefined where no limit on a sum was asked. */
function roomOf(checks: readonly WireCheck[]): bigint | undefined {
  const rooms = checks.flatMap(({ unit, rule, limit, left }) =>
    unit === "usd" && rule !== "maxNetworkFee" && limit !== undefined ? [parseUsd(left ?? limit)] : [],
  );
  return rooms.length === 0 ? undefined : rooms.reduce((least, room) => (room < least ? room : least));
}

/** About the largest amount that passes, by what the asked one counts for. */
export function guessOf({ usd, checks }: Quote, asked: bigint): bigint {
  const room = roomOf(checks);
  const counted = usd === undefined ? 0n : parseUsd(usd);
  return room === undefined || counted === 0n ? asked : (asked * room) / counted;
}

/** When every rule that says no has opened again (unix ms); undefined when waiting does not help. */
export function reopensAt({ checks }: Quote): number | undefined {
  const failed = checks.filter(({ ok }) => !ok);
  const times = failed.map(({ reopensAt }) => (reopensAt === undefined ? Infinity : Date.parse(reopensAt)));
  const last = Math.max(...times);
  return Number.isFinite(last) ? last : undefined;
}

const between = (low: bigint, high: bigint): bigint[] =>
  Array.from({ length: AT_ONCE }, (_, i) => low + ((high - low) * BigInt(i + 1)) / BigInt(AT_ONCE + 1));
