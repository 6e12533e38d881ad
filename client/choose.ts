// From a seller's terms to the one payment that is asked of the signer.
import { X402Error } from "../protocol/errors.ts";
import { type PaymentIntent, intentSchema, toWire } from "../protocol/intent.ts";
import { evmChainId } from "../protocol/networks.ts";
import { type Terms, type TermsItem, toIntent } from "../protocol/x402.ts";
import type { Payer } from "./payer.ts";

export interface Offer {
  item: TermsItem;
  intent: PaymentIntent;
}

const MAX_OFFERS = 8; // What payment.quote takes.

const isSupported = ({ item }: Offer): boolean =>
  item.scheme === "exact" && evmChainId(item.caip2) !== undefined;

/**
 * What the signer can be asked for, in the seller's order. When nothing is of a kind it supports, that is the first
 * entry: the signer says why not, on record. Throws TERMS_INVALID when no entry makes an intent.
 */
export function offersOf(terms: Terms, id: string, claims: PaymentIntent["claims"]): [Offer, ...Offer[]] {
  const readable = terms.accepts
    .map((item) => ({ item, intent: toIntent(item, id, claims) }))
    .filter(({ intent }) => intentSchema.safeParse(toWire(intent)).success);
  const supported = readable.filter(isSupported).slice(0, MAX_OFFERS);
  const [first, ...others] = supported.length > 0 ? supported : readable.slice(0, 1);
  if (first === undefined)
    throw new X402Error("TERMS_INVALID", "none of the accepted payments can be asked for");
  return [first, ...others];
}

const RANK = { allow: 0, hold: 1, decline: 2 } as const;

/** The same offers, those that would pass first. One offer needs no question. */
export async function byQuote(payer: Payer, offers: [Offer, ...Offer[]]): Promise<[Offer, ...Offer[]]> {
  if (offers.length === 1) return offers;
  const quotes = await payer.quote(offers.map(({ intent }) => intent));
  const rank = (index: number): number => RANK[quotes[index]?.outcome ?? "decline"];
  const order = offers.map((offer, index) => ({ offer, rank: rank(index) })).sort((a, b) => a.rank - b.rank);
  return order.map(({ offer }) => offer) as [Offer, ...Offer[]];
}
