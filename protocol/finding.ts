// What a desk brings from a chain about payments that have expired, and what the signer makes of it. The signer has no
// network: a finding is a claim, and signer/reconcile.ts has the rules for believing it.
import { z } from "zod";
import { caip2Schema, intentIdSchema } from "./intent.ts";
import { agentNameSchema, headSchema, isoSchema, usdSchema } from "./shapes.ts";

const hash32 = z.string().regex(/^0x[0-9a-f]{64}$/);

/** An authorization as its chain can be asked about it. EIP-3009: `authorizationState(from, nonce)` of the token. */
const traceSchema = z.strictObject({
  kind: z.literal("eip3009"),
  from: z.string(),
  nonce: hash32,
  /** Unix seconds; of the newest draft, which is the last to die. */
  validBefore: z.int(),
});
export type Trace = z.infer<typeof traceSchema>;

export const unresolvedSchema = z.strictObject({
  agent: z.string(),
  id: intentIdSchema,
  network: caip2Schema,
  asset: z.string(),
  usd: usdSchema,
  /** When its first draft was signed. */
  signedAt: isoSchema,
  trace: traceSchema,
});
export type Unresolved = z.infer<typeof unresolvedSchema>;

/** Scheme, host and port alone: a path may hold a key. */
const originSchema = z
  .string()
  .max(256)
  .refine((text) => URL.canParse(text) && new URL(text).origin === text);

/** What one endpoint says of one payment, as of one block. */
export const findingSchema = z.strictObject({
  agent: agentNameSchema,
  id: intentIdSchema,
  endpoint: originSchema,
  /** The network that the endpoint says it serves. */
  network: caip2Schema,
  /** `time` in unix seconds. */
  block: z.strictObject({ number: z.int().min(0), hash: hash32, time: z.int().min(0) }),
  finalized: z.boolean(),
  /** EIP-3009: `used` is authorizationState, which is true for a cancelled authorization too; `event` tells them apart. */
  seen: z.strictObject({
    kind: z.literal("eip3009"),
    used: z.boolean(),
    event: z.enum(["used", "cancelled"]).optional(),
    transaction: hash32.optional(),
  }),
});
export type Finding = z.infer<typeof findingSchema>;

/** Why a payment is left as it is. */
export const DOUBTS = [
  "unknown",
  "final",
  "alive",
  "wrong-network",
  "not-finalized",
  "too-early",
  "no-event",
  "contradiction",
  "one-endpoint",
  "disagreement",
  "rows-lost",
  "limit",
] as const;
export type Doubt = (typeof DOUBTS)[number];

const judgedSchema = z.strictObject({
  agent: z.string(),
  id: intentIdSchema,
  outcome: z.enum(["released", "settled", "left"]),
  why: z.enum(DOUBTS).optional(),
});
export type Judged = z.infer<typeof judgedSchema>;

export const reconcileSchema = z.strictObject({
  results: z.array(judgedSchema),
  /** What may be released on one day (UTC), and what was today. */
  released: z.strictObject({ limit: usdSchema, today: usdSchema }),
  head: headSchema,
});
export type ReconcileResult = z.infer<typeof reconcileSchema>;
