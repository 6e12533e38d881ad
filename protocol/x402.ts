// x402 v1 and v2 on the wire: a seller's terms and headers <-> our intent. Pure.
// Source: x402 specification, "HTTP transport" and "PaymentRequirements", versions 1 and 2.
import { isUtf8 } from "node:buffer";
import { z } from "zod";
import { X402Error } from "./errors.ts";
import { type PaymentIntent, amountSchema } from "./intent.ts";
import { type Json, parseJson } from "./json.ts";
import { type Caip2, type RailName, networkOf, railOf } from "./networks.ts";

export const MAX_TERMS_BYTES = 64 * 1024;
/** A seller may list many ways to pay; more than this is not a menu but an attack. */
export const MAX_ACCEPTS = 32;

/** One entry of `accepts` that can be understood. */
export interface TermsItem {
  scheme: string;
  /** As the seller wrote it; `caip2` is what it means. */
  network: string;
  caip2: Caip2;
  asset: string;
  payTo: string;
  amount: bigint;
  maxTimeoutSeconds: number;
  extra: { [key: string]: Json };
  /** Verbatim, to be echoed. */
  raw: Json;
}

export interface Terms {
  version: 1 | 2;
  accepts: TermsItem[];
  resource?: Json;
  extensions?: { [key: string]: Json };
}

const jsonRecord = z.record(z.string(), z.unknown());
const common = { scheme: z.string(), network: z.string(), asset: z.string(), payTo: z.string() };
const timeout = z.number().int().min(1).max(31_536_000);
const itemV2 = z.object({
  ...common,
  amount: amountSchema,
  maxTimeoutSeconds: timeout,
  extra: jsonRecord.optional(),
});
const itemV1 = z.object({
  ...common,
  maxAmountRequired: amountSchema,
  maxTimeoutSeconds: timeout,
  extra: jsonRecord.nullish(),
});
const envelope = z.object({
  x402Version: z.number(),
  accepts: z.array(z.unknown()).min(1).max(MAX_ACCEPTS),
  resource: z.unknown().optional(),
  extensions: jsonRecord.optional(),
});

/**
 * The terms of a 402: `header` is PAYMENT-REQUIRED (v2), `body` the text (v1). Undefined when the answer is not x402
 * at all. Throws TERMS_INVALID when it says that it is and cannot be read: nothing may be guessed about a price.
 */
export function readTerms(source: { header?: string | null; body?: string }): Terms | undefined {
  if (source.header !== null && source.header !== undefined) {
    return fromEnvelope(termsJson(decodeBase64(source.header)), 2);
  }
  if (source.body === undefined || !source.body.includes("x402Version")) return undefined;
  return fromEnvelope(termsJson(source.body), 1);
}

/** x402 over MCP carries v2 terms as a value. */
export const readTermsValue = (value: Json): Terms => fromEnvelope(value, 2);

function fromEnvelope(value: Json, version: 1 | 2): Terms {
  const parsed = envelope.safeParse(value);
  if (!parsed.success) throw new X402Error("TERMS_INVALID", "no list of accepted payments");
  if (parsed.data.x402Version !== version)
    throw new X402Error("TERMS_INVALID", "the version does not match the transport");
  const accepts = parsed.data.accepts
    .map((raw) => readItem(raw as Json, version))
    .filter((item) => item !== undefined);
  if (accepts.length === 0) throw new X402Error("TERMS_INVALID", "none of the accepted payments can be read");
  const { resource, extensions } = parsed.data;
  return {
    version,
    accepts,
    ...(resource === undefined ? {} : { resource: resource as Json }),
    ...(extensions === undefined ? {} : { extensions: extensions as { [key: string]: Json } }),
  };
}

/** Undefined for an entry of another shape: other schemes have fields of their own, and are not for us. */
function readItem(raw: Json, version: 1 | 2): TermsItem | undefined {
  const parsed = version === 2 ? itemV2.safeParse(raw) : itemV1.safeParse(raw);
  if (!parsed.success) return undefined;
  const data = parsed.data;
  const caip2 = networkOf(data.network);
  if (caip2 === undefined || !isReadableExtra(caip2, data.extra)) return undefined;
  const { scheme, network, asset, payTo, maxTimeoutSeconds } = data;
  const amount = "amount" in data ? data.amount : data.maxAmountRequired;
  const extra = (data.extra ?? {}) as { [key: string]: Json };
  return { scheme, network, caip2, asset, payTo, amount, maxTimeoutSeconds, extra, raw };
}

