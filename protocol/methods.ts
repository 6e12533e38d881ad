// Every method on the signer's sockets: the schema of its parameters and of its result. Types are inferred.
// docs/protocol.md shows each with an example.
import { z } from "zod";
import { findingSchema, reconcileSchema, unresolvedSchema } from "./finding.ts";
import { caip2Schema, intentIdSchema, intentSchema } from "./intent.ts";
import { metricsSchema, observedRowSchema } from "./observed.ts";
import {
  agentNameSchema,
  isoSchema,
  usdSchema,
  hexSchema,
  base64urlSchema,
  sessionIdSchema,
  jsonObjectSchema,
  codeSchema,
  headSchema,
  signResultSchema,
  quoteSchema,
  scopeStateSchema,
  statusSchema,
  paymentRowSchema,
  attestationSchema,
  auditRowSchema,
  approvalNameSchema,
  approvalSchema,
  approvalStateSchema,
  checkSchema,
  freezeSchema,
  unfreezeSchema,
} from "./shapes.ts";

/** As the registry writes it. */
const symbolSchema = z.string().regex(/^[A-Za-z0-9.+-]{1,16}$/);
/** USD for one whole unit, with up to twelve decimals. */
const priceSchema = z.string().regex(/^(0|[1-9][0-9]{0,8})(\.[0-9]{1,12})?$/);

/** They must fit into a request line. */
const MAX_FINDINGS = 100;

const pageSchema = { limit: z.int().min(1).max(1000).optional(), before: z.int().optional() };

const budgetParams = { session: sessionIdSchema.optional() };

const signParams = z.strictObject({
  intent: intentSchema,
  session: sessionIdSchema.optional(),
  context: jsonObjectSchema.optional(),
});
export type SignParams = z.infer<typeof signParams>;

const empty = z.strictObject({});
/** All agents when it is absent. */
const ofAgent = z.strictObject({ agent: agentNameSchema.optional() });

const historyResult = z.strictObject({ payments: z.array(paymentRowSchema), next: z.int().optional() });
const budgetResult = z.strictObject({ scopes: z.array(scopeStateSchema) });
const intents = z.array(intentSchema).min(1).max(8);
/** What is known of each network that the intents name: protocol/context.ts. */
const contexts = z.partialRecord(caip2Schema, jsonObjectSchema).optional();

/** Milliseconds that an answer may wait for a change; longer waits are asked for again. */
const waitMs = z.int().min(0).max(60_000).optional();

const approvalList = {
  params: z.strictObject({ after: z.int().min(0).optional(), waitMs }),
  result: z.strictObject({
    approvals: z.array(approvalSchema),
    /** What to hand back as `after`: the position of the last change. */
    at: z.int(),
  }),
} as const;
const approved = z.discriminatedUnion("outcome", [
  z.strictObject({ outcome: z.literal("approved"), expiresAt: isoSchema, head: headSchema }),
  z.strictObject({ outcome: z.literal("declined"), check: checkSchema }),
]);
const approvalDeny = {
  params: z.strictObject({ approval: approvalNameSchema }),
  result: z.strictObject({ head: headSchema }),
} as const;

const receiptResult = z.strictObject({ receipt: attestationSchema });

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
    params: z.strictObject({ intents, session: sessionIdSchema.optional(), contexts }),
    result: z.array(quoteSchema),
  },
  "payment.sign": { params: signParams, result: signResultSchema },
  "approval.get": { params: z.strictObject({ id: intentIdSchema, waitMs }), result: approvalStateSchema },
  "budget.get": { params: z.strictObject(budgetParams), result: budgetResult },
  "history.list": { params: z.strictObject(pageSchema), result: historyResult },
  "receipt.get": { params: z.strictObject({ id: intentIdSchema }), result: receiptResult },
  "receipt.present": { params: z.strictObject({ receipt: attestationSchema }), result: empty },
} as const;

