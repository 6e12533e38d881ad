// Steps 2 and 3 of a payment: resolve the asset and the account, draft the exact bytes. A quote is made of the same.
import type { Draft, Refusal } from "../chains/rail.ts";
import type { Household } from "../policy/document.ts";
import type { Payment } from "../policy/evaluate.ts";
import { assetKey } from "../protocol/assets.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import { railOf } from "../protocol/networks.ts";
import type { Wallet } from "./wallet.ts";

export type Drafted = { readonly payment: Payment; readonly draft: Draft } | Refusal;

interface Order {
  readonly agent: string;
  readonly intent: PaymentIntent;
  readonly policy: Household | undefined;
  /** The account that the intent is bound to; the wallet's own when absent. */
  readonly from: string | undefined;
  /** Asked for last: the real one needs the keys. */
  readonly nonce: (label: string) => Uint8Array;
  readonly context?: unknown;
}

/** The first reason against it is the answer, in the order of the code. */
export async function draftPayment(wallet: Wallet, order: Order): Promise<Drafted> {
  const { agent, intent, policy } = order;
  if (!policy) return { refused: "NO_POLICY" };
  if (intent.scheme !== "exact") return { refused: "SCHEME_NOT_SUPPORTED" };
  const railName = railOf(intent.network);
  const rail = wallet.rails.get(railName ?? "");
  if (railName === undefined || !rail) return { refused: "NETWORK_NOT_SUPPORTED" };
  const asset = policy.registry.get(assetKey(intent.network, intent.asset));
  if (!asset) return { refused: "ASSET_UNKNOWN" };
  const from = order.from ?? wallet.payer(railName);
  if (from === undefined) return { refused: "NO_ACCOUNT" };
  const validBefore =
    Math.floor(wallet.ledger.now() / 1000) + Math.min(intent.maxTimeoutSeconds, policy.maxValidity);
  const nonce = order.nonce(rail.nonceLabel);
  const lockedUntil = (): undefined => undefined;
  const draft = await rail.draft({ intent, asset, from, nonce, validBefore, lockedUntil }, order.context);
  if ("refused" in draft) return draft;
  const { outflow, expires } = draft;
  return { payment: { agent, intent, asset, from, outflow, expiresAt: expires * 1000 }, draft };
}
