// Steps 2 and 3 of a payment: resolve the asset and the account, draft the exact bytes. A quote is made of the same.
//
// The paying account is named as the vault has it; the draft has the form that it has on the payment's network.
import type { Draft, Rail, Refusal } from "../chains/rail.ts";
import type { Household } from "../policy/document.ts";
import type { Payment } from "../policy/evaluate.ts";
import { type PinnedAsset, assetKey } from "../protocol/assets.ts";
import { X402Error } from "../protocol/errors.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import { leastLife, railOf } from "../protocol/networks.ts";
import { intentKey } from "./input-locks.ts";
import type { Wallet } from "./wallet.ts";

export type Drafted = { readonly payment: Payment; readonly draft: Draft & Inputs } | Refusal;

interface Inputs {
  /** What no other live payment may spend. */
  readonly locks: readonly string[];
}

interface Order {
  readonly agent: string;
  readonly intent: PaymentIntent;
  readonly policy: Household | undefined;
  /** The account that the intent is bound to; the wallet's own when absent. */
  readonly from: string | undefined;
  /** Asked for last: the real one needs the keys. */
  readonly nonce: (label: string) => Uint8Array;
  readonly context?: unknown;
  /** Its newest draft, which is over. */
  readonly before?: Uint8Array | undefined;
  /** Takes the inputs; absent for a quote, of which nothing is signed. */
  readonly hold?: (inputs: readonly string[], until: number) => void;
}

/** The first reason against it is the answer, in the order of the code. Throws RAIL_NOT_LOADED. */
export async function draftPayment(wallet: Wallet, order: Order): Promise<Drafted> {
  const { agent, intent } = order;
  const terms = resolve(wallet, order);
  if ("refused" in terms) return terms;
  const { rail, asset, account, from } = terms;
  const now = wallet.ledger.now();
  const made = rail.draft(
    {
      ...{ intent, asset, from, nonce: order.nonce(rail.nonceLabel) },
      validBefore: Math.floor(now / 1000) + lifeOf(order),
      lockedUntil: (input) => wallet.locks.lockedUntil(input, intentKey(agent, intent.id), now),
      ...(order.before && { before: order.before }),
      ...(!order.hold && { forQuote: true }),
    },
    order.context,
  );
  // A rail that answers at once has its inputs held before any other payment is looked at.
  const draft = made instanceof Promise ? await made : made;
  if ("refused" in draft) return draft;
  const { outflow, expires } = draft;
  const locks = rail.locks(draft.bytes);
  order.hold?.(locks, expires);
  const payment = { agent, intent, asset, from: account, outflow, expiresAt: expires * 1000 };
  return { payment, draft: { ...draft, locks } };
}

/** In seconds. */
const lifeOf = ({ intent, policy }: Order): number =>
  Math.max(leastLife(intent.network), Math.min(intent.maxTimeoutSeconds, policy?.maxValidity ?? 0));

interface Resolved {
  readonly rail: Rail;
  readonly asset: PinnedAsset;
  /** As the vault has it, and as the network writes it. */
  readonly account: string;
  readonly from: string;
}

function resolve(wallet: Wallet, { intent, policy, ...order }: Order): Resolved | Refusal {
  const { scheme, network } = intent;
  if (!policy) return { refused: "NO_POLICY" };
  if (scheme !== "exact") return { refused: "SCHEME_NOT_SUPPORTED" };
  const railName = railOf(network);
  if (railName === undefined) return { refused: "NETWORK_NOT_SUPPORTED" };
  const rail = wallet.rails.get(railName);
  if (!rail && policy.policy.networks?.has(network) === false) return { refused: "CHAIN_NOT_ALLOWED" };
  const asset = policy.registry.get(assetKey(network, intent.asset));
  if (!asset) return { refused: "ASSET_UNKNOWN" };
  if (!rail) throw new X402Error("RAIL_NOT_LOADED", network);
  const account = order.from ?? wallet.payer(railName);
  const from = account === undefined ? undefined : rail.addressOn(network, account);
  if (account === undefined || from === undefined) return { refused: "NO_ACCOUNT" };
  return { rail, asset, account, from };
}
