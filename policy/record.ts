// What a replay reads of the record: the bodies of audit rows, in order. docs/ledger.md lists their fields.
import { z } from "zod";
import { caip2Schema } from "../protocol/intent.ts";

const text = z.string();
const count = z.string().regex(/^[0-9]{1,78}$/);

const draftSchema = z.object({
  kind: z.enum(["payment.reserved", "payment.redrafted"]),
  at: z.int(),
  agent: text,
  id: text,
  network: caip2Schema,
  asset: text,
  symbol: text,
  decimals: z.int().min(0).max(36),
  amount: count,
  usd: count,
  outflow: z.array(z.tuple([text, count, z.enum(["payment", "fee", "minAda"])])).optional(),
  rates: z.record(text, text).optional(),
  payTo: text,
  claims: z.object({
    origin: text.optional(),
    path: text.optional(),
    method: text.optional(),
    category: text.optional(),
  }),
  unlock: z.int(),
  expires: z.int(),
});
export type DraftRow = z.output<typeof draftSchema>;

const releasedSchema = z.object({
  kind: z.literal("payment.released"),
  at: z.int(),
  agent: text,
  id: text,
});

const priceSchema = z.object({
  kind: z.literal("price.set"),
  at: z.int(),
  symbol: text,
  usd: text,
  maxAge: z.int(),
});
export type PriceRow = z.output<typeof priceSchema>;

const acceptedSchema = z.object({ kind: z.literal("ledger.accepted"), at: z.int() });

const rowSchema = z.discriminatedUnion("kind", [draftSchema, releasedSchema, priceSchema, acceptedSchema]);
export type ReplayRow = z.output<typeof rowSchema>;

/** The kinds of rows that a replay asks for. */
export const REPLAYED: ReadonlySet<string> = new Set([
  "payment.reserved",
  "payment.redrafted",
  "payment.released",
  "price.set",
  "ledger.accepted",
]);

/** Undefined for a body that is no row of these kinds. */
export function readReplayRow(body: string): ReplayRow | undefined {
  try {
    return rowSchema.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

/** The intent that a row is about. */
export const intentOf = ({ agent, id }: { agent: string; id: string }): string => `${agent}\n${id}`;
