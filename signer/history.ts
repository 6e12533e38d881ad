// Payments on record, newest first, a page at a time. Filtered by reading rows backwards, within a bound per call: a
// caller that asks for a rare agent gets short pages with a `next`, and holds nobody up.
import { formatUsd } from "../protocol/amount.ts";
import type { PaymentRow } from "../protocol/shapes.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { PaymentState } from "./ledger/payments.ts";
import type { ReservedBody } from "./ledger/rows.ts";
import { listedDraft, listedDraftAt } from "./listed.ts";

const DEFAULT_LIMIT = 50;
const MAX_ROWS_READ = 2000;

export interface HistoryFilter {
  readonly agent?: string;
  readonly since?: string;
  readonly limit?: number;
  /** Ledger position: rows before it. */
  readonly before?: number;
}

export function history(ledger: Ledger, filter: HistoryFilter): { payments: PaymentRow[]; next?: number } {
  const { limit = DEFAULT_LIMIT, before = Number.MAX_SAFE_INTEGER } = filter;
  const since = filter.since === undefined ? 0 : Date.parse(filter.since);
  const now = ledger.latest();
  const payments: PaymentRow[] = [];
  const find = ledger.select("SELECT draft, state FROM payments WHERE agent = ? AND id = ?");
  const standingOf = (seq: number, row: ReservedBody): Standing => {
    const { draft, state } = find.get(row.agent, row.id) as { draft: number; state: PaymentState };
    const newest = draft === seq ? row : listedDraftAt(ledger, draft);
    return { state, expires: newest?.expires ?? row.expires };
  };
  // Whose row it is can be told without reading it: a page of others' rows must not hold everybody up.
  const mine = filter.agent === undefined || since > 0 ? "" : `"agent":${JSON.stringify(filter.agent)}`;
  let read = 0;
  for (const { seq, body } of ledger.rowsBefore(before)) {
    const row = body.includes(mine) ? listedDraft(body) : undefined;
    if (row && row.at < since) return { payments };
    if (row?.kind === "payment.reserved" && (filter.agent ?? row.agent) === row.agent) {
      payments.push(paymentRow(seq, row, standingOf(seq, row), now));
    }
    if (payments.length === limit || ++read === MAX_ROWS_READ) return { payments, next: seq };
  }
  return { payments };
}

interface Standing {
  readonly state: PaymentState;
  /** Unix seconds, of the newest draft: an intent that was drafted again can still be settled. */
  readonly expires: number;
}

function paymentRow(seq: number, row: ReservedBody, { state, expires }: Standing, now: number): PaymentRow {
  const { at, agent, id, network, asset, symbol, amount, usd, payTo, from, session } = row;
  const { origin, path, category } = row.claims;
  return {
    seq,
    at: new Date(at).toISOString(),
    agent,
    id,
    state: state === "reserved" && expires * 1000 <= now ? "expired" : state,
    network,
    asset,
    symbol,
    amount,
    usd: formatUsd(BigInt(usd)),
    payTo,
    from,
    ...(origin === undefined ? {} : { origin }),
    ...(path === undefined ? {} : { path }),
    ...(category === undefined ? {} : { category }),
    ...(session === undefined ? {} : { session }),
    expiresAt: new Date(expires * 1000).toISOString(),
  };
}
