// Counters: what a ledger keeps so that a check costs the same with ten payments on record as with ten million.
//
// A counter is a key and an integer bucket. The key is made of scope, unit, window, match and the value counted by,
// never of a budget's name or limit: renaming or raising a budget keeps what was spent, and two budgets that count the
// same thing share one counter.
import { hash } from "node:crypto";
import { canonicalJson } from "../protocol/json.ts";
import type { Addition } from "./evaluate.ts";
import type { Budget, Match, Per, Scope } from "./scope.ts";
import { ROLLING_BUCKETS, type Span, type Window, parseDuration, spansOf, windowKey } from "./windows.ts";
import type { Subject } from "./subject.ts";

export type Unit = "usd" | "count";

/** What several budgets of one policy count together. */
export interface Counter {
  readonly unit: Unit;
  readonly window: Window;
  readonly per?: Per;
  readonly match?: Match;
  /** The key without its scope and without the value counted by. */
  readonly suffix: string;
  readonly budgets: readonly { readonly budget: Budget; readonly max: bigint }[];
  /** The whole key for a scope, but for the value counted by. */
  readonly keyFor: (scope: string) => string;
}

/** Groups budgets by what they count. `matchTexts` has the canonical text of each budget's match. */
export function countersOf(
  budgets: readonly Budget[],
  matchTexts: ReadonlyMap<Budget, string>,
): readonly Counter[] {
  const groups = new Map<string, { budget: Budget; max: bigint }[]>();
  for (const budget of budgets) {
    const suffix = suffixOf(budget, matchTexts.get(budget) ?? "");
    const group = groups.get(suffix) ?? [];
    group.push({ budget, max: budget.limit ?? budget.count ?? 0n });
    groups.set(suffix, group);
  }
  return [...groups].flatMap(([suffix, group]) => {
    const first = group[0]?.budget;
    if (!first) return [];
    const { window, per, match } = first;
    return {
      unit: unitOf(first),
      window,
      suffix,
      budgets: group,
      keyFor: keyMemo(suffix),
      ...(per && { per }),
      ...(match && { match }),
    };
  });
}

const unitOf = (budget: Budget): Unit => (budget.limit === undefined ? "count" : "usd");

function suffixOf(budget: Budget, matchText: string): string {
  const match = matchText.length <= 64 ? matchText : `#${hash("sha256", matchText)}`;
  const parts = [unitOf(budget), windowKey(budget.window), match, budget.per ?? ""];
  return parts.filter((part) => part !== "").join("|");
}

/** The text that names a match in a key. */
export const matchText = (match: Readonly<Record<string, unknown>> | undefined): string =>
  match === undefined ? "" : canonicalJson(match);

// A policy serves one scope almost always; joining the key anew for each payment was a third of evaluate's time.
function keyMemo(suffix: string): (scope: string) => string {
  let scope = "";
  let key = `|${suffix}`;
  return (asked) => {
    if (asked !== scope) {
      scope = asked;
      key = `${asked}|${suffix}`;
    }
    return key;
  };
}

/** One counter that one payment touches. */
export interface Charge {
  readonly scope: Scope;
  readonly counter: Counter;
  readonly key: string;
  readonly spans: readonly Span[];
  readonly amount: bigint;
}

/** The bucket of a `session` window: the unlock's row in the operator's scopes; a session's own id is in its key. */
export const sessionBucket = (scope: Scope, unlock: number): number =>
  scope.kind === "session" ? 0 : unlock;

/** Every counter that the payment touches. A counter by a claim that cannot be read is left out. */
export function chargesOf(scopes: readonly Scope[], subject: Subject, now: number, unlock: number): Charge[] {
  const charges: Charge[] = [];
  for (const scope of scopes) {
    const session = sessionBucket(scope, unlock);
    const known = new Map<Window, readonly Span[]>();
    for (const counter of scope.policy.counters) {
      const key = keyOf(scope, counter, subject);
      if (key === undefined) continue;
      const { window } = counter;
      const spans = known.get(window) ?? spansOf(window, now, subject.payment.expiresAt, session);
      known.set(window, spans);
      charges.push({ scope, counter, key, spans, amount: counter.unit === "usd" ? subject.usd : 1n });
    }
  }
  return charges;
}

/** Undefined when the counter is not about this payment. */
function keyOf(scope: Scope, counter: Counter, subject: Subject): string | undefined {
  if (counter.match && !subject.matches(counter.match)) return undefined;
  const key = counter.keyFor(scope.id);
  if (counter.per === undefined) return key;
  const value = subject.valueOf(counter.per);
  return value === undefined ? undefined : `${key}=${value}`;
}

export function additionsOf(charges: readonly Charge[]): Addition[] {
  const add: Addition[] = [];
  for (const { key, spans, amount } of charges) {
    for (const { to } of spans) add.push({ key, bucket: to, amount });
  }
  return add;
}

// No calendar period is longer, whatever a time zone does to its clocks.
const LONGEST_DAYS: Readonly<Record<string, number>> = { day: 2, week: 9, month: 33 };
const DAY_MS = 86_400_000;

/** True when the key's window can never read this bucket again, at `now` (unix ms) or later. */
export function isOver(key: string, bucket: number, now: number): boolean {
  const window = (key.split("|", 3)[2] ?? "").split("@", 1)[0] ?? "";
  const days = LONGEST_DAYS[window];
  if (days !== undefined) return bucket * 1000 + days * DAY_MS <= now;
  const seconds = parseDuration(window);
  if (seconds === undefined) return false;
  return bucket < Math.floor((now * ROLLING_BUCKETS) / (seconds * 1000)) - ROLLING_BUCKETS;
}
