// Cases for a document: payments, and what should become of them. Each says its own time and prices, so that it answers
// the same for ever. docs/policy.md has the form.
import { z } from "zod";
import { parseCardanoAddress } from "../protocol/cardano-address.ts";
import { isCode } from "../protocol/errors.ts";
import { networkOf, railOf } from "../protocol/networks.ts";
import { agentNameSchema } from "../protocol/shapes.ts";
import { solanaBytes } from "../protocol/solana-address.ts";
import { evmAddress } from "./address.ts";
import { inOneLine, problemsOf } from "./problems.ts";

const MAX_TIMES = 100_000;
const MAX_CASES = 10_000;

const network = z.string({ error: "must be a network" }).transform((text, context) => {
  const id = networkOf(text);
  if (id !== undefined) return id;
  context.addIssue({ code: "custom", message: 'must be a network such as "base" or "eip155:8453"' });
  return z.NEVER;
});
const decimal = z
  .string({ error: 'must be a decimal string such as "0.25"' })
  .regex(/^(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?$/, 'must be a decimal string such as "0.25"');

const time = z.iso.datetime({ offset: true, error: 'must be a time such as "2026-11-20T12:00:00Z"' });

const fields = {
  network,
  asset: z.string({ error: "must be a symbol or an address" }).min(1).max(160),
  to: z.string({ error: "must be an address" }).max(160),
  amount: decimal,
  at: time,
  url: z.string().max(4096).optional(),
  category: z.string().max(50).optional(),
  agent: agentNameSchema.optional(),
  /** On Cardano: the fee and the ADA that goes along, in ADA. */
  networkFee: decimal.optional(),
  timeoutSeconds: z.int().min(1).max(31_536_000).optional(),
};
const defaultsSchema = z.strictObject(fields).partial();
const price = z.union([decimal, z.strictObject({ usd: decimal, at: time })], {
  error: 'must be a decimal string such as "0.41", or that as usd with the time at which it was set',
});
const prices = z.record(z.string().regex(/^[A-Za-z0-9.+-]{1,16}$/), price).optional();

const PAYEES = {
  evm: evmAddress,
  solana: solanaBytes,
  cardano: parseCardanoAddress,
} as const;

function isPayee({ network, to }: { network: string; to: string }): boolean {
  const rail = railOf(network);
  return rail === undefined || PAYEES[rail](to) !== undefined;
}
const wrongPayee = { path: ["to"], message: "must be an address on its network, with the right checksum" };

const paymentSchema = z.strictObject(fields).refine(isPayee, wrongPayee);
export type CasePayment = z.output<typeof paymentSchema>;

const caseSchema = z.strictObject({
  name: z.string({ error: "must be text" }).min(1).max(200),
  payment: paymentSchema,
  spent: z
    .array(
      z
        .strictObject({ ...fields, times: z.int().min(1).max(MAX_TIMES).optional() })
        .refine(isPayee, wrongPayee),
    )
    .max(1000)
    .optional(),
  prices,
  expect: z.string().refine((text) => text === "allow" || isCode(text), 'must be "allow" or a code'),
});
export type Case = z.output<typeof caseSchema>;

const fileSchema = z.strictObject({
  policy: z.string().min(1).optional(),
  defaults: defaultsSchema.optional(),
  prices,
  cases: z.array(z.looseObject({}), { error: "must be a list of cases" }).min(1).max(MAX_CASES),
});

export interface Cases {
  /** The document's file, as the cases name it. */
  readonly policy: string | undefined;
  readonly cases: readonly Case[];
}

/** What is wrong with a file of cases, with its path. */
export class CasesInvalid extends Error {}

/** Throws CasesInvalid for everything but cases: unknown fields, wrong values, times out of order. */
export function parseCases(json: unknown): Cases {
  const file = read(fileSchema, json, []);
  const defaults = (json as { defaults?: object }).defaults ?? {};
  const cases = (json as { cases: object[] }).cases.map((one, i) => {
    const whole = read(caseSchema, withDefaults(one, defaults), ["cases", i]);
    assertOrder(whole, i);
    return { ...whole, prices: whole.prices ?? file.prices };
  });
  return { policy: file.policy, cases };
}

function read<T extends z.ZodType>(schema: T, json: unknown, at: readonly PropertyKey[]): z.output<T> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({ ...issue, path: [...at, ...issue.path] }));
  throw new CasesInvalid(inOneLine(problemsOf(new z.ZodError(issues))));
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Fields that a payment lacks. What is no object is left for the schema to refuse. */
function withDefaults(one: object, defaults: object): unknown {
  const filled = (value: unknown): unknown => (isObject(value) ? { ...defaults, ...value } : value);
  const { payment, spent } = one as { payment?: unknown; spent?: unknown };
  return {
    ...one,
    payment: filled(payment),
    ...(spent !== undefined && { spent: Array.isArray(spent) ? spent.map(filled) : spent }),
  };
}

function assertOrder({ payment, spent }: Case, i: number): void {
  const late = (spent ?? []).findIndex(({ at }) => Date.parse(at) > Date.parse(payment.at));
  if (late !== -1) throw new CasesInvalid(`cases[${i}].spent[${late}].at: is after the payment`);
}
