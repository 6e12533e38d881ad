// PaymentIntent: the only form of a payment on the socket. The client makes it from a seller's v1 or v2 terms.
import { hash } from "node:crypto";
import { z } from "zod";
import { isAtomic } from "./amount.ts";
import { canonicalAddress } from "./assets.ts";
import { type Caip2, isCaip2 } from "./networks.ts";

/** 16-128 of [A-Za-z0-9_-], as x402's payment-identifier extension has it. Looked up per agent. */
export const intentIdSchema = z.string().regex(/^[A-Za-z0-9_-]{16,128}$/);

// Printable ASCII without space and quotes: addresses on every chain, and nothing that could break a log line.
const token = (max: number) =>
  z
    .string()
    .regex(/^[!#-&(-~]+$/)
    .max(max);

const MAX_AMOUNT_DIGITS = 78; // 2^256 - 1

export const caip2Schema = z.custom<Caip2>((value) => typeof value === "string" && isCaip2(value));

/** Positive atomic units as a canonical decimal string on the wire, bigint in memory. */
export const amountSchema = z
  .string()
  .max(MAX_AMOUNT_DIGITS)
  .refine((text) => isAtomic(text) && text !== "0")
  .transform((text) => BigInt(text));

export const intentSchema = z.strictObject({
  id: intentIdSchema,
  scheme: token(32),
  network: caip2Schema,
  asset: token(160),
  payTo: token(160),
  amount: amountSchema,
  maxTimeoutSeconds: z.int().min(1).max(31_536_000),
  extra: z
    .strictObject({
      assetTransferMethod: token(32).optional(),
      feePayer: token(160).optional(),
      memo: z.string().max(256).optional(),
    })
    .optional(),
  /** What the agent says the payment is for. Never a fact: see docs/policy.md, facts and claims. */
  claims: z.strictObject({
    url: z.string().max(4096).optional(),
    method: token(16).optional(),
    category: z.string().max(50).optional(),
  }),
});

/** In memory: amount is bigint. */
export type PaymentIntent = z.infer<typeof intentSchema>;
/** On the wire: amount is a decimal string. */
export type WireIntent = z.input<typeof intentSchema>;

export const toWire = (intent: PaymentIntent): WireIntent => ({
  ...intent,
  amount: intent.amount.toString(),
});

/**
 * SHA-256 (hex) over what makes two requests the same payment: id, network, asset, payee, amount, scheme, transfer
 * method, fee payer, memo and resource. Timeout, chain context and session are not part of it. The paying account is
 * fixed by the reservation, and the agent by the socket.
 */
export function fingerprint(intent: PaymentIntent): string {
  const { id, scheme, network, amount, extra, claims } = intent;
  const asset = canonicalAddress(network, intent.asset);
  const payTo = canonicalAddress(network, intent.payTo);
  // An array of strings and nulls has one JSON text only.
  const canonical = JSON.stringify([
    ...["x402/intent/1", id, scheme, network, asset, payTo, amount.toString()],
    ...[extra?.assetTransferMethod ?? null, extra?.feePayer ?? null, extra?.memo ?? null],
    ...[claims.method ?? null, claims.url ?? null],
  ]);
  return hash("sha256", canonical);
}
