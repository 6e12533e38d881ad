// The authorizations that are alive: signed, or about to be, and not yet expired by our clock. Whoever holds one can
// still use it, whatever is locked or frozen here. Sums are kept by the second at which they expire, so that asking is
// cheap and memory is bounded by the validity that a policy can give, not by the number of payments.
import type { MicroUsd } from "../protocol/amount.ts";
import { validityOf } from "../policy/document.ts";
import { LEAST_LIFE_ON_SOLANA } from "../protocol/networks.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type ReservedBody, readReserved } from "./ledger/rows.ts";

interface Sum {
  readonly usd: MicroUsd;
  readonly count: number;
}

export interface LivePayment {
  readonly agent: string;
  /** Micro-USD as text, as the record has it. */
  readonly usd: string;
  /** Unix seconds. */
  readonly expires: number;
}

/** Beyond an hour, expiries of one minute are one sum, which counts until that minute is over. */
const EXACT_SECONDS = 3600;
const COARSE_SECONDS = 60;
const DAY_MS = 86_400_000;

const NOTHING: Map<number, Sum> = new Map();

export class Live {
  readonly #agents = new Map<string, Map<number, Sum>>();

  /** Of the ledger, at `now` (unix ms): what was alive when the last signer ended may still be. */
  constructor(ledger: Ledger, now: number) {
    for (const { row } of liveRows(ledger, now)) this.add(row, now);
  }

  add({ agent, usd, expires }: LivePayment, now: number): void {
    const isNear = expires * 1000 - now <= EXACT_SECONDS * 1000;
    const until = isNear ? expires : Math.ceil(expires / COARSE_SECONDS) * COARSE_SECONDS;
    const sums = this.#agents.get(agent) ?? new Map<number, Sum>();
    const sum = sums.get(until);
    if (!sum) dropExpired(sums, now);
    sums.set(until, { usd: (sum?.usd ?? 0n) + BigInt(usd), count: (sum?.count ?? 0) + 1 });
    this.#agents.set(agent, sums);
  }

  /** Names of agents that had something alive lately. */
  agents(): Iterable<string> {
    return this.#agents.keys();
  }

  /** Of one agent, or of all; `until` in unix seconds. */
  sum(now: number, agent?: string): Sum & { readonly until: number } {
    const own = agent === undefined ? undefined : (this.#agents.get(agent) ?? NOTHING);
    let usd = 0n;
    let count = 0;
    let until = 0;
    for (const sums of own ? [own] : this.#agents.values()) {
      dropExpired(sums, now);
      for (const [end, sum] of sums) {
        until = Math.max(until, end);
        usd += sum.usd;
        count += sum.count;
      }
    }
    return { usd, count, until };
  }
}

function dropExpired(sums: Map<number, Sum>, now: number): void {
  for (const until of sums.keys()) if (until * 1000 <= now) sums.delete(until);
}

/**
 * The rows of authorizations that are alive, newest first. An intent that was drafted again has one at most: its older
 * ones were dead before. Reads at most `mostRead` rows of the record.
 */
export function* liveRows(
  ledger: Ledger,
  now: number,
  mostRead = Infinity,
): Iterable<{ seq: number; row: ReservedBody }> {
  let read = 0;
  const oldest = now - longestValidity(ledger, now);
  for (const { seq, body } of ledger.rowsBefore(Number.MAX_SAFE_INTEGER)) {
    if (timeOf(body) < oldest || read++ === mostRead) return;
    const row = readReserved(body);
    if (row && row.expires * 1000 > now) yield { seq, row };
  }
}

/** Milliseconds: the most that a policy gave within the last day, which is the most that any can give. */
function longestValidity(ledger: Ledger, now: number): number {
  const damaged = new Set(ledger.accepted.flatMap((row) => row.damaged));
  const policies = ledger
    .select(
      "SELECT seq, body FROM policies JOIN audit USING (seq) WHERE policies.hash <> '' ORDER BY version DESC",
    )
    .iterate() as Iterable<{ seq: number; body: string }>;
  let seconds = LEAST_LIFE_ON_SOLANA;
  for (const { seq, body } of policies) {
    if (damaged.has(seq)) return DAY_MS;
    const { at, document } = JSON.parse(body) as { at: number; document: { maxValidity?: string } };
    seconds = Math.max(seconds, validityOf(document));
    if (at < now - DAY_MS) break;
  }
  return seconds * 1000;
}

/** Unix ms; every body begins with its kind and time. What does not is read on behind. */
const timeOf = (body: string): number => Number(/^\{"kind":"[a-z.]+","at":(\d+)/.exec(body)?.[1] ?? Infinity);
