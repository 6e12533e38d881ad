// The rows by which the operator accepted something, as later readers of the record need them.
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { AuditRow } from "../../protocol/shapes.ts";
import type { Chain } from "./chain.ts";

const acceptedSchema = z.looseObject({
  kind: z.literal("ledger.accepted"),
  at: z.int(),
  code: z.string(),
  damaged: z.array(z.int()).optional(),
  assume: z.union([z.literal("full"), z.string().regex(/^[0-9]+$/)]),
});

export interface AcceptedRow {
  readonly seq: number;
  /** Unix ms. */
  readonly at: number;
  /** Micro-USD. */
  readonly assume: "full" | bigint;
  /** What was accepted. */
  readonly code: string;
  /** Rows that nobody reads any more. */
  readonly damaged: readonly number[];
}

const PREFIX = '{"kind":"ledger.accepted"';

/** The rows that this one accepts as damaged. */
export function acceptedDamage({ body }: AuditRow): readonly number[] {
  if (!body.startsWith(PREFIX)) return [];
  return acceptedSchema.parse(JSON.parse(body)).damaged ?? [];
}

/** Oldest first, without those that are damaged themselves: the start finds them, and one that accepts that comes last. */
export function readAccepted(db: DatabaseSync, chain: Chain): AcceptedRow[] {
  const rows = db.prepare("SELECT seq FROM accepted ORDER BY seq").all() as { seq: number }[];
  return rows.flatMap(({ seq }) => {
    const body = chain.wholeBody(seq);
    if (body === undefined) return [];
    const { at, code, assume, damaged } = acceptedSchema.parse(JSON.parse(body));
    return {
      seq,
      at,
      code,
      assume: assume === "full" ? assume : BigInt(assume),
      damaged: damaged ?? [],
    };
  });
}
