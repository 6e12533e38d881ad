// "Would this pass?", without recording anything: for an agent before it asks, and for the operator's `explain`.
import type { Household } from "../policy/document.ts";
import { evaluate, wireCheck } from "../policy/evaluate.ts";
import type { Scope } from "../policy/scope.ts";
import { assetKey } from "../protocol/assets.ts";
import type { Code } from "../protocol/errors.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import type { Quote } from "../protocol/methods.ts";
import { factsOf, refusedCheck } from "./decide.ts";
import { railOf } from "./rails.ts";
import { scopesUnder } from "./scopes.ts";
import type { Wallet } from "./wallet.ts";

interface For {
  readonly agent: string;
  readonly session?: string;
  /** Another document than the applied one, to try it out. */
  readonly household?: Household;
}

export const quoteAll = (wallet: Wallet, intents: readonly PaymentIntent[], asked: For): Promise<Quote[]> =>
  Promise.all(intents.map((intent) => quote(wallet, intent, asked)));

async function quote(
  wallet: Wallet,
  intent: PaymentIntent,
  { agent, session, household }: For,
): Promise<Quote> {
  const policy = household ?? wallet.scopes.policy;
  const scopes = household
    ? scopesUnder(household, agent, wallet.scopes.unlock?.scope)
    : wallet.scopes.chain(agent, session);
  const checked = await check(wallet, intent, agent, policy, scopes);
  return typeof checked === "string"
    ? { outcome: "decline", checks: [wireCheck(refusedCheck(checked, "draft"))] }
    : checked;
}

// A nonce says nothing about whether a payment would pass, and the real one needs the keys.
const NO_NONCE = new Uint8Array(32);

async function check(
  wallet: Wallet,
  intent: PaymentIntent,
  agent: string,
  policy: Household | undefined,
  scopes: readonly Scope[],
): Promise<Quote | Code> {
  if (!policy) return "NO_POLICY";
  if (intent.scheme !== "exact") return "SCHEME_NOT_SUPPORTED";
  const railName = railOf(intent.network);
  const rail = wallet.rails.get(railName ?? "");
  if (railName === undefined || !rail) return "NETWORK_NOT_SUPPORTED";
  const asset = policy.registry.get(assetKey(intent.network, intent.asset));
  if (!asset) return "ASSET_UNKNOWN";
  const from = wallet.payer(railName);
  if (from === undefined) return "NO_ACCOUNT";
  const validBefore =
    Math.floor(wallet.ledger.now() / 1000) + Math.min(intent.maxTimeoutSeconds, policy.maxValidity);
  const draft = await rail.draft({ intent, asset, from, nonce: NO_NONCE, validBefore }, undefined);
  if ("refused" in draft) return draft.refused;
  const payment = { agent, intent, asset, from, outflow: draft.outflow, expiresAt: draft.expires * 1000 };
  const { outcome, checks } = evaluate(scopes, payment, factsOf(wallet, wallet.ledger.books()));
  return { outcome, checks: checks.map(wireCheck) };
}
