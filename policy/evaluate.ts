// The decision, pure: scopes, a payment and facts in, every check out. The ledger calls it inside the step that
// records; `explain` and `payment.quote` call it without recording.
//
// A payment passes when every check of every scope passes. Nothing here depends on the order of scopes or budgets.
import { type MicroUsd, type Price, formatUsd } from "../protocol/amount.ts";
import type { Outflow, PinnedAsset } from "../protocol/assets.ts";
import type { Code } from "../protocol/errors.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import type { WireCheck } from "../protocol/shapes.ts";
import { type Holding, approveChecks, holdChecks } from "./approve.ts";
import { type Unit, additionsOf, chargesOf, sessionBucket } from "./counters.ts";
import { chargeChecks, newKeyCheck, perCallCheck } from "./limits.ts";
import type { Memory } from "./memory.ts";
import { rankOf } from "./ranking.ts";
import { scheduleChecks, scopeChecks } from "./rules.ts";
import type { Scope } from "./scope.ts";
import { Subject } from "./subject.ts";
import { spansOf } from "./windows.ts";

/** What is to be decided. `outflow` is read from the bytes that would be signed. */
export interface Payment {
  readonly agent: string;
  readonly intent: PaymentIntent;
  readonly asset: PinnedAsset;
  readonly from: string;
  readonly outflow: Outflow;
  /** Unix ms: until when the authorization can be used (validBefore). */
  readonly expiresAt: number;
  /** What a recorded one counted for, whatever its parts would count for now. */
  readonly usd?: MicroUsd;
}

/** What a decision reads besides its parameters, as of the step that records. */
export interface Facts {
  /** Unix ms. */
  readonly now: number;
  /** Ledger position of the current unlock: the bucket of the operator's `session` windows. */
  readonly unlock: number;
  /** Sum over buckets `fromBucket` to `toBucket`, both included. */
  used(key: string, fromBucket: number, toBucket: number): bigint;
  /** True when any bucket of this key is on record. */
  known(key: string): boolean;
  /** What an asset costs, by the registry's symbol; undefined without a price that is fresh. */
  price(symbol: string): Price | undefined;
  /** Unix ms: when it came to cost that; undefined without a price that is fresh. */
  pricedAt(symbol: string): number | undefined;
  /** What was paid before; nothing when it is absent. */
  readonly memory?: Memory;
  /** What waits for a decision; absent where the payment itself is what waited. */
  readonly holding?: Holding;
}

/** `amount` to add to one bucket of one counter: micro-USD or payments. */
export interface Addition {
  readonly key: string;
  readonly bucket: number;
  readonly amount: bigint;
}

/** One rule against one payment. `used` and `left` are before the payment; amounts in micro-USD or payments. */
export interface Check {
  readonly scope: string;
  readonly rule: string;
  readonly code: Code;
  readonly ok: boolean;
  /** The rule rests on what the agent says, not on what is signed. */
  readonly claimed: boolean;
  /** Failing it does not decline the payment: a person is asked. */
  readonly holds?: true;
  readonly unit?: Unit;
  readonly limit?: bigint;
  readonly used?: bigint;
  readonly left?: bigint;
  /** Unix ms; absent when waiting does not help. */
  readonly reopensAt?: number;
}

export interface Decision {
  readonly outcome: "allow" | "hold" | "decline";
  readonly checks: readonly Check[];
  /** What recording the payment adds, also as one that waits; empty when it is declined. */
  readonly add: readonly Addition[];
  /** The whole outflow, each part rounded up; parts without a USD value are not in it. */
  readonly usd: MicroUsd;
  /** Every part of the outflow has a USD value. */
  readonly priced: boolean;
}

