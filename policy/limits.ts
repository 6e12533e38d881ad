// Limits: what is used, what is left, and when a limit that is reached opens again.
import type { Charge, Unit } from "./counters.ts";
import type { Addition, Check, Facts } from "./evaluate.ts";
import type { Budget, Scope } from "./scope.ts";
import { ROLLING_BUCKETS, type Span } from "./windows.ts";

/** New keys of `per` budgets that one agent may make in one day (UTC): a bound on what its claims make us store. */
export const NEW_KEYS_PER_DAY = 1000n;
const DAY_MS = 86_400_000;

const clamp = (left: bigint): bigint => (left < 0n ? 0n : left);

const fits = (max: bigint, used: bigint, amount: bigint): boolean => used + amount <= max;

export const perCallCheck = (scope: Scope, max: bigint, amount: bigint): Check => ({
  scope: scope.id,
  rule: "perCallMax",
  code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
  ok: fits(max, 0n, amount),
  claimed: scope.kind === "session",
  unit: "usd",
  limit: max,
});

export function networkFeeChecks(scope: Scope, fee: bigint): Check[] {
  const { maxNetworkFee: limit } = scope.policy;
  if (limit === undefined) return [];
  const rule = { scope: scope.id, rule: "maxNetworkFee", code: "NETWORK_FEE_TOO_HIGH" } as const;
  return [{ ...rule, ok: fits(limit, 0n, fee), claimed: false, unit: "usd", limit }];
}

/** Appends a check for every budget on the charge's counter. A charge of 0 asks whether anything is left. */
export function chargeChecks(charge: Charge, facts: Facts, checks: Check[]): void {
  const { scope, counter } = charge;
  const amount = charge.amount > 0n ? charge.amount : 1n;
  const used = mostUsed(charge, facts);
  for (const { budget, max } of counter.budgets) {
    const ok = fits(max, used, amount);
    const check = budgetCheck(scope, budget, counter.unit, ok, max, used);
    const reopensAt = ok || amount > max ? undefined : reopening(charge, max - amount, facts);
    checks.push(reopensAt === undefined ? check : { ...check, reopensAt });
  }
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** In the fullest of the spans that the payment touches. As a loop, V8 often leaves it uncompiled: twice the time. */
const mostUsed = (charge: Charge, facts: Facts): bigint =>
  charge.spans.map(({ from, to }) => usedOf(charge, facts, from, to)).reduce(larger, 0n);

/** With what is counted for every key of a `per` budget at once: nobody knows whom it was paid to (a lost ledger). */
function usedOf({ scope, counter, key }: Charge, facts: Facts, from: number, to: number): bigint {
  const own = facts.used(key, from, to);
  return counter.per === undefined ? own : own + facts.used(counter.keyFor(scope.id), from, to);
}

function budgetCheck(
  scope: Scope,
  budget: Budget,
  unit: Unit,
  ok: boolean,
  limit: bigint,
  used: bigint,
): Check {
  return {
    scope: scope.id,
    rule: budget.name,
    code: budget.code,
    ok,
    claimed: budget.claimed || scope.kind === "session",
    unit,
    limit,
    used,
    left: clamp(limit - used),
  };
}

/** When at most `room` is left on the counter, in unix ms; undefined for windows that no clock reopens. */
function reopening(charge: Charge, room: bigint, facts: Facts): number | undefined {
  const { counter, spans } = charge;
  if (counter.window.kind === "calendar") {
    const full = spans.filter((span) => usedOf(charge, facts, span.from, span.to) > room);
    return full.at(-1)?.endsAt;
  }
  const span = spans[0];
  if (counter.window.kind !== "rolling" || !span) return undefined;
  return (span.to + bucketsToWait(charge, span, room, facts)) * counter.window.width;
}

/** The fewest buckets the window must move until what it still holds fits into `room`. */
function bucketsToWait(charge: Charge, span: Span, room: bigint, facts: Facts): number {
  let low = 1;
  let high = ROLLING_BUCKETS + 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (usedOf(charge, facts, span.from + middle, span.to) <= room) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The counter of new keys that an agent makes on a day: `at` in unix ms. */
export function newKeysCounter(agent: string, at: number): { key: string; bucket: number } {
  return { key: `agent:${agent}|newKeys|day`, bucket: Math.floor(at / DAY_MS) * (DAY_MS / 1000) };
}

/** What was given back on a day: `at` in unix ms. */
export function releasedCounter(at: number): { key: string; bucket: number } {
  return { key: "household|released|day", bucket: Math.floor(at / DAY_MS) * (DAY_MS / 1000) };
}

/** Counts keys of `per` budgets that are not on record; adds the check and the addition when there are any. */
export function newKeyCheck(
  charges: readonly Charge[],
  agent: string,
  facts: Facts,
  checks: Check[],
  add: Addition[],
): void {
  const fresh = charges.filter(({ counter, key }) => counter.per !== undefined && !facts.known(key));
  if (fresh.length === 0) return;
  const scope = `agent:${agent}`;
  const { key, bucket } = newKeysCounter(agent, facts.now);
  const used = facts.used(key, bucket, bucket);
  const amount = BigInt(fresh.length);
  const ok = fits(NEW_KEYS_PER_DAY, used, amount);
  const left = clamp(NEW_KEYS_PER_DAY - used);
  const limit = { unit: "count", limit: NEW_KEYS_PER_DAY, used, left } as const;
  const reopensAt = ok ? {} : { reopensAt: bucket * 1000 + DAY_MS };
  checks.push({
    scope,
    rule: "newKeys",
    code: "TOO_MANY_KEYS",
    ok,
    claimed: false,
    ...limit,
    ...reopensAt,
  });
  add.push({ key, bucket, amount });
}