const name = z.string().nullish();
// x402 specification, "exact" on each network: what is there has this shape, or nothing can be said of the entry.
const EXTRA: Readonly<Partial<Record<RailName, z.ZodType>>> = {
  solana: z.object({ feePayer: name, memo: name }),
  cardano: z.object({
    assetTransferMethod: name,
    confirmationPolicy: z.object({ l1Confirmations: z.int().min(-1).max(20).optional() }).optional(),
  }),
};

function isReadableExtra(network: Caip2, extra: unknown): boolean {
  const rail = railOf(network);
  const schema = rail && EXTRA[rail];
  return schema === undefined || schema.safeParse(extra ?? {}).success;
}

/** What the signer is asked for. `claims.url` is the URL fetched, never the seller's `resource.url`. */
export function toIntent(item: TermsItem, id: string, claims: PaymentIntent["claims"]): PaymentIntent {
  const { scheme, caip2, asset, payTo, amount, maxTimeoutSeconds } = item;
  const extra: NonNullable<PaymentIntent["extra"]> = {};
  for (const key of ["assetTransferMethod", "feePayer", "memo"] as const) {
    const value = item.extra[key];
    if (typeof value === "string") extra[key] = value;
  }
  return { id, scheme, network: caip2, asset, payTo, amount, maxTimeoutSeconds, extra, claims };
}

/** The request header that carries a signed payload. Terms are echoed verbatim, extensions too. */
export function paymentHeader(
  terms: Terms,
  item: TermsItem,
  payload: Json,
  extensions: Terms["extensions"] = terms.extensions,
): { name: string; value: string } {
  if (terms.version === 1) {
    const { scheme, network } = item;
    return { name: "X-PAYMENT", value: encodeBase64({ x402Version: 1, scheme, network, payload }) };
  }
  const { resource } = terms;
  const message = { x402Version: 2, resource, accepted: item.raw, payload, extensions };
  return { name: "PAYMENT-SIGNATURE", value: encodeBase64(message) };
}

const PAYMENT_IDENTIFIER = "payment-identifier";

/** Fills in the id where the seller advertises x402's payment-identifier extension; everything else is echoed. */
export function withPaymentIdentifier(extensions: Terms["extensions"], id: string): Terms["extensions"] {
  const advertised = extensions?.[PAYMENT_IDENTIFIER];
  if (!extensions || !isObject(advertised)) return extensions;
  const info = isObject(advertised["info"]) ? advertised["info"] : {};
  return { ...extensions, [PAYMENT_IDENTIFIER]: { ...advertised, info: { ...info, id } } };
}

const settlementSchema = z.object({
  success: z.boolean(),
  transaction: z.string().max(256).optional(),
  network: z.string().max(64).optional(),
  payer: z.string().max(160).optional(),
  errorReason: z.string().max(512).optional(),
});
/** What the seller says became of the payment: a claim of the seller, not proof. */
export type Settlement = z.infer<typeof settlementSchema>;

/** PAYMENT-RESPONSE (v2) or X-PAYMENT-RESPONSE (v1); undefined when absent or unreadable. */
export function readSettlement(headers: { get(name: string): string | null }): Settlement | undefined {
  const header = headers.get("PAYMENT-RESPONSE") ?? headers.get("X-PAYMENT-RESPONSE");
  if (header === null) return undefined;
  try {
    return settlementSchema.parse(termsJson(decodeBase64(header)));
  } catch {
    return undefined;
  }
}

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const encodeBase64 = (value: unknown): string =>
  Buffer.from(JSON.stringify(value), "utf8").toString("base64");

function decodeBase64(text: string): string {
  if (text.length > MAX_TERMS_BYTES) throw new X402Error("TERMS_INVALID", "the header is too long");
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") !== text.trim().replace(/=+$/, "")) {
    throw new X402Error("TERMS_INVALID", "the header is not base64");
  }
  // Decoded loosely, terms could not be echoed as they came.
  if (!isUtf8(bytes)) throw new X402Error("TERMS_INVALID", "the header is not UTF-8");
  return bytes.toString("utf8");
}

function termsJson(text: string): Json {
  if (text.length > MAX_TERMS_BYTES) throw new X402Error("TERMS_INVALID", "the terms are too long");
  try {
    return parseJson(text, "terms");
  } catch (error) {
    throw new X402Error("TERMS_INVALID", error instanceof X402Error ? error.message : undefined);
  }
}
