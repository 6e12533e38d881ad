// fetch() that pays: on a 402 with x402 terms it asks the signer for one authorization and sends the request once more.
//
// One payment for one call, whatever the answer to it: a 402 or a redirect on the paid request goes to the caller. What
// is signed is decided elsewhere; this process holds no key and is not believed.
import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { X402Error } from "../protocol/errors.ts";
import { type PaymentIntent, intentIdSchema, intentSchema } from "../protocol/intent.ts";
import type { SignResult } from "../protocol/shapes.ts";
import { type Terms, paymentHeader, readSettlement, withPaymentIdentifier } from "../protocol/x402.ts";
import { abortable } from "./http/abort.ts";
import { askToSign } from "./ask.ts";
import { discard } from "./http/body.ts";
import { type Offer, type Order, byQuote, offersOf } from "./choose.ts";
import { Contexts } from "./contexts.ts";
import type { ContextOption } from "./context/sources.ts";
import { PaymentHeld, notePayment, withIntentId } from "./outcome.ts";
import { Payer, type PayerOptions } from "./payer.ts";
import { type Fetch, type Outgoing, follow, outgoing, send } from "./http/request.ts";
import { termsOf } from "./terms.ts";

export { PaymentDeclined, PaymentHeld, paymentOf } from "./outcome.ts";
export type { ContextFunction, ContextOption, ContextSources } from "./context/sources.ts";

export interface PaymentFetchOptions extends PayerOptions {
  /** Used for every request; the global fetch when absent. */
  fetch?: (input: string, init: RequestInit) => Promise<Response>;
  /**
   * Where this process learns what payments on Solana and Cardano need to know; without it they are paid only where the
   * seller's terms tell it. By network: { solana: { rpc: ["https://..."] }, cardano: { koios: ["https://..."] } }.
   */
  context?: ContextOption;
  /** Which of several offers is paid, of those that the policy allows and the wallet can pay; "cheapest" when absent. */
  order?: Order;
}

export interface PaymentInit {
  /** Names the payment, 16-128 of [A-Za-z0-9_-]. The id of an earlier call resumes it: never a second payment. */
  id?: string;
  /** What it is for, in the words of the policy. */
  category?: string;
  /** How long to wait for the operator's approval before PaymentHeld is thrown; 0 when absent. */
  waitMs?: number;
}

export type PaymentFetch = (
  input: string | URL | Request,
  init?: RequestInit & { payment?: PaymentInit },
) => Promise<Response>;

type Signed = Extract<SignResult, { outcome: "signed" }>;

/**
 * As fetch(), and it pays. Throws PaymentDeclined and PaymentHeld; X402Error for what could not be considered; and
 * what fetch throws. Errors after the terms were read carry `intentId`. Everything else is a Response: see paymentOf().
 */
export function createPaymentFetch(options: PaymentFetchOptions = {}): PaymentFetch {
  const payer = new Payer(options);
  const contexts = new Contexts(options.context, () => payer.addresses());
  const order = options.order ?? "cheapest";
  const fetch: Fetch = (input, init) => (options.fetch ?? globalThis.fetch)(input, init);
  return async (input, { payment = {}, ...init } = {}) => {
    const id = payment.id ?? randomUUIDv7();
    checkPayment(id, payment);
    const { response, request } = await follow(fetch, await outgoing(input, init));
    const terms = isPaid(request) ? undefined : await termsOf(response);
    if (terms === undefined) return response;
    discard(response);
    try {
      return await pay({ payer, contexts, order, fetch, request, terms, id, payment });
    } catch (error) {
      throw withIntentId(error, id);
    }
  };
}

interface Purchase {
  payer: Payer;
  contexts: Contexts;
  order: Order;
  fetch: Fetch;
  request: Outgoing;
  terms: Terms;
  id: string;
  payment: PaymentInit;
}

async function pay(purchase: Purchase): Promise<Response> {
  const { payer, contexts, order, fetch, request, terms, id, payment } = purchase;
  const offers = offersOf(terms, id, claimsOf(request, payment), contexts);
  const ordered = await abortable(() => byQuote(payer, contexts, offers, order), request.signal);
  const { signed, offer } = await signFirst(purchase, ordered);
  const extensions = withPaymentIdentifier(terms.extensions, id);
  const { name, value } = paymentHeader(terms, offer.item, signed.payload as never, extensions);
  const headers = new Headers(request.headers);
  headers.set(name, value);
  const response = await send(fetch, { ...request, headers }, "manual");
  const settlement = readSettlement(response.headers);
  return notePayment(response, { intentId: id, head: signed.head, ...(settlement && { settlement }) });
}

/** An id that is on record for one of the offers conflicts with the others: then it is that one that goes on. */
async function signFirst(
  purchase: Purchase,
  offers: readonly Offer[],
): Promise<{ signed: Signed; offer: Offer }> {
  let conflict: unknown;
  for (const offer of offers) {
    try {
      return { signed: await sign(purchase, offer), offer };
    } catch (error) {
      if (!(error instanceof X402Error) || error.code !== "INTENT_CONFLICT") throw error;
      conflict = error;
    }
  }
  throw conflict;
}

/** What one request to the signer may wait; longer waits are several. */
const MOST_WAIT_MS = 30_000;
const PAUSE_MS = 500;

/** A payment that is held is asked for again when a person has decided, as long as the caller waits for that. */
async function sign(
  { payer, contexts, request: { signal }, payment, id }: Purchase,
  offer: Offer,
): Promise<Signed> {
  const deadline = Date.now() + (payment.waitMs ?? 0);
  for (;;) {
    const result = await abortable(() => askToSign(payer, contexts, offer), signal);
    if (result.outcome === "signed") return result;
    if (!(await decided(payer, id, deadline, signal))) throw new PaymentHeld(result, id);
  }
}

/** False when `deadline` (unix ms) comes first. */
async function decided(
  payer: Payer,
  id: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (;;) {
    const left = Math.floor(deadline - Date.now());
    if (left <= 0) return false;
    const asked = Date.now();
    const { state } = await abortable(() => payer.approval(id, Math.min(left, MOST_WAIT_MS)), signal);
    if (state !== "held") return true;
    // A signer that answers at once lets nobody wait: it is busy, or ends.
    if (Date.now() - asked < PAUSE_MS) await abortable(() => sleep(Math.min(left, PAUSE_MS)), signal);
  }
}

/** A caller that brings a payment of its own pays by itself. */
const isPaid = ({ headers }: Outgoing): boolean =>
  headers.has("PAYMENT-SIGNATURE") || headers.has("X-PAYMENT");

function claimsOf({ url, method }: Outgoing, { category }: PaymentInit): PaymentIntent["claims"] {
  const fetched = new URL(url);
  fetched.hash = "";
  const claims = { url: fetched.href, method, ...(category !== undefined && { category }) };
  if (intentSchema.shape.claims.safeParse(claims).success) return claims;
  throw new X402Error(
    "INVALID_REQUEST",
    "a URL of 4096, a method of 16 and a category of 50 characters can be paid for",
  );
}

function checkPayment(id: string, { waitMs }: PaymentInit): void {
  if (!intentIdSchema.safeParse(id).success) {
    throw new X402Error("INVALID_REQUEST", "payment.id must be 16 to 128 of A-Z a-z 0-9 _ -");
  }
  if (waitMs !== undefined && !(waitMs >= 0)) {
    throw new X402Error("INVALID_REQUEST", "payment.waitMs must be milliseconds");
  }
}
