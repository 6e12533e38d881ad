// Counters of a new policy document, filled from the record: a budget that is new to the document must know what was
// spent before it. The difference between what the record gives and what is counted already is added with the row that
// applies the document, in the same transaction.
import { isOver } from "../policy/counters.ts";
import { type Household, compileHousehold, parseDocument } from "../policy/document.ts";
import { type Addition, type Payment, additions } from "../policy/evaluate.ts";
import { type PinnedAsset, assetKey } from "../protocol/assets.ts";
import { X402Error } from "../protocol/errors.ts";
import { assumed, assumedKeys } from "./assume.ts";
import type { AcceptedRow } from "./ledger/accepted.ts";
import { MOST_COUNTED } from "./ledger/counters.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type ReservedBody, readReserved } from "./ledger/rows.ts";
import { scopesUnder } from "../policy/chain.ts";
import type { Wallet } from "./wallet.ts";

export function fillCounters(wallet: Wallet, next: Household): Addition[] {
  const { ledger, scopes } = wallet;
  ledger.lapse();
  const books = ledger.books();
  // What a checkpoint may have forgotten must not be counted a second time.
  const isOpen = ({ key, bucket }: Addition): boolean =>
    !isOver(key, bucket, books.now) && !scopes.hasEnded(key, bucket, books.now);
  const once = new CountedOnce(intents(ledger, "draft <> seq"));
  // What was given back is booked no more.
  const released = intents(ledger, "state = 'released'");
  const sums = new Map<string, Addition>();
  for (const { seq, body } of ledger.wholeRows()) {
    const row = readable(wallet, seq, body);
    if (!row || released.has(nameOf(row))) continue;
    for (const addition of once.fresh(row, countedUnder(next, row).filter(isOpen))) count(sums, addition);
  }
  for (const { row } of ledger.holds.open())
    for (const addition of countedUnder(next, row).filter(isOpen)) count(sums, addition);
  for (const addition of lost(ledger, next, sums)) if (isOpen(addition)) count(sums, addition);
  return [...sums.values()].flatMap(({ key, bucket, amount }) => {
    const missing = (amount < MOST_COUNTED ? amount : MOST_COUNTED) - books.used(key, bucket, bucket);
    return missing > 0n ? [{ key, bucket, amount: missing }] : [];
  });
}

/** Rows from before the last checkpoint are first read here. What one of them spent cannot be guessed. */
function readable(wallet: Wallet, seq: number, body: string): ReservedBody | undefined {
  try {
    return readReserved(body);
  } catch {
    wallet.lock("the ledger is damaged");
    throw wallet.ledger.damaged(seq);
  }
}

function count(sums: Map<string, Addition>, addition: Addition): void {
  const id = idOf(addition);
  sums.set(id, { ...addition, amount: addition.amount + (sums.get(id)?.amount ?? 0n) });
}

/** What was accepted as lost, in counters that the document of that time did not have. */
function* lost(ledger: Ledger, next: Household, sums: ReadonlyMap<string, Addition>): Iterable<Addition> {
  const used = (key: string, from: number, to: number): bigint =>
    [...sums.values()]
      .filter((sum) => sum.key === key && sum.bucket >= from && sum.bucket <= to)
      .reduce((total, { amount }) => total + amount, 0n);
  for (const row of ledger.accepted) {
    const filled = filledWith(ledger, row);
    for (const addition of assumed(next, row.assume, row.at, used))
      if (!filled.has(addition.key)) yield addition;
  }
}

/** Keys of the counters that the row filled: those of the document in force then, and none where that cannot be read. */
function filledWith(ledger: Ledger, { seq, at }: AcceptedRow): ReadonlySet<string> {
  const newest = ledger
    .select("SELECT seq, hash FROM policies WHERE seq < ? ORDER BY version DESC LIMIT 1")
    .get(seq) as { seq: number; hash: string } | undefined;
  if (!newest || newest.hash === "") return new Set();
  try {
    const { document } = JSON.parse(ledger.body(newest.seq)) as { document: unknown };
    return assumedKeys(compileHousehold(parseDocument(document)), at);
  } catch (error) {
    if (error instanceof X402Error && error.code === "LEDGER_DAMAGED") return new Set();
    throw error;
  }
}

const idOf = ({ key, bucket }: Addition): string => `${key}\n${bucket}`;

const nameOf = ({ agent, id }: { agent: string; id: string }): string => `${agent}\n${id}`;

function intents(ledger: Ledger, where: "draft <> seq" | "state = 'released'"): ReadonlySet<string> {
  const rows = ledger.select(`SELECT agent, id FROM payments WHERE ${where}`).iterate();
  return new Set(Array.from(rows as Iterable<{ agent: string; id: string }>, nameOf));
}

/** An intent that was drafted again counts once in every window that any of its drafts touches: the dearest of them. */
class CountedOnce {
  readonly #redrafted: ReadonlySet<string>;
  readonly #counted = new Map<string, Map<string, bigint>>();

  constructor(redrafted: ReadonlySet<string>) {
    this.#redrafted = redrafted;
  }

  /** Of what a draft adds, what no draft of the same intent in an earlier row did. */
  fresh(row: ReservedBody, add: readonly Addition[]): readonly Addition[] {
    const intent = nameOf(row);
    if (!this.#redrafted.has(intent)) return add;
    const counted = this.#counted.get(intent) ?? new Map<string, bigint>();
    this.#counted.set(intent, counted);
    return add.flatMap((addition) => {
      const before = counted.get(idOf(addition)) ?? 0n;
      if (addition.amount <= before) return [];
      counted.set(idOf(addition), addition.amount);
      return [{ ...addition, amount: addition.amount - before }];
    });
  }
}

/** What a recorded draft adds, or would have added, under this document. */
export function countedUnder(next: Household, row: Counted): Addition[] {
  return additions(scopesUnder(next, row.agent), paymentOf(next, row), row.at, row.unlock);
}

/** The members of a row that its counters are worked out from. */
export type Counted = Omit<
  ReservedBody,
  "kind" | "draft" | "add" | "used" | "booked" | "previous" | "approval"
>;

/** A recorded payment as a decision sees it, at what it was counted for. */
export function paymentOf(next: Household, row: Counted): Payment {
  const { agent, id, scheme, network, payTo, from, claims } = row;
  const { origin, path, method, category } = claims;
  const amount = BigInt(row.amount);
  const known = next.registry.get(assetKey(network, row.asset)) ?? formerAsset(row);
  const asset = { ...known, decimals: row.decimals };
  return {
    agent,
    asset,
    from,
    outflow: [],
    usd: BigInt(row.usd),
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

/** An asset that the document no longer has was paid with all the same. */
const formerAsset = ({ network, asset, symbol, decimals }: Counted): PinnedAsset => ({
  ...{ network, symbol, decimals },
  address: asset,
  pegged: true,
});
