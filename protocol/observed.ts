// What observers are shown: no payment's id, payload or receipt, for these are money or lead to it.
import { z } from "zod";
import { isCode, type Code } from "./errors.ts";
import { isoSchema, paymentRowSchema } from "./shapes.ts";

const count = z.int().min(0);
const counts = z.record(z.string(), count);
const milliseconds = z.number().min(0);

/** A payment as its agent's `history.list` has it, without the ids by which it could be asked for again. */
export const observedRowSchema = paymentRowSchema.omit({ id: true, session: true });

/**
 * The parameters of a notification `event`. `event` is "payment" or the kind of a row of the ledger; the other members
 * depend on it: docs/protocol.md.
 */
export const signerEventSchema = z.strictObject({
  event: z.string(),
  at: isoSchema,
  agent: z.string().optional(),
  network: z.string().optional(),
  amount: z.string().optional(),
  outcome: z.enum(["signed", "held", "declined"]).optional(),
  code: z.custom<Code>(isCode).optional(),
  rule: z.string().optional(),
  replayed: z.boolean().optional(),
  seq: z.int().optional(),
  approval: z.int().optional(),
  unlock: z.int().optional(),
  credential: z.string().optional(),
  generation: z.int().optional(),
  reason: z.string().optional(),
  version: z.int().optional(),
  hash: z.string().optional(),
  from: z.int().optional(),
  to: z.int().optional(),
});
export type SignerEvent = z.infer<typeof signerEventSchema>;

/** Counts since the signer started. */
export const metricsSchema = z.strictObject({
  at: isoSchema,
  /** Seconds. */
  uptime: count,
  /** Bytes of memory. */
  rss: count,
  payments: z.strictObject({ signed: count, replayed: count, declined: count, held: count }),
  /** By code. */
  declines: counts,
  /** By code: what was not considered. */
  errors: counts,
  commits: z.strictObject({
    count,
    payments: count,
    /** Of the last 1024 commits, from the first row to the disk. */
    ms: z.strictObject({ p50: milliseconds, p99: milliseconds, max: milliseconds }),
  }),
  /** By socket. `refused`: callers that may not use it. `crowded`: closed because there were too many. */
  connections: z.record(z.string(), z.strictObject({ open: count, refused: count, crowded: count })),
  subscribers: count,
  /** Lines that stderr did not take. */
  droppedLogLines: count,
});
export type Metrics = z.infer<typeof metricsSchema>;
