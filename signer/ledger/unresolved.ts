// What was signed and is not known to be settled or dead: one counter for each agent. An intent among it may be drafted
// again within the budget that it has booked already, so it is part of what can still be lost.
import type { Addition } from "../../policy/evaluate.ts";
import type { MicroUsd } from "../../protocol/amount.ts";
import type { Chain } from "./chain.ts";
import { MOST_COUNTED } from "./counters.ts";
import { readReserved } from "./rows.ts";

/** `total` as the window: no clock ends it. */
export const unresolvedKey = (agent: string): string => `agent:${agent}|unresolved|total`;

/** What one more payment adds to what is counted already: not more than a counter holds. */
export function unresolvedAddition(agent: string, usd: MicroUsd, used: bigint): Addition {
  const room = MOST_COUNTED - used;
  return { key: unresolvedKey(agent), bucket: 0, amount: usd < room ? usd : room };
}

/** Of all reservations on record, for a ledger that was written before there was this counter. */
export function unresolvedOn(chain: Chain): Addition[] {
  const sums = new Map<string, MicroUsd>();
  for (const { body } of chain.after(0)) {
    const row = readReserved(body);
    if (row?.kind === "payment.reserved") sums.set(row.agent, (sums.get(row.agent) ?? 0n) + BigInt(row.usd));
  }
  return [...sums].map(([agent, usd]) => unresolvedAddition(agent, usd, 0n));
}
