// What the policy tests share: scopes from documents, payments, and counters as a ledger keeps them.
import type { Price } from "../../protocol/amount.ts";
import { type PinnedAsset, PINNED_ASSETS } from "../../protocol/assets.ts";
import { compileHousehold, compileSession, parseDocument } from "../../policy/document.ts";
import { type Addition, type Decision, type Facts, type Payment, evaluate } from "../../policy/evaluate.ts";
import type { Scope } from "../../policy/scope.ts";

export const USDC = PINNED_ASSETS[0]!;
export const ALICE = "0x52908400098527886E0F7030069857D2E4169EE7";
export const BOB = "0xde709f2102306220921060314715629080e2fb77";
export const NOON = Date.parse("2026-11-20T12:00:00Z");

export const household = (rules: object, timezone?: string): Scope => ({
  id: "household",
  kind: "household",
  // A total that never binds makes any rules a document.
  policy: compileHousehold(
    parseDocument({ version: 1, totalMax: "1000000000", ...rules, ...(timezone && { timezone }) }),
  ).policy,
  frozen: false,
});

export const session = (id: string, rules: object): Scope => ({
  id: `session:${id}`,
  kind: "session",
  policy: compileSession(rules, "UTC"),
  frozen: false,
});

export interface Terms {
  usd?: bigint;
  to?: string;
  url?: string;
  category?: string;
  asset?: PinnedAsset;
  agent?: string;
  expiresAt?: number;
  fee?: { asset: PinnedAsset; amount: bigint };
}

/** A payment of `usd` atomic units (micro-USD for USDC). */
export function payment(terms: Terms = {}): Payment {
  const { asset = USDC, usd = 1_000_000n, to = ALICE, url, category, fee } = terms;
  return {
    agent: terms.agent ?? "default",
    intent: {
      id: "intent_0123456789",
      scheme: "exact",
      network: asset.network,
      asset: asset.address,
      payTo: to,
      amount: usd,
      maxTimeoutSeconds: 60,
      claims: { ...(url !== undefined && { url }), ...(category !== undefined && { category }) },
    },
    asset,
    from: BOB,
    outflow: [{ asset, amount: usd, why: "payment" }, ...(fee ? [{ ...fee, why: "fee" as const }] : [])],
    expiresAt: terms.expiresAt ?? NOON + 60_000,
  };
}

/** Counters in memory, at a time that tests set. */
export class Books implements Facts {
  now = NOON;
  unlock = 7;
  readonly cells = new Map<string, Map<number, bigint>>();

  used(key: string, from: number, to: number): bigint {
    let sum = 0n;
    for (const [bucket, amount] of this.cells.get(key) ?? [])
      if (bucket >= from && bucket <= to) sum += amount;
    return sum;
  }

  readonly prices = new Map<string, Price>();

  price(symbol: string): Price | undefined {
    return this.prices.get(symbol);
  }

  readonly pricesAt = new Map<string, number>();

  pricedAt(symbol: string): number | undefined {
    return this.prices.has(symbol) ? (this.pricesAt.get(symbol) ?? this.now) : undefined;
  }

  known(key: string): boolean {
    return this.cells.has(key);
  }

  add(additions: readonly Addition[]): void {
    for (const { key, bucket, amount } of additions) {
      const cells = this.cells.get(key) ?? new Map<number, bigint>();
      cells.set(bucket, (cells.get(bucket) ?? 0n) + amount);
      this.cells.set(key, cells);
    }
  }

  /** Decides and, when allowed, records. */
  pay(scopes: readonly Scope[], terms: Terms = {}): Decision {
    const expiresAt = terms.expiresAt ?? this.now + 60_000;
    const decision = evaluate(scopes, payment({ ...terms, expiresAt }), this);
    this.add(decision.add);
    return decision;
  }
}

/** Codes of the failing checks, sorted, without repetition. */
export const failures = (decision: Decision): string[] =>
  [...new Set(decision.checks.filter((check) => !check.ok).map((check) => check.code))].sort();
