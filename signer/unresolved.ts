// Payments that have expired and of which nobody has shown what became of them, for a desk to look up on their chains.
import { formatUsd } from "../protocol/amount.ts";
import type { Unresolved } from "../protocol/finding.ts";
import { type Caip2, railOf } from "../protocol/networks.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { PaymentState } from "./ledger/payments.ts";
import type { ReservedBody } from "./ledger/rows.ts";
import { listedDraft, listedDraftAt } from "./listed.ts";
import type { Wallet } from "./wallet.ts";

const DEFAULT_LIMIT = 100;
/** Rows that one call reads: a long record is paged, and holds nobody up. */
const MAX_ROWS_READ = 2000;

interface Page {
  /** Ledger position: reservations after it. */
  readonly after?: number | undefined;
  readonly limit?: number | undefined;
}

interface Unresolveds {
  readonly payments: Unresolved[];
  /** Networks of payments that are left out: this process has not loaded the rail that can say how to ask about them. */
  readonly unloaded?: Caip2[];
  /** While there may be more. */
  readonly next?: number;
}

/** Oldest first. */
export function unresolved(wallet: Wallet, { after = 0, limit = DEFAULT_LIMIT }: Page): Unresolveds {
  const { ledger } = wallet;
  const now = ledger.latest();
  const payments: Unresolved[] = [];
  const unloaded = new Set<Caip2>();
  let read = 0;
  for (const { seq, body } of ledger.wholeRows(after)) {
    const row = listedDraft(body);
    const newest = row?.kind === "payment.reserved" ? newestUnresolved(ledger, row) : undefined;
    if (newest && newest.expires * 1000 <= now) {
      const payment = described(wallet, newest, row?.at ?? newest.at);
      if (payment) payments.push(payment);
      else unloaded.add(newest.network);
    }
    if (payments.length === limit || ++read === MAX_ROWS_READ) return page(payments, unloaded, seq);
  }
  return page(payments, unloaded);
}

const page = (payments: Unresolved[], unloaded: ReadonlySet<Caip2>, next?: number): Unresolveds => ({
  payments,
  ...(unloaded.size > 0 && { unloaded: [...unloaded] }),
  ...(next !== undefined && { next }),
});

/** `firstAt` in unix ms. */
function described({ rails }: Wallet, newest: ReservedBody, firstAt: number): Unresolved | undefined {
  const { agent, id, network, asset, usd, at, draft } = newest;
  const rail = rails.get(railOf(network) ?? "");
  return (
    rail && {
      ...{ agent, id, network, asset },
      usd: formatUsd(BigInt(usd)),
      signedAt: new Date(firstAt).toISOString(),
      draftedAt: new Date(at).toISOString(),
      trace: rail.trace(Buffer.from(draft, "base64")),
    }
  );
}

/** The row with the newest draft, unless the payment is final. */
function newestUnresolved(ledger: Ledger, { agent, id }: ReservedBody): ReservedBody | undefined {
  const entry = ledger
    .select("SELECT draft, state FROM payments WHERE agent = ? AND id = ?")
    .get(agent, id) as { draft: number; state: PaymentState } | undefined;
  return entry?.state === "reserved" ? listedDraftAt(ledger, entry.draft) : undefined;
}
