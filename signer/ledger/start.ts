// What is checked before a ledger is used: the mirrored head is reached, the rows since the last checkpoint chain up,
// and they give the counters on disk. A restart that finds anything else stops instead of signing on a lie.
import { z } from "zod";
import { genesisHash, rowHash } from "../../protocol/audit.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";
import type { Addition } from "../../policy/evaluate.ts";
import type { Chain } from "./chain.ts";
import type { Counters } from "./counters.ts";
import { additionsOf } from "./rows.ts";

export const CHECKPOINT_PREFIX = '{"kind":"checkpoint"';

const checkpointSchema = z.object({ kind: z.literal("checkpoint"), counters: z.string() });

/** Throws LEDGER_BEHIND and LEDGER_DAMAGED. Returns how many rows there are since the last checkpoint. */
export function verifyAtStart(chain: Chain, counters: Counters, mirrored: Head | undefined): number {
  if (mirrored && mirrored.seq > chain.seq) {
    throw new X402Error("LEDGER_BEHIND", `it ends at row ${chain.seq}, row ${mirrored.seq} was written`);
  }
  if (mirrored && !chain.contains(mirrored)) {
    throw new X402Error("LEDGER_DAMAGED", "it is not the ledger that the head file names");
  }
  const { checkpoint, rows } = sinceCheckpoint(chain);
  verifyChain(chain, checkpoint, rows);
  const additions = rows.flatMap((row): Addition[] => additionsOf(row.body));
  counters.verify(checkpoint && checkpointSchema.parse(JSON.parse(checkpoint.body)).counters, additions);
  return rows.length;
}

function sinceCheckpoint(chain: Chain): { checkpoint?: AuditRow; rows: AuditRow[] } {
  const rows: AuditRow[] = [];
  for (const row of chain.before(Number.MAX_SAFE_INTEGER)) {
    if (row.body.startsWith(CHECKPOINT_PREFIX)) return { checkpoint: row, rows: rows.reverse() };
    rows.push(row);
  }
  return { rows: rows.reverse() };
}

function verifyChain(chain: Chain, checkpoint: AuditRow | undefined, rows: AuditRow[]): void {
  let seq = checkpoint ? checkpoint.seq - 1 : 0;
  let hash = chain.row(seq)?.hash ?? genesisHash(chain.ledgerId);
  for (const row of checkpoint ? [checkpoint, ...rows] : rows) {
    hash = rowHash(hash, row.body);
    seq += 1;
    if (row.seq !== seq || row.hash !== hash) {
      throw new X402Error("LEDGER_DAMAGED", `row ${seq} does not continue the chain`);
    }
  }
}
