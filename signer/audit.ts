// The audit rows as they are hashed, a page at a time, oldest first; the counters come with the last page, so that the
// caller can recompute both the chain and the sums.
import type { RowAddition } from "../protocol/audit.ts";
import type { AuditRow, Head } from "../protocol/shapes.ts";
import type { Ledger } from "./ledger/ledger.ts";

const DEFAULT_LIMIT = 1000;
/** Below the longest reply line, with room for JSON's escapes. */
const MAX_PAGE_CHARS = 1_000_000;

interface AuditPage {
  rows: AuditRow[];
  head: Head;
  counters?: RowAddition[];
}

export function auditPage(
  ledger: Ledger,
  { after, limit = DEFAULT_LIMIT }: { after: number; limit?: number },
): AuditPage {
  const rows: AuditRow[] = [];
  const head = ledger.head();
  let chars = 0;
  for (const row of ledger.rowsAfter(after)) {
    rows.push(row);
    chars += row.body.length;
    if (rows.length === limit || chars > MAX_PAGE_CHARS) break;
  }
  if ((rows.at(-1)?.seq ?? after) < head.seq) return { rows, head };
  return { rows, head, counters: [...ledger.counters()].map((c) => [c.key, c.bucket, c.amount.toString()]) };
}
