// The scopes that a payment has to pass, outermost first: household > unlock > agent > session.
import { DEFAULT_AGENT } from "../protocol/places.ts";
import type { Household } from "./document.ts";
import type { Policy, Scope } from "./scope.ts";

interface Above {
  readonly unlock?: Scope | undefined;
  readonly session?: Scope | undefined;
  /** Whether an agent is frozen, or without a name, everything. */
  readonly frozen?: { holds(agent?: string): boolean };
}

/** The chain of scopes under a document, which need not be the applied one. */
export function scopesUnder(
  household: Household,
  agent: string,
  { unlock, session, frozen }: Above = {},
): readonly Scope[] {
  const whole = frozen?.holds() ?? false;
  const scopes: Scope[] = [{ id: "household", kind: "household", policy: household.policy, frozen: whole }];
  if (unlock) scopes.push(unlock);
  const policy = household.agents.get(agent);
  // A socket outlives its agent's place in the policy until the next start: nothing passes there.
  const gone = !policy && agent !== DEFAULT_AGENT;
  const stopped = gone || (frozen?.holds(agent) ?? false);
  if (policy || stopped) {
    const endsAt = household.expiries.get(agent);
    const scope = {
      id: `agent:${agent}`,
      kind: "agent",
      policy: policy ?? NO_RULES,
      frozen: stopped,
    } as const;
    scopes.push({ ...scope, ...(endsAt !== undefined && { endsAt }) });
  }
  return session ? [...scopes, session] : scopes;
}

const NO_RULES: Policy = { budgets: [], counters: [], needsSite: false };
