// One row of the decision table, and how it is decided: by the scopes, the clock and the counters that a signer has.
import { compileHousehold, compileSession, parseDocument, unlockPolicy } from "../../../policy/document.ts";
import { type Check, additions, binding, evaluate } from "../../../policy/evaluate.ts";
import { newKeysCounter } from "../../../policy/limits.ts";
import type { Scope } from "../../../policy/scope.ts";
import { parsePrice, parseUsd } from "../../../protocol/amount.ts";
import { type PinnedAsset, PINNED_ASSETS, feeAsset } from "../../../protocol/assets.ts";
import type { Code } from "../../../protocol/errors.ts";
import { scopesUnder } from "../../../policy/chain.ts";
import { Books, type Terms, payment } from "../household.ts";

export const USDC_POLYGON = PINNED_ASSETS.find(({ network }) => network === "eip155:137")!;
export const USDM = PINNED_ASSETS.find(({ symbol }) => symbol === "USDM")!;
export const ADA: PinnedAsset = feeAsset("cardano:mainnet")!;

/** What is asked, in USD for a token of six decimals: "1.00". */
export type Asked = Omit<Terms, "usd" | "expiresAt" | "agent"> & {
  readonly usd?: string;
  /** Seconds; 60 when absent. */
  readonly valid?: number;
};

export interface Case {
  readonly name: string;
  /** The household's rules; with a total that never binds unless they have one. Undefined: no policy. */
  readonly document?: object | undefined;
  /** Who pays; "default" when absent. */
  readonly agent?: string;
  readonly session?: object;
  readonly sessionEnds?: string;
  readonly unlock?: { spend?: string; count?: bigint; ends?: string };
  readonly frozen?: string;
  readonly now?: string;
  /** What was paid before by the same agent, `at` that time: "2026-11-20T11:00:00Z". */
  readonly before?: readonly (Asked & { at: string })[];
  /** Keys of `per` budgets that the agent made today. */
  readonly newKeys?: bigint;
  /** By symbol: USD, and when it was set; by default just now. */
  readonly prices?: Readonly<Record<string, string | readonly [usd: string, at: string]>>;
  readonly payment?: Asked;
  readonly expect: "allow" | Code | readonly [Code, reopensAt: string | undefined];
}

const FRIDAY_NOON = "2026-11-20T12:00:00Z";

const paymentOf = (agent: string, { usd, valid = 60, ...rest }: Asked, now: number) =>
  payment({
    ...rest,
    agent,
    ...(usd !== undefined && { usd: parseUsd(usd) }),
    expiresAt: now + valid * 1000,
  });

function scopesOf(one: Case, agent: string): readonly Scope[] {
  if ("document" in one && one.document === undefined) return [];
  const household = compileHousehold(parseDocument({ version: 1, totalMax: "1000000000", ...one.document }));
  const { spend, count, ends } = one.unlock ?? {};
  const fuel = {
    ...(spend !== undefined && { spend: parseUsd(spend) }),
    ...(count !== undefined && { count }),
  };
  const unlock: Scope = {
    id: "unlock:7",
    kind: "unlock",
    policy: unlockPolicy(fuel, "UTC"),
    frozen: false,
    ...(ends !== undefined && { endsAt: Date.parse(ends) }),
  };
  const session: Scope | undefined = one.session && {
    id: "session:s",
    kind: "session",
    policy: compileSession(one.session, household.timezone),
    frozen: false,
    ...(one.sessionEnds !== undefined && { endsAt: Date.parse(one.sessionEnds) }),
  };
  const holds = (who = "*"): boolean => one.frozen === "*" || one.frozen === who;
  return scopesUnder(household, agent, { ...(one.unlock && { unlock }), session, frozen: { holds } });
}

export function decide(one: Case): { outcome: string; bound: Check | undefined } {
  const { agent = "default" } = one;
  const scopes = scopesOf(one, agent);
  const books = new Books();
  for (const { at, ...asked } of one.before ?? []) {
    const then = Date.parse(at);
    books.add(additions(scopes, paymentOf(agent, asked, then), then, books.unlock));
  }
  books.now = Date.parse(one.now ?? FRIDAY_NOON);
  if (one.newKeys !== undefined) {
    books.add([{ ...newKeysCounter(agent, books.now), amount: one.newKeys }]);
  }
  for (const [symbol, price] of Object.entries(one.prices ?? {})) {
    const [usd, at] = typeof price === "string" ? [price, undefined] : price;
    books.prices.set(symbol, parsePrice(usd));
    if (at !== undefined) books.pricesAt.set(symbol, Date.parse(at));
  }
  const decision = evaluate(scopes, paymentOf(agent, one.payment ?? {}, books.now), books);
  return { outcome: decision.outcome, bound: binding(decision) };
}
