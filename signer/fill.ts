// Counters of a new policy document, filled from the record: a budget that is new to the document must know what was
// spent before it. The difference between what the record gives and what is counted already is added with the row that
// applies the document, in the same transaction.
import { isOver } from "../policy/counters.ts";
import type { Household } from "../policy/document.ts";
import { type Addition, type Payment, additions } from "../policy/evaluate.ts";
import { type PinnedAsset, assetKey } from "../protocol/assets.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type ReservedBody, readReserved } from "./ledger/rows.ts";
import { scopesUnder } from "./scopes.ts";
import type { Wallet } from "./wallet.ts";

/** A counter on disk has 64 bits. More than any limit, so that a budget that is filled with this is full. */
const MOST_COUNTED = 1n << 62n;

export function fillCounters({ ledger, scopes }: Wallet, next: Household): Addition[] {
  const sums = new Map<string, Addition>();
  for (const { body } of ledger.rowsAfter(0)) {
    const row = readReserved(body);
    if (!row) continue;
    for (const addition of row.kind === "payment.reserved"
      ? countedUnder(next, row)
      : newlyTouched(ledger, next, row)) {
      const id = `${addition.key}\n${addition.bucket}`;
      sums.set(id, { ...addition, amount: addition.amount + (sums.get(id)?.amount ?? 0n) });
    }
  }
  const books = ledger.books();
  return [...sums.values()].flatMap(({ key, bucket, amount }) => {
    const missing = (amount < MOST_COUNTED ? amount : MOST_COUNTED) - books.used(key, bucket, bucket);
    // What a checkpoint may have forgotten must not be counted a second time.
    const over = isOver(key, bucket, books.now) || scopes.hasEnded(key, bucket);
    return missing > 0n && !over ? [{ key, bucket, amount: missing }] : [];
  });
}

/** What a recorded draft adds, or would have added, under this document. */
export function countedUnder(next: Household, row: ReservedBody): Addition[] {
  return additions(scopesUnder(next, row.agent), paymentOf(next, row), row.at, row.unlock);
}

/** An intent that was drafted again counts once in every window that any of its drafts touches. */
function newlyTouched(ledger: Ledger, next: Household, row: ReservedBody): Addition[] {
  const first = ledger.find(row.agent, row.id)?.reservation.fields.seq ?? 0;
  const before = new Set<string>();
  for (const { seq, body } of ledger.rowsAfter(first - 1)) {
    const earlier = readReserved(body);
    if (earlier?.agent !== row.agent || earlier.id !== row.id) continue;
    if (earlier.at >= row.at && seq !== first) break;
    for (const { key, bucket } of countedUnder(next, earlier)) before.add(`${key}\n${bucket}`);
  }
  return countedUnder(next, row).filter(({ key, bucket }) => !before.has(`${key}\n${bucket}`));
}

function paymentOf(next: Household, row: ReservedBody): Payment {
  const { agent, id, scheme, network, payTo, from, claims } = row;
  const { origin, path, method, category } = claims;
  const amount = BigInt(row.amount);
  const asset = next.registry.get(assetKey(network, row.asset)) ?? formerAsset(row);
  return {
    agent,
    asset,
    from,
    outflow: [{ asset, amount, why: "payment" }],
    expiresAt: row.expires * 1000,
    intent: {
      ...{ id, scheme, network, asset: row.asset, payTo, amount, maxTimeoutSeconds: 1 },
      claims: {
        ...(origin === undefined ? {} : { url: origin + (path ?? "/") }),
        ...(method === undefined ? {} : { method }),
        ...(category === undefined ? {} : { category }),
      },
    },
  };
}

/** An asset that the document no longer has was paid with all the same, at par as it was then. */
const formerAsset = ({ network, asset, symbol, decimals }: ReservedBody): PinnedAsset => ({
  ...{ network, symbol, decimals },
  address: asset,
  name: symbol,
  version: "1",
  pegged: true,
});
