// Payments that have expired and of which nobody has shown what became of them, for a desk to look up on their chains.
import { formatUsd } from "../protocol/amount.ts";
import type { Unresolved } from "../protocol/finding.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { PaymentState } from "./ledger/payments.ts";
import type { ReservedBody } from "./ledger/rows.ts";
import { listedDraft, listedDraftAt } from "./listed.ts";
import { railNamed } from "./rails.ts";
import type { Wallet } from "./wallet.ts";

const DEFAULT_LIMIT = 100;
/** Rows that one call reads: a long record is paged, and holds nobody up. */
const MAX_ROWS_READ = 2000;

interface Page {
  /** Ledger position: reservations after it. */
  readonly after?: number | undefined;
  readonly limit?: number | undefined;
}

/** Oldest first; `next` while there may be more. */
export function unresolved(
  { ledger, rails }: Wallet,
  { after = 0, limit = DEFAULT_LIMIT }: Page,
): { payments: Unresolved[]; next?: number } {
  const now = ledger.latest();
  const payments: Unresolved[] = [];
  let read = 0;
  for (const { seq, body } of ledger.wholeRows(after)) {
    const row = listedDraft(body);
    const newest = row?.kind === "payment.reserved" ? newestUnresolved(ledger, row) : undefined;
    if (newest && newest.expires * 1000 <= now) {
      const { agent, id, network, asset, usd } = newest;
      const trace = railNamed(rails, network).trace(Buffer.from(newest.draft, "base64"));
      const signedAt = new Date(row?.at ?? newest.at).toISOString();
      payments.push({ agent, id, network, asset, usd: formatUsd(BigInt(usd)), signedAt, trace });
    }
    if (payments.length === limit || ++read === MAX_ROWS_READ) return { payments, next: seq };
  }
  return { payments };
}

/** The row with the newest draft, unless the payment is final. */
function newestUnresolved(ledger: Ledger, { agent, id }: ReservedBody): ReservedBody | undefined {
  const entry = ledger
    .select("SELECT draft, state FROM payments WHERE agent = ? AND id = ?")
    .get(agent, id) as { draft: number; state: PaymentState } | undefined;
  return entry?.state === "reserved" ? listedDraftAt(ledger, entry.draft) : undefined;
}
