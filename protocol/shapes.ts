// The values that requests and replies are made of; methods.ts says which method takes and gives what. Types are inferred.
import { z } from "zod";
import { type Code, isCode } from "./errors.ts";
import { caip2Schema, intentIdSchema } from "./intent.ts";
import { AGENT_NAME } from "./places.ts";

export const agentNameSchema = z.string().regex(AGENT_NAME);
export const isoSchema = z.iso.datetime();
export const usdSchema = z.string().regex(/^-?(0|[1-9][0-9]*)(\.[0-9]{1,6})?$/);
export const hexSchema = z.string().regex(/^[0-9a-f]+$/);
export const base64urlSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .max(60_000);
/** Compact JWS by the audit key: docs/ledger.md. */
export const attestationSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/)
  .max(16_384);
export const sessionIdSchema = z.string().regex(/^s_[A-Za-z0-9_-]{10,64}$/);
export const codeSchema = z.custom<Code>(isCode);
export const jsonObjectSchema = z.record(z.string(), z.unknown());

/** Position and hash of a ledger's last row. */
export const headSchema = z.strictObject({
  ledger: hexSchema.max(128),
  // Far above every ledger, and far below what a number holds: positions after it can still be counted.
  seq: z.int().min(0).max(1_000_000_000_000_000),
  hash: hexSchema.max(64),
});
export type Head = z.infer<typeof headSchema>;

/**
 * One rule against one payment. `limit`, `used` and `left` are USD with up to six decimals, or plain counts when
 * `unit` is "count". `claimed`: the rule rests on what the agent says, not on what is signed.
 */
export const checkSchema = z.strictObject({
  scope: z.string(),
  rule: z.string(),
  code: codeSchema,
  ok: z.boolean(),
  claimed: z.boolean(),
  /** Failing it holds a payment until a person decides. */
  holds: z.literal(true).optional(),
  unit: z.enum(["usd", "count"]).optional(),
  limit: usdSchema.optional(),
  used: usdSchema.optional(),
  left: usdSchema.optional(),
  reopensAt: isoSchema.optional(),
});
export type WireCheck = z.infer<typeof checkSchema>;

export const signResultSchema = z.discriminatedUnion("outcome", [
  z.strictObject({
    outcome: z.literal("signed"),
    /** The scheme's own payload; the client puts it into the header. */
    payload: jsonObjectSchema,
    from: z.string(),
    expiresAt: isoSchema,
    replayed: z.boolean(),
    head: headSchema,
  }),
  z.strictObject({
    outcome: z.literal("held"),
    approval: z.string().regex(/^a[1-9][0-9]{0,14}$/),
    check: checkSchema,
    expiresAt: isoSchema,
  }),
  z.strictObject({ outcome: z.literal("declined"), check: checkSchema }),
]);
export type SignResult = z.infer<typeof signResultSchema>;

/** "a" and the ledger position of the row that holds the payment. */
export const approvalNameSchema = z.string().regex(/^a[1-9][0-9]{0,14}$/);

/** What became of a payment that was held. */
export const approvalStateSchema = z.strictObject({
  approval: approvalNameSchema,
  state: z.enum(["held", "approved", "signed", "denied", "lapsed"]),
  /** While it is open: why, and until when. */
  check: checkSchema.optional(),
  expiresAt: isoSchema.optional(),
});
export type ApprovalState = z.infer<typeof approvalStateSchema>;

/** A payment that waits, for whoever decides. */
export const approvalSchema = z.strictObject({
  approval: approvalNameSchema,
  state: z.enum(["held", "approved"]),
  agent: z.string(),
  id: intentIdSchema.optional(),
  ...{ network: caip2Schema, asset: z.string(), symbol: z.string(), amount: z.string(), usd: usdSchema },
  payTo: z.string(),
  /** What the agent says it is for. */
  claims: z.strictObject({
    origin: z.string().optional(),
    path: z.string().optional(),
    method: z.string().optional(),
    category: z.string().optional(),
  }),
  /** The user that asked. */
  uid: z.int().optional(),
  /** USD up to which this payee was approved for good before. */
  ceiling: usdSchema.optional(),
  /** The rules that hold it; the first is the one the agent was told. */
  why: z.array(checkSchema),
  /** Every limit as it would be without this payment. */
  budgets: z.array(checkSchema),
  askedAt: isoSchema,
  expiresAt: isoSchema,
});
export type Approval = z.infer<typeof approvalSchema>;

