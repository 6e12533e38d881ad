// The audit rows as they are hashed, a page at a time, oldest first; the counters come with the last page, so that the
// caller can recompute both the chain and the sums, and with them the seal: head and counters, signed.
import type { RowAddition } from "../protocol/audit.ts";
import type { AuditRow, Head } from "../protocol/shapes.ts";
import type { Wallet } from "./wallet.ts";

const DEFAULT_LIMIT = 1000;
/** Below the longest reply line, with room for JSON's escapes. */
const MAX_PAGE_CHARS = 1_000_000;

interface AuditPage {
  rows: AuditRow[];
  head: Head;
  counters?: RowAddition[];
  seal?: string;
}

export function auditPage(
  wallet: Wallet,
  { after, limit = DEFAULT_LIMIT }: { after: number; limit?: number },
): AuditPage {
  const rows: AuditRow[] = [];
  const head = wallet.ledger.head();
  let chars = 0;
  for (const row of wallet.ledger.rowsAfter(after)) {
    rows.push(row);
    chars += row.body.length;
    if (rows.length === limit || chars > MAX_PAGE_CHARS) break;
  }
  if ((rows.at(-1)?.seq ?? after) < head.seq) return { rows, head };
  return { rows, head, ...sealed(wallet, head) };
}

function sealed({ ledger, keyring }: Wallet, head: Head): Pick<AuditPage, "counters" | "seal"> {
  const counters = [...ledger.counters()].map(({ key, bucket, amount }): RowAddition => [
    key,
    bucket,
    `${amount}`,
  ]);
  const sums = { ...head, counters: ledger.countersHash(), at: ledger.latest() };
  const seal = keyring.attest("x402-seal", sums);
  return { counters, ...(seal === undefined ? {} : { seal }) };
}
