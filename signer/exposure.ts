// The largest loss possible from now, in an hour, a day and in all: what is alive, and what everything that opens in
// time would allow. Under the state as it is: no one applies a policy, unlocks or lifts a freeze meanwhile.
import type { Facts } from "../policy/evaluate.ts";
import { type Payer, largestLoss, sumOf } from "../policy/max-loss.ts";
import { formatUsd } from "../protocol/amount.ts";
import type { MaxLoss } from "../protocol/shapes.ts";
import { latestFacts } from "./decide.ts";
import { heldKey } from "./ledger/holds.ts";
import { unresolvedKey } from "./ledger/unresolved.ts";
import type { Wallet } from "./wallet.ts";

const HOUR_MS = 3_600_000;
const HORIZONS = { hour: HOUR_MS, day: 24 * HOUR_MS, total: Infinity } as const;

/** Of one agent, or of all together. */
export function maxLoss(wallet: Wallet, agent?: string): MaxLoss {
  const facts = latestFacts(wallet);
  const payers = payersOf(wallet, facts, agent);
  const end = wallet.scopes.unlock?.scope.endsAt ?? Infinity;
  const loss = (horizon: number): string => {
    const bound = largestLoss(payers, facts, Math.min(facts.now + horizon, Math.max(end, facts.now)));
    return bound === undefined ? "unbounded" : formatUsd(bound);
  };
  const { live, unresolved } = sumOf(payers);
  return {
    alive: formatUsd(live),
    unresolved: formatUsd(unresolved - live),
    hour: loss(HORIZONS.hour),
    day: loss(HORIZONS.day),
    total: loss(HORIZONS.total),
  };
}

function payersOf(wallet: Wallet, facts: Facts, agent?: string): Payer[] {
  const { live, scopes, keyring, ledger } = wallet;
  const names = agent === undefined ? [...new Set([...scopes.agents(), ...live.agents()])] : [agent];
  // A clock that is wrong may come right by itself; the rest takes a person.
  const mayBegin = keyring.unlocked && ledger.finding === undefined;
  return names.map((name) => {
    const alive = live.sum(facts.now, name).usd;
    const recorded = facts.used(unresolvedKey(name), 0, 0);
    const chain = scopes.chain(name);
    const stopped = !mayBegin || scopes.isFrozen(name) || chain.length === 0;
    // What is alive is among what is recorded, but for minutes that are counted to their end.
    const unresolved = recorded > alive ? recorded : alive;
    // What waits has its budget already: it may be signed within it, or lapse and leave it to others.
    const held = facts.used(heldKey(name), 0, 0);
    return { stock: { live: alive, unresolved: unresolved + held }, scopes: stopped ? [] : chain };
  });
}
