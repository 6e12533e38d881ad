// What is counted for rows that are lost, because nobody knows what was spent in them: every open window as full, or a
// sum that the operator types. Counters by key (`per`) are filled for all keys at once, also for those that nobody has
// named yet: policy/limits.ts adds the counter without a value to each of them.
import { isOver } from "../policy/counters.ts";
import type { Household } from "../policy/document.ts";
import type { Addition } from "../policy/evaluate.ts";
import { NEW_KEYS_PER_DAY, newKeysCounter, releasedCounter } from "../policy/limits.ts";
import type { Counter } from "../policy/counters.ts";
import { type Span, spansOf } from "../policy/windows.ts";
import { DEFAULT_AGENT } from "../protocol/places.ts";

/** Micro-USD, or everything that could have been spent. */
export type Assumed = "full" | bigint;

type Used = (key: string, from: number, to: number) => bigint;

interface Slot {
  readonly key: string;
  readonly span: Span;
  readonly unit: Counter["unit"];
  /** The largest of the limits on this counter. */
  readonly max: bigint;
}

/** What rows that were lost at `at` (unix ms) or before add to the counters of a document. */
export function assumed(household: Household, assume: Assumed, at: number, used: Used): Addition[] {
  if (assume === 0n) return [];
  return slotsOf(household, at).flatMap((slot) =>
    assume === "full" || slot.unit === "count" ? filled(slot, used) : [addition(slot, assume)],
  );
}

/**
 * What a clock adds that is set back to `at`, after records of up to `mark` (unix ms): windows that are open again and
 * whose counters may have been forgotten meanwhile are full.
 */
export function reopened(household: Household, at: number, mark: number, used: Used): Addition[] {
  return slotsOf(household, at)
    .filter(({ key, span }) => isOver(key, span.from, mark))
    .flatMap((slot) => filled(slot, used));
}

/** Keys of all counters that `assumed` fills. */
export const assumedKeys = (household: Household, at: number): ReadonlySet<string> =>
  new Set(slotsOf(household, at).map(({ key }) => key));

function filled(slot: Slot, used: Used): Addition[] {
  const missing = slot.max - used(slot.key, slot.span.from, slot.span.to);
  return missing > 0n ? [addition(slot, missing)] : [];
}

const addition = ({ key, span }: Slot, amount: bigint): Addition => ({ key, bucket: span.to, amount });

/**
 * The counters that are open at `at`, and until what was signed then has expired. A window of the household's sessions
 * is not among them: it begins with the next unlock.
 */
function slotsOf({ policy, agents, maxValidity, maxRelease }: Household, at: number): Slot[] {
  const until = at + maxValidity * 1000;
  const scopes = [
    ["household", policy] as const,
    ...[...agents].map(([name, p]) => [`agent:${name}`, p] as const),
  ];
  const slots = scopes.flatMap(([scope, { counters }]) =>
    counters.flatMap(({ window, unit, budgets, keyFor }) => {
      if (window.kind === "session") return [];
      const max = budgets.reduce((most, budget) => (budget.max > most ? budget.max : most), 0n);
      return spansOf(window, at, until, 0).map((span): Slot => ({ key: keyFor(scope), span, unit, max }));
    }),
  );
  const fresh = [...new Set([DEFAULT_AGENT, ...agents.keys()])].map((agent) =>
    daySlot(newKeysCounter(agent, at), "count", NEW_KEYS_PER_DAY),
  );
  return [...slots, ...fresh, daySlot(releasedCounter(at), "usd", maxRelease)];
}

const daySlot = (
  { key, bucket }: { key: string; bucket: number },
  unit: Slot["unit"],
  max: bigint,
): Slot => ({ key, span: { from: bucket, to: bucket }, unit, max });