export const quoteSchema = z.strictObject({
  outcome: z.enum(["allow", "hold", "decline"]),
  /** What would leave the wallet, in USD; absent when there is no draft or no price. */
  usd: usdSchema.optional(),
  checks: z.array(checkSchema),
});
export type Quote = z.infer<typeof quoteSchema>;

export const scopeStateSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(["household", "unlock", "agent", "session"]),
  endsAt: isoSchema.optional(),
  /** One entry per budget and limit, as if nothing more were asked. */
  left: z.array(checkSchema),
});

const boundSchema = z.union([usdSchema, z.literal("unbounded")]);

/**
 * The largest loss possible from now on, in USD, within an hour, a day and in all. `alive`: signed and not expired;
 * `unresolved`: expired, and neither settled nor released, so that it may be asked for again.
 */
const maxLossSchema = z.strictObject({
  alive: usdSchema,
  unresolved: usdSchema,
  hour: boundSchema,
  day: boundSchema,
  total: boundSchema,
});
export type MaxLoss = z.infer<typeof maxLossSchema>;

export const statusSchema = z.strictObject({
  version: z.string(),
  state: z.enum(["locked", "unlocked", "frozen"]),
  frozenBy: codeSchema.optional(),
  /** The caller runs under the signer's own user: every promise against it is advisory. */
  sameUid: z.boolean(),
  /** What is frozen by name, "*" for everything; an agent is not told of others. */
  frozen: z.array(z.string()).optional(),
  /** What the signer has given up and shut, by name: docs/protocol.md, "Protections". */
  protections: z.record(z.string(), z.enum(["on", "off", "impossible"])),
  policy: z.strictObject({ version: z.int(), hash: hexSchema }).optional(),
  /** The public key that attests this ledger, 32 bytes: by the newest unlock. */
  auditKey: base64urlSchema.optional(),
  unlock: z
    .strictObject({
      at: isoSchema,
      endsAt: isoSchema.optional(),
      spendLeft: usdSchema.optional(),
      countLeft: z.int().optional(),
    })
    .optional(),
  /** The caller's scopes: an agent sees its own. */
  scopes: z.array(scopeStateSchema),
  maxLoss: maxLossSchema,
  head: headSchema,
});
export type Status = z.infer<typeof statusSchema>;

export const paymentRowSchema = z.strictObject({
  seq: z.int(),
  at: isoSchema,
  agent: z.string(),
  id: intentIdSchema,
  state: z.enum(["reserved", "expired", "settled", "released"]),
  network: caip2Schema,
  asset: z.string(),
  symbol: z.string(),
  amount: z.string(),
  usd: usdSchema,
  payTo: z.string(),
  from: z.string(),
  /** Claims. */
  origin: z.string().optional(),
  path: z.string().optional(),
  category: z.string().optional(),
  session: z.string().optional(),
  expiresAt: isoSchema,
});
export type PaymentRow = z.infer<typeof paymentRowSchema>;

/** A row of the audit chain as it is hashed: docs/ledger.md. */
export const auditRowSchema = z.strictObject({ seq: z.int(), hash: hexSchema, body: z.string() });
export type AuditRow = z.infer<typeof auditRowSchema>;

/** Authorizations that can still be used, newest first; count and sum are of all, the rows of some hundreds at most. */
const aliveSchema = z.strictObject({
  count: z.int(),
  usd: usdSchema,
  /** When the last one is over; absent when there is none. */
  until: isoSchema.optional(),
  payments: z.array(
    z.strictObject({
      ...{ agent: z.string(), id: intentIdSchema.optional(), network: caip2Schema },
      ...{ asset: z.string(), symbol: z.string(), amount: z.string(), usd: usdSchema, payTo: z.string() },
      expiresAt: isoSchema,
    }),
  ),
});
export type Alive = z.infer<typeof aliveSchema>;

export const freezeSchema = z.strictObject({
  frozen: z.array(z.string()),
  alive: aliveSchema,
  head: headSchema,
});
export type FreezeResult = z.infer<typeof freezeSchema>;

export const unfreezeSchema = z.strictObject({ frozen: z.array(z.string()), head: headSchema });
export type UnfreezeResult = z.infer<typeof unfreezeSchema>;
