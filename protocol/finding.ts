// What a desk brings from a chain about payments that have expired, and what the signer makes of it. The signer has no
// network: a finding is a claim, and signer/reconcile.ts has the rules for believing it.
import { z } from "zod";
import { caip2Schema, intentIdSchema } from "./intent.ts";
import { agentNameSchema, headSchema, isoSchema, usdSchema } from "./shapes.ts";

const hash32 = z.string().regex(/^0x[0-9a-f]{64}$/);
const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const base58 = (max: number) =>
  z
    .string()
    .regex(/^[1-9A-HJ-NP-Za-km-z]+$/)
    .max(max);

/** An authorization as its chain can be asked about it. */
const traceSchema = z.discriminatedUnion("kind", [
  /** `authorizationState(from, nonce)` of the token. */
  z.strictObject({
    kind: z.literal("eip3009"),
    from: z.string(),
    nonce: hash32,
    /** Unix seconds; of the newest draft, which is the last to die. */
    validBefore: z.int(),
  }),
  /** Transactions of the token account that is paid from: is one of them this message? */
  z.strictObject({
    kind: z.literal("solana"),
    account: base58(44),
    /** SHA-256 of the message's bytes. */
    message: hex32,
    blockhash: base58(44),
  }),
  /** Every draft of a payment spends the same input, its nonce: is it spent, and by which transaction? */
  z.strictObject({
    kind: z.literal("cardano"),
    /** Transaction id of the newest draft. */
    transaction: hex32,
    /** "transaction#index". */
    input: z.string().regex(/^[0-9a-f]{64}#(0|[1-9][0-9]{0,4})$/),
    /** The first slot in which the newest draft is invalid. */
    ttl: z.int().min(0),
  }),
]);
export type Trace = z.infer<typeof traceSchema>;
export type TraceOf<K extends Trace["kind"]> = Extract<Trace, { kind: K }>;

export const unresolvedSchema = z.strictObject({
  agent: z.string(),
  id: intentIdSchema,
  network: caip2Schema,
  asset: z.string(),
  usd: usdSchema,
  /** When its first draft was recorded, which is before it was signed. */
  signedAt: isoSchema,
  /** And its newest. */
  draftedAt: isoSchema,
  trace: traceSchema,
});
export type Unresolved = z.infer<typeof unresolvedSchema>;

/** Scheme, host and port alone: a path may hold a key. */
const originSchema = z
  .string()
  .max(256)
  .refine((text) => URL.canParse(text) && new URL(text).origin === text);

const seenSchema = z.discriminatedUnion("kind", [
  /** `used` is authorizationState, which is true for a cancelled authorization too; `event` tells them apart. */
  z.strictObject({
    kind: z.literal("eip3009"),
    used: z.boolean(),
    event: z.enum(["used", "cancelled"]).optional(),
    transaction: hash32.optional(),
  }),
  /**
   * `since`: height of the final block that has the blockhash; absent when none has. `found`: what became of the
   * transaction with this message; absent when no transaction of the account behind that block has it.
   */
  z.strictObject({
    kind: z.literal("solana"),
    since: z.int().min(0).optional(),
    found: z.enum(["executed", "failed"]).optional(),
    transaction: base58(88).optional(),
  }),
  /** `slot`: what is in slots before it is final. `spentBy`: the transaction that spent the nonce input, now; absent while it is unspent. */
  z.strictObject({ kind: z.literal("cardano"), slot: z.int().min(0), spentBy: hex32.optional() }),
]);
export type Seen = z.infer<typeof seenSchema>;
export type SeenOf<K extends Seen["kind"]> = Extract<Seen, { kind: K }>;

/** What one endpoint says of one payment, as of one block. */
export const findingSchema = z.strictObject({
  agent: agentNameSchema,
  id: intentIdSchema,
  endpoint: originSchema,
  /** The network that the endpoint says it serves. */
  network: caip2Schema,
  /** As the chain writes hashes; `number` is its height (EVM: number), `time` in unix seconds. */
  block: z.strictObject({
    number: z.int().min(0),
    hash: z.string().regex(/^(0x)?[0-9A-Za-z]{32,66}$/),
    time: z.int().min(0),
  }),
  finalized: z.boolean(),
  seen: seenSchema,
});
export type Finding = z.infer<typeof findingSchema>;

/** One look at a chain, without whom it is about. */
export type Look = Pick<Finding, "block" | "finalized" | "seen">;

/** Why a payment is left as it is. */
export const DOUBTS = [
  "unknown",
  "final",
  "alive",
  "wrong-network",
  "not-finalized",
  "too-early",
  "no-event",
  "no-block",
  "contradiction",
  "one-endpoint",
  "disagreement",
  "rows-lost",
  "rail-not-loaded",
  "too-many-drafts",
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
