// From a seller's terms to the one payment that is asked of the signer.
import { parseUsd } from "../protocol/amount.ts";
import { X402Error } from "../protocol/errors.ts";
import { type PaymentIntent, intentSchema, toWire } from "../protocol/intent.ts";
import { railOf } from "../protocol/networks.ts";
import type { Quote } from "../protocol/shapes.ts";
import { type Terms, type TermsItem, toIntent } from "../protocol/x402.ts";
import type { Contexts } from "./contexts.ts";
import type { Payer } from "./payer.ts";

export interface Offer {
  item: TermsItem;
  intent: PaymentIntent;
}

export type Offers = [Offer, ...Offer[]];

/** Of those that can be paid: the one that costs least in USD, fees included, or the one that the seller names first. */
export type Order = "cheapest" | "seller";

const MAX_OFFERS = 8; // What payment.quote takes.

const isSupported = ({ item }: Offer): boolean => item.scheme === "exact" && railOf(item.caip2) !== undefined;

/**
 * What the signer can be asked for, in the seller's order, those that a context is wanting for last. When nothing is of
 * a kind it supports, that is the first entry: the signer says why not, on record. Throws TERMS_INVALID when no entry
 * makes an intent.
 */
export function offersOf(
  terms: Terms,
  id: string,
  claims: PaymentIntent["claims"],
  contexts: Contexts,
): Offers {
  const readable = terms.accepts
    .map((item) => ({ item, intent: toIntent(item, id, claims) }))
    .filter(({ intent }) => intentSchema.safeParse(toWire(intent)).success);
  const supported = readable
    .filter(isSupported)
    .sort((a, b) => Number(contexts.canKnow(b)) - Number(contexts.canKnow(a)))
    .slice(0, MAX_OFFERS);
  const [first, ...others] = supported.length > 0 ? supported : readable.slice(0, 1);
  if (first === undefined)
    throw new X402Error("TERMS_INVALID", "none of the accepted payments can be asked for");
  return [first, ...others];
}

/** The same offers, those that would pass and that the wallet can pay first. One offer needs no question. */
export async function byQuote(
  payer: Payer,
  contexts: Contexts,
  offers: Offers,
  order: Order,
): Promise<Offers> {
  if (offers.length === 1) return offers;
  const [known, canPay] = await Promise.all([
    contexts.ofAll(offers),
    Promise.all(offers.map((offer) => contexts.canPay(offer))),
  ]);
  const quotes = await payer.quote(
    offers.map(({ intent }) => intent),
    known,
  );
  const places = offers.map((offer, index) => ({
    offer,
    place: placeOf(quotes[index], {
      lacksContext: contexts.areNeeded(offer) && known[offer.intent.network] === undefined,
      isShort: canPay[index] === false,
      order,
    }),
  }));
  return places.sort((a, b) => compare(a.place, b.place)).map(({ offer }) => offer) as Offers;
}

interface Circumstances {
  lacksContext: boolean;
  isShort: boolean;
  order: Order;
}

/** Earlier places have smaller numbers, the first difference counts. A quote without a context is only a guess. */
function placeOf(quote: Quote | undefined, { lacksContext, isShort, order }: Circumstances): bigint[] {
  const outcome = quote?.outcome ?? "decline";
  const usd = quote?.usd === undefined || order === "seller" ? 0n : parseUsd(quote.usd);
  const against = [lacksContext || outcome === "decline", lacksContext, isShort, outcome === "hold"];
  return [...against.map(BigInt), usd];
}

function compare(a: readonly bigint[], b: readonly bigint[]): number {
  const index = a.findIndex((part, i) => part !== b[i]);
  const [x = 0n, y = 0n] = [a[index], b[index]];
  return x < y ? -1 : Number(x > y);
}
