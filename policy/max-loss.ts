// The most that can be lost from now on within a time, under rules that stay as they are. Never too low: where rules
// would need more thought to bound a sum, the sum is not bounded by them.
//
// What can still be lost is of three kinds: authorizations that are alive; payments that were signed, are over by our
// clock and not known to be settled, because they may be drafted again within what they have booked; and new payments.
// A limit of L over a window bounds it twice: new payments by what L leaves, now and in every window that opens in
// time (`fresh`); and everything signed from now on, old intents too, by L for each such window (`whole`).
import type { MicroUsd } from "../protocol/amount.ts";
import { type Counter, sessionBucket } from "./counters.ts";
import type { Facts } from "./evaluate.ts";
import type { Scope } from "./scope.ts";
import { ROLLING_BUCKETS, type Window } from "./windows.ts";

/** Undefined: no bound. */
export type Bound = MicroUsd | undefined;

/** What was signed before, in micro-USD: what is alive, and what is not known to be settled or dead, that included. */
export interface Stock {
  readonly live: MicroUsd;
  readonly unresolved: MicroUsd;
}

/** An agent, what it has signed, and the scopes under which more may be signed for it; none when nothing may be. */
export interface Payer {
  readonly stock: Stock;
  readonly scopes: readonly Scope[];
}

interface Allowance {
  readonly fresh: bigint;
  readonly whole: bigint;
}

const lower = (a: Bound, b: Bound): Bound => (a === undefined ? b : b === undefined || a < b ? a : b);

export const sumOf = (payers: readonly Payer[]): Stock =>
  payers.reduce<Stock>(
    (sum, { stock }) => ({ live: sum.live + stock.live, unresolved: sum.unresolved + stock.unresolved }),
    { live: 0n, unresolved: 0n },
  );

/**
 * The most that can be lost until `until` (unix ms, or Infinity): the least of what the scopes that the payers share
 * would let through, and what their own would, added up.
 */
export function largestLoss(payers: readonly Payer[], facts: Facts, until: number): Bound {
  const active = payers.filter((payer) => lastInstant(payer) >= facts.now);
  const stopped = sumOf(payers.filter((payer) => !active.includes(payer))).live;
  const end = Math.min(until, Math.max(...active.map(lastInstant)));
  const shared = (active[0]?.scopes ?? []).filter(({ kind }) => kind !== "agent");
  const perCall = shared.reduce<Bound>((least, { policy }) => lower(least, policy.perCallMax), undefined);
  const stock = sumOf(active);
  const bound = shared.reduce<Bound>(
    (least, scope) => lower(least, scopeLoss(scope, stock, facts, end, perCall)),
    ownLosses(active, facts, until, perCall),
  );
  return bound === undefined ? undefined : bound + stopped;
}

/** At which something may still be signed for it (unix ms); Infinity when its permission has no end. */
function lastInstant({ scopes }: Payer): number {
  if (scopes.length === 0) return -Infinity;
  return (scopes.find(({ kind }) => kind === "agent")?.endsAt ?? Infinity) - 1;
}

function ownLosses(payers: readonly Payer[], facts: Facts, until: number, perCall: Bound): Bound {
  let sum = 0n;
  for (const payer of payers) {
    const own = payer.scopes.find(({ kind }) => kind === "agent");
    const end = Math.min(until, lastInstant(payer));
    const loss = own && scopeLoss(own, payer.stock, facts, end, lower(perCall, own.policy.perCallMax));
    if (loss === undefined) return undefined;
    sum += loss;
  }
  return sum;
}

/**
 * The most that can be lost through one scope until `until` (unix ms, or Infinity). `perCall` is the most that one
 * payment may cost, by all scopes together: it turns counts into sums.
 */
function scopeLoss(scope: Scope, stock: Stock, facts: Facts, until: number, perCall: Bound): Bound {
  if (scope.frozen) return stock.live;
  let bound: Bound;
  for (const counter of scope.policy.counters) {
    // A budget for some payments only says nothing of the others, and one on claims nothing of an agent that lies.
    if (counter.per !== undefined || counter.match !== undefined) continue;
    const price = counter.unit === "usd" ? 1n : perCall;
    for (const { max } of counter.budgets) {
      const allowed = price === undefined ? undefined : allowance(scope, counter, max, facts, until);
      if (price === undefined || !allowed) continue;
      const { fresh, whole } = allowed;
      bound = lower(bound, lower(stock.unresolved + fresh * price, stock.live + whole * price));
    }
  }
  return bound;
}

/** Undefined when time opens the window for ever. */
function allowance(
  scope: Scope,
  counter: Counter,
  max: bigint,
  facts: Facts,
  until: number,
): Allowance | undefined {
  const key = counter.keyFor(scope.id);
  const left = (from: number, to: number): bigint => clamp(max - facts.used(key, from, to));
  const { window } = counter;
  if (window.kind === "total") return { fresh: left(0, 0), whole: max };
  if (window.kind === "session") {
    // The session of an operator's rules is the unlock: a person begins the next one.
    const bucket = sessionBucket(scope, facts.unlock);
    return { fresh: left(bucket, bucket), whole: max };
  }
  if (until === Infinity) return undefined;
  return window.kind === "calendar"
    ? calendarAllowance(window, max, left, facts.now, until)
    : rollingAllowance(window.width, max, left, facts.now, until);
}

const clamp = (amount: bigint): bigint => (amount < 0n ? 0n : amount);

type Left = (from: number, to: number) => bigint;

/** Periods that a payment of today can reach into; those behind them have nothing used. */
const TOUCHED_PERIODS = 3;

function calendarAllowance(
  { calendar }: Extract<Window, { kind: "calendar" }>,
  max: bigint,
  left: Left,
  now: number,
  until: number,
): Allowance {
  const periods = calendar.count(now, until);
  let fresh = 0n;
  let at = now;
  for (let n = 0; n < Math.min(periods, TOUCHED_PERIODS); n++) {
    const { start, end } = calendar.at(at);
    fresh += left(start, start);
    at = end * 1000;
  }
  return {
    fresh: fresh + max * BigInt(Math.max(0, periods - TOUCHED_PERIODS)),
    whole: max * BigInt(periods),
  };
}

/**
 * All that is paid within as many buckets as a decision reads is within one limit, together with what the last of
 * these decisions still reads of what is there now.
 */
function rollingAllowance(width: number, max: bigint, left: Left, now: number, until: number): Allowance {
  const first = Math.floor(now / width);
  const last = Math.floor(until / width);
  const spans = BigInt(Math.ceil((last - first + 1) / (ROLLING_BUCKETS + 1)));
  const stillRead = Math.min(last, first + ROLLING_BUCKETS) - ROLLING_BUCKETS;
  return { fresh: left(stillRead, first) + max * (spans - 1n), whole: max * spans };
}
