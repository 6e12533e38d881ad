// Every method on the signer's sockets: the schema of its parameters and of its result. Types are inferred.
// docs/protocol.md shows each with an example.
import { z } from "zod";
import { type Code, isCode } from "./errors.ts";
import { caip2Schema, intentIdSchema, intentSchema } from "./intent.ts";

export const agentNameSchema = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/);
const isoSchema = z.iso.datetime();
const usdSchema = z.string().regex(/^-?(0|[1-9][0-9]*)(\.[0-9]{1,6})?$/);
const hexSchema = z.string().regex(/^[0-9a-f]+$/);
const base64urlSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .max(60_000);
const sessionIdSchema = z.string().regex(/^s_[A-Za-z0-9_-]{10,64}$/);
const codeSchema = z.custom<Code>(isCode);
const jsonObjectSchema = z.record(z.string(), z.unknown());

/** Position and hash of a ledger's last row. */
export const headSchema = z.strictObject({ ledger: hexSchema, seq: z.int().min(0), hash: hexSchema });
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
    approval: z.string(),
    check: checkSchema,
    expiresAt: isoSchema,
  }),
  z.strictObject({ outcome: z.literal("declined"), check: checkSchema }),
]);
export type SignResult = z.infer<typeof signResultSchema>;

export const quoteSchema = z.strictObject({
  outcome: z.enum(["allow", "hold", "decline"]),
  checks: z.array(checkSchema),
});
export type Quote = z.infer<typeof quoteSchema>;

const scopeStateSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(["household", "unlock", "agent", "session"]),
  endsAt: isoSchema.optional(),
  /** One entry per budget and limit, as if nothing more were asked. */
  left: z.array(checkSchema),
});

export const statusSchema = z.strictObject({
  version: z.string(),
  state: z.enum(["locked", "unlocked", "frozen"]),
  frozenBy: codeSchema.optional(),
  /** The caller runs under the signer's own user: every promise against it is advisory. */
  sameUid: z.boolean(),
  policy: z.strictObject({ version: z.int(), hash: hexSchema }).optional(),
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
  head: headSchema,
});
export type Status = z.infer<typeof statusSchema>;

export const paymentRowSchema = z.strictObject({
  seq: z.int(),
  at: isoSchema,
  agent: z.string(),
  id: intentIdSchema,
  state: z.enum(["reserved", "expired"]),
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

const pageSchema = { limit: z.int().min(1).max(1000).optional(), before: z.int().optional() };

const budgetParams = { session: sessionIdSchema.optional() };

const signParams = z.strictObject({
  intent: intentSchema,
  session: sessionIdSchema.optional(),
  context: jsonObjectSchema.optional(),
});
export type SignParams = z.infer<typeof signParams>;

const empty = z.strictObject({});

const historyResult = z.strictObject({ payments: z.array(paymentRowSchema), next: z.int().optional() });
const budgetResult = z.strictObject({ scopes: z.array(scopeStateSchema) });
const intents = z.array(intentSchema).min(1).max(8);

export const AGENT_METHODS = {
  "signer.status": { params: empty, result: statusSchema },
  "wallet.addresses": {
    params: empty,
    result: z.strictObject({ accounts: z.array(z.strictObject({ rail: z.string(), address: z.string() })) }),
  },
  "session.open": {
    params: z.strictObject({ policy: jsonObjectSchema }),
    result: z.strictObject({ session: sessionIdSchema, endsAt: isoSchema }),
  },
  "session.close": { params: z.strictObject({ session: sessionIdSchema }), result: empty },
  "payment.quote": {
    params: z.strictObject({ intents, session: sessionIdSchema.optional() }),
    result: z.array(quoteSchema),
  },
  "payment.sign": { params: signParams, result: signResultSchema },
  "budget.get": { params: z.strictObject(budgetParams), result: budgetResult },
  "history.list": { params: z.strictObject(pageSchema), result: historyResult },
} as const;

export const OPERATOR_METHODS = {
  "signer.status": { params: empty, result: statusSchema },
  "vault.offer": {
    params: empty,
    result: z.strictObject({ publicKey: base64urlSchema, ledger: headSchema }),
  },
  "vault.unlock": {
    params: z.strictObject({
      ephemeral: base64urlSchema,
      box: base64urlSchema,
      sealed: base64urlSchema,
      /** The newest head the operator has seen: a ledger that does not contain it was rolled back. */
      lastHead: headSchema.optional(),
      scope: z.strictObject({
        endsAt: isoSchema.optional(),
        spend: usdSchema.optional(),
        count: z.int().min(1).max(1_000_000_000).optional(),
      }),
    }),
    result: statusSchema,
  },
  "vault.lock": { params: empty, result: statusSchema },
  "policy.get": {
    params: empty,
    result: z.strictObject({
      policy: z
        .strictObject({ version: z.int(), hash: hexSchema, appliedAt: isoSchema, document: jsonObjectSchema })
        .optional(),
      /** What to hand back as `base`: the applied document's hash, or "" when there is none. */
      base: z.string(),
      head: headSchema,
    }),
  },
  "policy.apply": {
    params: z.strictObject({ document: jsonObjectSchema, base: z.string() }),
    result: z.strictObject({
      version: z.int(),
      hash: hexSchema,
      head: headSchema,
      /** Agents whose socket opens only at the next start of the signer. */
      restartFor: z.array(z.string()),
    }),
  },
  "payment.quote": {
    params: z.strictObject({
      intents,
      agent: agentNameSchema.optional(),
      document: jsonObjectSchema.optional(),
    }),
    result: z.array(quoteSchema),
  },
  "budget.get": {
    params: z.strictObject({ agent: agentNameSchema.optional(), ...budgetParams }),
    result: budgetResult,
  },
  "history.list": {
    params: z.strictObject({ agent: agentNameSchema.optional(), since: isoSchema.optional(), ...pageSchema }),
    result: historyResult,
  },
  /** Audit rows in order, raw, for filtering and verifying; `counters` comes with the last page. */
  "audit.query": {
    params: z.strictObject({ after: z.int().min(0), limit: z.int().min(1).max(5000).optional() }),
    result: z.strictObject({
      rows: z.array(auditRowSchema),
      head: headSchema,
      counters: z.array(z.tuple([z.string(), z.int(), z.string()])).optional(),
    }),
  },
} as const;

type Methods = typeof AGENT_METHODS & typeof OPERATOR_METHODS;
export type AgentMethod = keyof typeof AGENT_METHODS;
export type OperatorMethod = keyof typeof OPERATOR_METHODS;
export type Method = AgentMethod | OperatorMethod;
export type ParamsOf<M extends keyof Methods> = z.infer<Methods[M]["params"]>;
export type ResultOf<M extends keyof Methods> = z.infer<Methods[M]["result"]>;