export const OPERATOR_METHODS = {
  "signer.status": { params: empty, result: statusSchema },
  "vault.offer": {
    params: empty,
    result: z.strictObject({
      publicKey: base64urlSchema,
      ledger: headSchema,
      /** The vault that it was last unlocked with; it takes no other. */
      vault: z.string().optional(),
    }),
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
      /** Rails that are loaded only at the next start. */
      restartForRails: z.array(z.string()),
    }),
  },
  "approval.list": approvalList,
  "approval.approve": {
    params: z.strictObject({
      approval: approvalNameSchema,
      /** Makes the payee known: payments to it up to this many USD each are not held for what they are paid to. */
      remember: z.strictObject({ ceiling: usdSchema }).optional(),
    }),
    result: approved,
  },
  "approval.deny": approvalDeny,
  "agent.freeze": { params: ofAgent, result: freezeSchema },
  "agent.unfreeze": { params: ofAgent, result: unfreezeSchema },
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
  /** What one whole unit of an asset costs, for `maxAge` seconds from now. */
  "price.set": {
    params: z.strictObject({
      symbol: symbolSchema,
      usd: priceSchema,
      maxAge: z.int().min(60).max(2_592_000),
    }),
    result: z.strictObject({ head: headSchema }),
  },
  "price.list": {
    params: empty,
    result: z.strictObject({
      prices: z.array(
        z.strictObject({
          ...{ symbol: z.string(), usd: priceSchema, at: isoSchema, until: isoSchema },
          /** It is not too old. */
          fresh: z.boolean(),
        }),
      ),
    }),
  },
  /** What the signer found wrong, if anything; empty `code` means nothing. */
  "ledger.inspect": {
    params: empty,
    result: z.strictObject({
      code: codeSchema.optional(),
      detail: z.string().optional(),
      /** The newest row that is known to be missing. */
      lost: z.strictObject({ seq: z.int(), hash: hexSchema }).optional(),
      policy: z.strictObject({ version: z.int(), hash: hexSchema }).optional(),
      head: headSchema,
      /** Declines and sessions are not written any more: the rest of the disk is for payments. */
      spaceIsLow: z.boolean(),
    }),
  },
  "ledger.accept": {
    params: z.strictObject({
      /** What `ledger.inspect` said: another problem is not accepted by mistake. */
      code: codeSchema,
      /** USD to count as spent without a record; when it is absent every open window counts as full. */
      assume: usdSchema.optional(),
      /** The newest head that the operator has seen. */
      lastHead: headSchema.optional(),
    }),
    result: z.strictObject({
      seq: z.int(),
      /** Files of the old ledger, moved aside under these names. */
      setAside: z.array(z.string()),
      head: headSchema,
    }),
  },
  "receipt.get": {
    params: z.strictObject({ agent: agentNameSchema.optional(), id: intentIdSchema }),
    result: receiptResult,
  },
  /** Audit rows in order, raw, for filtering and verifying; the last page has more. */
  "audit.query": {
    params: z.strictObject({ after: z.int().min(0), limit: z.int().min(1).max(5000).optional() }),
    result: z.strictObject({
      rows: z.array(auditRowSchema),
      head: headSchema,
      counters: z.array(z.tuple([z.string(), z.int(), z.string()])).optional(),
      /** Head and counters, signed; absent while locked. */
      seal: attestationSchema.optional(),
    }),
  },
} as const;

/** For the operator's helpers that touch a network: what one of them may do is bounded, whoever it obeys. */
export const DESK_METHODS = {
  "ledger.unresolved": {
    params: z.strictObject({ after: z.int().min(0).optional(), limit: z.int().min(1).max(500).optional() }),
    result: z.strictObject({
      payments: z.array(unresolvedSchema),
      /** Networks of payments that are left out: the signer has not loaded their rail. */
      unloaded: z.array(caip2Schema).optional(),
      next: z.int().optional(),
    }),
  },
  "ledger.reconcile": {
    params: z.strictObject({ findings: z.array(findingSchema).min(1).max(MAX_FINDINGS) }),
    result: reconcileSchema,
  },
  "approval.list": approvalList,
  /** Up to `approve.deskMax`. */
  "approval.approve": { params: z.strictObject({ approval: approvalNameSchema }), result: approved },
  "approval.deny": approvalDeny,
  "agent.freeze": { params: ofAgent, result: freezeSchema },
} as const;

/** For what only looks on. */
export const OBSERVER_METHODS = {
  "signer.status": { params: empty, result: statusSchema },
  "budget.get": {
    params: z.strictObject({ agent: agentNameSchema.optional() }),
    result: budgetResult,
  },
  "history.list": {
    params: z.strictObject({ agent: agentNameSchema.optional(), since: isoSchema.optional(), ...pageSchema }),
    result: z.strictObject({ payments: z.array(observedRowSchema), next: z.int().optional() }),
  },
  /** From now on the connection gets notifications `event`, with a signerEventSchema each. */
  "events.subscribe": { params: empty, result: empty },
  "metrics.get": { params: empty, result: metricsSchema },
} as const;

type Methods = typeof AGENT_METHODS & typeof OPERATOR_METHODS & typeof DESK_METHODS;
export type AgentMethod = keyof typeof AGENT_METHODS;
export type OperatorMethod = keyof typeof OPERATOR_METHODS;
export type DeskMethod = keyof typeof DESK_METHODS;
export type ObserverMethod = keyof typeof OBSERVER_METHODS;
export type Method = AgentMethod | OperatorMethod;
export type ParamsOf<M extends keyof Methods> = z.infer<Methods[M]["params"]>;
export type ResultOf<M extends keyof Methods> = z.infer<Methods[M]["result"]>;
