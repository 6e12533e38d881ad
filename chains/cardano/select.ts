// Which coins a payment spends. The same coins and payment give the same choice, in whatever order they come.
//
// Coins are taken until the body can be built: the smallest that makes up for the shortage and leaves as much as is paid,
// so that the change can pay again; else the smallest that makes up for it; else the largest ones, until one more would.
// Coins with few kinds of token go first, because every token makes the transaction larger. Big coins stay free for other
// payments. What a hostile context costs is bounded: when coins that should have been enough were not (what they hold makes
// the change dearer) a few times, the largest are taken, twice as many each time. A body is built some twelve times at most,
// not once for each coin.
import type { Refusal } from "../rail.ts";
import { compareInputs } from "./body.ts";
import { type Built, type Plan, type Shortage, build } from "./build.ts";
import { type Coin, MAX_TOKEN } from "./wallet.ts";

interface Purse {
  readonly coins: readonly Coin[];
  /** Spent first, whatever else is. */
  readonly nonce: Coin | undefined;
  /** Unix seconds until when another live payment spends this coin; undefined for a free one. */
  readonly lockedUntil: (coin: Coin) => number | undefined;
}

/**
 * The bytes of a body that spends free coins. Where only locked ones would do, the answer says from when on enough of
 * them are free.
 */
export function spend(plan: Plan, { coins, nonce, lockedUntil }: Purse): Uint8Array | Refusal {
  const freeAt = (time: number): Coin[] => coins.filter((coin) => (lockedUntil(coin) ?? 0) <= time);
  const attempt = (time: number): Built =>
    nonce && (lockedUntil(nonce) ?? 0) > time ? NOTHING : select(plan, freeAt(time), nonce);
  const now = attempt(0);
  if (now.made === "body") return now.bytes;
  const times = [...new Set(coins.flatMap((coin) => lockedUntil(coin) ?? []))].sort((a, b) => a - b);
  const until = firstOf(times, (time) => attempt(time).made === "body");
  if (until !== undefined) return { refused: "INPUTS_LOCKED", until };
  return { refused: now.made === "too-large" ? "TRANSACTION_TOO_LARGE" : "FUNDS_INSUFFICIENT" };
}

const NOTHING: Built = { made: "shortage", short: { lovelace: 0n, token: 0n } };

/** By halving: more coins are rarely worse. Undefined when not even the last time will do. */
function firstOf(times: readonly number[], isEnough: (time: number) => boolean): number | undefined {
  let [low, high] = [0, times.length - 1];
  const last = times[high];
  if (last === undefined || !isEnough(last)) return undefined;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isEnough(times[middle] ?? last)) high = middle;
    else low = middle + 1;
  }
  return times[high];
}

function select(plan: Plan, coins: readonly Coin[], nonce: Coin | undefined): Built {
  const chosen = nonce ? [nonce] : [];
  const tokens = new Map(nonce?.value.tokens);
  let rest = coins.filter((coin) => coin !== nonce).sort(compareInputs);
  for (let round = 0; ; round++) {
    const built = build(plan, chosen);
    const next = built.made === "shortage" ? pick(plan, rest, built.short, round - PATIENCE) : [];
    if (next.length === 0) return built;
    for (const coin of next.filter((one) => fits(one, tokens))) {
      chosen.push(coin);
      for (const [unit, amount] of coin.value.tokens) tokens.set(unit, (tokens.get(unit) ?? 0n) + amount);
    }
    rest = rest.filter((coin) => !next.includes(coin) && fits(coin, tokens));
  }
}

/** No output of change would have to hold more of a token than an output can. */
const fits = ({ value }: Coin, taken: ReadonlyMap<string, bigint>): boolean =>
  [...value.tokens].every(([unit, amount]) => amount + (taken.get(unit) ?? 0n) <= MAX_TOKEN);

/**
 * One coin that makes up for the shortage, or of the largest as many as are needed before one can. `hurry`: from 0 on the
 * largest, at least 2^hurry of them.
 */
function pick({ payment }: Plan, coins: readonly Coin[], short: Shortage, hurry: number): Coin[] {
  const [unit = ""] = payment.value.tokens.keys();
  const tokenIn = (coin: Coin): bigint => coin.value.tokens.get(unit) ?? 0n;
  const amountIn = short.token > 0n ? tokenIn : ({ value }: Coin) => value.lovelace;
  const comfortable = short.lovelace + payment.value.lovelace;
  for (const lovelace of hurry < 0 ? [comfortable, short.lovelace, ...(short.token > 0n ? [0n] : [])] : []) {
    const enough = coins.filter((coin) => coin.value.lovelace >= lovelace && tokenIn(coin) >= short.token);
    if (enough.length > 0)
      return enough.sort((a, b) => kinds(a) - kinds(b) || compare(amountIn, a, b)).slice(0, 1);
  }
  const largest = coins.filter((coin) => amountIn(coin) > 0n).sort((a, b) => compare(amountIn, b, a));
  let missing = short.token > 0n ? short.token : short.lovelace;
  const end = largest.findIndex((coin) => (missing -= amountIn(coin)) <= 0n);
  return end === -1 ? largest : largest.slice(0, Math.max(end, 1, 2 ** hurry));
}

/** Rounds in which a choice may turn out too small. */
const PATIENCE = 4;

const kinds = ({ value }: Coin): number => value.tokens.size;

function compare(amountIn: (coin: Coin) => bigint, a: Coin, b: Coin): number {
  const [left, right] = [amountIn(a), amountIn(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
