// Inputs that a live payment spends (Cardano) are kept from every other: two that spent the same one would leave one
// payee unpaid. A lock is taken in the same breath in which the draft picks its inputs, before anything is awaited, and
// ends with the authorization.
import type { Rail } from "../chains/rail.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { liveRows } from "./live.ts";
import { railOf } from "../protocol/networks.ts";

interface Lock {
  /** Agent and intent id. */
  readonly intent: string;
  /** Unix seconds. */
  readonly until: number;
}

/** So many are kept before those that are over are looked for. */
const TIDY_AT = 1000;

export const intentKey = (agent: string, id: string): string => `${agent}\n${id}`;

export class InputLocks {
  readonly #locks = new Map<string, Lock>();
  #tidyAt = TIDY_AT;

  /** Of what is alive on record: `now` in unix ms. */
  restore(ledger: Ledger, rails: ReadonlyMap<string, Rail>, now: number): void {
    for (const { row } of liveRows(ledger, now)) {
      const rail = rails.get(railOf(row.network) ?? "");
      const inputs = rail?.locks(Buffer.from(row.draft, "base64")) ?? [];
      this.hold(inputs, { intent: intentKey(row.agent, row.id), until: row.expires }, now);
    }
  }

  /** Unix seconds until when another intent holds it; undefined when it is free for this one. `now` in unix ms. */
  lockedUntil(input: string, intent: string, now: number): number | undefined {
    const lock = this.#locks.get(input);
    return lock && lock.intent !== intent && lock.until * 1000 > now ? lock.until : undefined;
  }

  hold(inputs: readonly string[], lock: Lock, now: number): void {
    for (const input of inputs) this.#locks.set(input, lock);
    if (this.#locks.size > this.#tidyAt) this.#tidy(now);
  }

  /** What was picked for a payment that was not made. */
  release(inputs: readonly string[], intent: string): void {
    for (const input of inputs) if (this.#locks.get(input)?.intent === intent) this.#locks.delete(input);
  }

  #tidy(now: number): void {
    for (const [input, { until }] of this.#locks) if (until * 1000 <= now) this.#locks.delete(input);
    this.#tidyAt = Math.max(TIDY_AT, this.#locks.size * 2);
  }
}
