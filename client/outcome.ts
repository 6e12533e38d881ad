// What became of a payment, for the caller of a paying fetch.
import { X402Error } from "../protocol/errors.ts";
import type { Head, SignResult, WireCheck } from "../protocol/shapes.ts";
import type { Settlement } from "../protocol/x402.ts";

/** The signer considered the payment and said no; `check` is the rule that decided. Nothing was signed. */
export class PaymentDeclined extends X402Error {
  override readonly name = "PaymentDeclined";
  readonly check: WireCheck;

  constructor(check: WireCheck, intentId: string, options: { hint?: string; cause?: unknown } = {}) {
    super(check.code, `${check.scope} ${check.rule}`, { ...options, intentId });
    this.check = check;
  }
}

/** The payment waits for the operator's word. Call again with `payment.id` set to `intentId` once it was given. */
export class PaymentHeld extends X402Error {
  override readonly name = "PaymentHeld";
  readonly check: WireCheck;
  /** Names the request for approval. */
  readonly approval: string;
  /** ISO 8601: when it lapses. */
  readonly expiresAt: string;

  constructor(held: Extract<SignResult, { outcome: "held" }>, intentId: string) {
    super(held.check.code, `approval ${held.approval}`, { intentId });
    this.check = held.check;
    this.approval = held.approval;
    this.expiresAt = held.expiresAt;
  }
}

export interface Payment {
  intentId: string;
  /** The ledger's head when the payment was on record. */
  head: Head;
  /** What the seller says became of it; a claim, not proof. */
  settlement?: Settlement;
}

const payments = new WeakMap<Response, Payment>();

/** What was paid for a response of a paying fetch; undefined when nothing was. */
export const paymentOf = (response: Response): Payment | undefined => payments.get(response);

export function notePayment(response: Response, payment: Payment): Response {
  payments.set(response, payment);
  return response;
}

/** Whatever went wrong once a payment had an id: the same error, with `intentId` on it where it can hold one. */
export function withIntentId(error: unknown, intentId: string): unknown {
  if (error instanceof Error && Object.isExtensible(error)) Object.assign(error, { intentId });
  return error;
}
