// The bodies of audit rows: what is written, and the strict reader of those that the signer itself reads back.
// docs/ledger.md lists every kind.
import { hash } from "node:crypto";
import { z } from "zod";
import type { RowAddition } from "../../protocol/audit.ts";
import type { Addition, Check } from "../../policy/evaluate.ts";
import { caip2Schema, type PaymentIntent } from "../../protocol/intent.ts";
import { codeSchema } from "../../protocol/shapes.ts";

const additionSchema = z.tuple([z.string(), z.int(), z.string()]);

const claimsSchema = z.strictObject({
  origin: z.string().optional(),
  path: z.string().optional(),
  query: z.string().optional(),
  method: z.string().optional(),
  category: z.string().optional(),
});
export type RecordedClaims = z.infer<typeof claimsSchema>;

/** Who asked, as the kernel says (SO_PEERCRED). */
const peerSchema = z.strictObject({ uid: z.int(), gid: z.int(), pid: z.int() });

/** What is recorded of every payment that was decided for. */
const paid = {
  at: z.int(),
  agent: z.string(),
  id: z.string(),
  fingerprint: z.string(),
  scheme: z.string(),
  network: caip2Schema,
  asset: z.string(),
  symbol: z.string(),
  decimals: z.int(),
  amount: z.string(),
  usd: z.string(),
  outflow: z.array(z.tuple([z.string(), z.string(), z.enum(["payment", "fee", "minAda"])])).optional(),
  rates: z.record(z.string(), z.string()).optional(),
  payTo: z.string(),
  from: z.string(),
  claims: claimsSchema,
  session: z.string().optional(),
  peer: peerSchema.optional(),
  policy: z.int(),
  policyHash: z.string().optional(),
  unlock: z.int(),
  expires: z.int(),
  add: z.array(additionSchema),
  used: z.array(z.string()).optional(),
};

const reservedSchema = z.strictObject({
  kind: z.enum(["payment.reserved", "payment.redrafted"]),
  ...paid,
  draft: z.string(),
  approval: z.int().optional(),
  booked: z.array(additionSchema).optional(),
  previous: z.int().optional(),
});
export type ReservedBody = z.infer<typeof reservedSchema>;

const IS_DRAFT = /^\{"kind":"payment\.re(served|drafted)"/;

/** The body of a reservation or of its new draft; undefined for a row of another kind, without parsing it. */
export function readReserved(body: string): ReservedBody | undefined {
  return IS_DRAFT.test(body) ? reservedSchema.parse(JSON.parse(body)) : undefined;
}

const checkSchema = z.strictObject({
  scope: z.string(),
  rule: z.string(),
  code: codeSchema,
  claimed: z.boolean(),
});

const heldSchema = z.strictObject({
  kind: z.literal("payment.held"),
  ...paid,
  until: z.int(),
  checks: z.array(checkSchema).min(1),
});
export type HeldBody = z.infer<typeof heldSchema>;

const HELD = '{"kind":"payment.held"';

/** The body of a hold; undefined for a row of another kind. */
export const readHeld = (body: string): HeldBody | undefined =>
  body.startsWith(HELD) ? heldSchema.parse(JSON.parse(body)) : undefined;

const approvedSchema = z.strictObject({
  kind: z.literal("payment.approved"),
  at: z.int(),
  approval: z.int(),
  agent: z.string(),
  id: z.string(),
  network: caip2Schema,
  asset: z.string(),
  amount: z.string(),
  payTo: z.string(),
  usd: z.string(),
  claims: claimsSchema,
  until: z.int(),
  by: z.enum(["operator", "desk"]),
  remember: z.string().optional(),
  peer: peerSchema.optional(),
});
export type ApprovedBody = z.infer<typeof approvedSchema>;

const APPROVED = '{"kind":"payment.approved"';

/** The body of an approval; undefined for a row of another kind. */
export const readApproved = (body: string): ApprovedBody | undefined =>
  body.startsWith(APPROVED) ? approvedSchema.parse(JSON.parse(body)) : undefined;

export const writeAdditions = (additions: readonly Addition[]): RowAddition[] =>
  additions.map(({ key, bucket, amount }) => [key, bucket, amount.toString()]);

export const readAdditions = (rows: readonly RowAddition[]): Addition[] =>
  rows.map(([key, bucket, amount]) => ({ key, bucket, amount: BigInt(amount) }));

/** `add` as a row has it, and `used`: what each of its counters holds with it. */
export const countedFields = (add: readonly Addition[], used: readonly bigint[]) =>
  add.length === 0 ? {} : { add: writeAdditions(add), used: used.map(String) };

const addsSchema = z.object({ add: z.array(additionSchema).optional() });

/** Additions of any row's body; most kinds have none. */
export function additionsOf(body: string): Addition[] {
  const { add } = addsSchema.parse(JSON.parse(body));
  return readAdditions(add ?? []);
}

const MAX_PATH = 512;

/** What the record keeps of a URL: origin, path and a hash of the query, which may hold anything. */
export function recordedClaims({ url, method, category }: PaymentIntent["claims"]): RecordedClaims {
  const rest = {
    ...(method === undefined ? {} : { method }),
    ...(category === undefined ? {} : { category }),
  };
  if (url === undefined || !URL.canParse(url)) return rest;
  const { origin, pathname, search } = new URL(url);
  return {
    origin: origin.slice(0, MAX_PATH),
    path: pathname.slice(0, MAX_PATH),
    ...(search === "" ? {} : { query: hash("sha256", search).slice(0, 16) }),
    ...rest,
  };
}

/** What a decline row names: the one binding check. */
export const recordedCheck = ({ scope, rule, code, claimed }: Check) => ({ scope, rule, code, claimed });