export function evaluate(scopes: readonly Scope[], payment: Payment, facts: Facts): Decision {
  const subject = new Subject(payment, (symbol) => facts.price(symbol));
  const checks: Check[] = [];
  if (!scopes.some((scope) => scope.kind === "household")) checks.push(refusal("NO_POLICY"));
  if (!subject.priced) checks.push(refusal("NO_PRICE"));
  for (const scope of scopes) {
    scopeChecks(scope, subject, facts, checks);
    approveChecks(scope, subject, facts, checks);
  }
  const charges = chargesOf(scopes, subject, facts.now, facts.unlock);
  for (const charge of charges) chargeChecks(charge, facts, checks);
  const add = additionsOf(charges);
  newKeyCheck(charges, payment.agent, facts, checks, add);
  if (facts.holding && outcomeOf(checks) === "hold")
    holdChecks(charges, payment.agent, facts.holding, checks);
  const outcome = outcomeOf(checks);
  const { usd, priced } = subject;
  return { outcome, checks, add: outcome === "decline" ? [] : add, usd, priced };
}

function outcomeOf(checks: readonly Check[]): Decision["outcome"] {
  const failed = checks.filter(({ ok }) => !ok);
  if (failed.some(({ holds }) => !holds)) return "decline";
  return failed.length > 0 ? "hold" : "allow";
}

const refusal = (code: "NO_POLICY" | "NO_PRICE"): Check => ({
  scope: "household",
  rule: code === "NO_POLICY" ? "policy" : "prices",
  code,
  ok: false,
  claimed: false,
});

/**
 * What the payment adds to the counters of its scopes when it is recorded, but for the count of new keys. Counters of
 * a new document are filled from the record with it: with the time, validity and unlock of the recorded payment.
 */
export function additions(
  scopes: readonly Scope[],
  payment: Payment,
  now: number,
  unlock: number,
): Addition[] {
  return additionsOf(chargesOf(scopes, new Subject(payment, () => undefined), now, unlock));
}

/**
 * The one failing check to name: one that declines before one that holds, then the reason that stays longest
 * (ranking.ts), then the later reopening, then the outer scope, then the rule's name. Undefined when all pass.
 */
export function binding(decision: Pick<Decision, "checks">): Check | undefined {
  return decision.checks.filter((check) => !check.ok).sort((a, b) => rankOf(a, b))[0];
}

/** Every limit, and the schedule, as if nothing were asked; budgets with `per` are left out. `ok`: something is left. */
export function headroom(scopes: readonly Scope[], facts: Facts): { scope: Scope; checks: Check[] }[] {
  return scopes.map((scope) => {
    const checks: Check[] = [];
    scopeLimits(scope, facts, checks);
    return { scope, checks };
  });
}

function scopeLimits(scope: Scope, facts: Facts, checks: Check[]): void {
  const { perCallMax, counters } = scope.policy;
  checks.push(...scheduleChecks(scope, facts.now));
  if (perCallMax !== undefined) checks.push(perCallCheck(scope, perCallMax, 1n));
  for (const counter of counters) {
    if (counter.per !== undefined) continue;
    const spans = spansOf(counter.window, facts.now, facts.now, sessionBucket(scope, facts.unlock));
    chargeChecks({ scope, counter, key: counter.keyFor(scope.id), spans, amount: 0n }, facts, checks);
  }
}

const wireAmount = (unit: Unit | undefined, amount: bigint): string =>
  unit === "count" ? amount.toString() : formatUsd(amount);

/** A check as methods.ts has it: amounts as text, times as ISO 8601. */
export function wireCheck(check: Check): WireCheck {
  const { limit, used, left, reopensAt, unit, ...plain } = check;
  return {
    ...plain,
    ...(unit && { unit }),
    ...(limit !== undefined && { limit: wireAmount(unit, limit) }),
    ...(used !== undefined && { used: wireAmount(unit, used) }),
    ...(left !== undefined && { left: wireAmount(unit, left) }),
    ...(reopensAt !== undefined && { reopensAt: new Date(reopensAt).toISOString() }),
  };
}
