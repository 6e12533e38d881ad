// Payments of the past under another document: what it would have declined, had it been applied at an instant. What
// was paid before that instant is counted as it was, as applying a document does; from there on each payment is
// decided at its own time, and only what is allowed is counted.
//
// A payment counts for what it was counted for then. An intent is decided once, at its first draft; a later draft adds
// what it adds to the windows that it reaches. What was given back later is given back here, if it was counted.
import { formatPrice, parsePrice } from "../protocol/amount.ts";
import { type Outflow, type PinnedAsset, feeAsset } from "../protocol/assets.ts";
import { leastLife } from "../protocol/networks.ts";
import type { Known } from "./books.ts";
import type { Household } from "./document.ts";
import { type Addition, type Payment, binding } from "./evaluate.ts";
import { type DraftRow, type PriceRow, type ReplayRow, intentOf } from "./record.ts";
import { Tally } from "./tally.ts";
import { ASSET_UNKNOWN, Trial } from "./trial.ts";

export interface ReplayOptions {
  /** Unix ms: from here on the document decides. */
  readonly since: number;
  /** How many payments that would not have passed are kept. */
  readonly listed: number;
  /** Intents that have another draft or a release in the record: what they added is remembered. */
  readonly unsettled: ReadonlySet<string>;
}

export class Replay {
  readonly tally: Tally;
  readonly #trial: Trial;
  readonly #options: ReplayOptions;
  readonly #prices = new Prices();
  readonly #added = new Map<string, Addition[]>();

  constructor(household: Household, options: ReplayOptions) {
    this.#trial = new Trial(household);
    this.#options = options;
    this.#trial.books.prices = this.#prices;
    this.tally = new Tally(options.listed);
  }

  /** Rows in the order of the record. */
  apply(row: ReplayRow, seq: number): void {
    const { books } = this.#trial;
    // The signer's own clock never runs back; a record is only as good as its writer.
    books.now = Math.max(books.now, row.at);
    this.#prices.now = books.now;
    if (row.kind === "price.set") this.#prices.take(row);
    else if (row.kind === "ledger.accepted") this.tally.gaps++;
    else if (row.kind === "payment.released") this.#release(intentOf(row));
    else this.#draft(row, seq);
  }

  #release(intent: string): void {
    this.#trial.books.takeBack(this.#added.get(intent) ?? []);
    this.#added.delete(intent);
  }

  #draft(row: DraftRow, seq: number): void {
    const intent = intentOf(row);
    this.#trial.books.unlock = row.unlock;
    this.#prices.rates = row.rates ?? {};
    if (row.kind === "payment.redrafted") this.#again(row, intent);
    else {
      const add = row.at < this.#options.since ? this.#count(row) : this.#decide(row, seq);
      if (add && this.#options.unsettled.has(intent)) this.#added.set(intent, [...add]);
    }
  }

  #count(row: DraftRow): readonly Addition[] {
    const asset = this.#trial.asset(row.network, row.asset) ?? formerAsset(row);
    return this.#trial.count({ ...this.#payment(row, asset), usd: BigInt(row.usd) });
  }

  /** What it adds; undefined when it would not have passed. */
  #decide(row: DraftRow, seq: number): readonly Addition[] | undefined {
    const asset = this.#trial.asset(row.network, row.asset);
    const decision = asset && this.#trial.pay(this.#payment(row, asset));
    const check = decision ? binding(decision) : ASSET_UNKNOWN;
    if (check) this.tally.refuse(row, seq, check);
    else this.tally.allow(row);
    return check ? undefined : decision?.add;
  }

  /** Another draft of what was counted: more of it in the same windows, or new windows. */
  #again(row: DraftRow, intent: string): void {
    const before = this.#added.get(intent);
    if (!before) return;
    const asset = this.#trial.asset(row.network, row.asset) ?? formerAsset(row);
    const all = this.#trial.additions({ ...this.#payment(row, asset), usd: BigInt(row.usd) });
    const fresh = all.map((addition) => ({
      ...addition,
      amount: addition.amount - amountIn(before, addition),
    }));
    const more = fresh.filter(({ amount }) => amount > 0n);
    this.#trial.books.add(more);
    before.push(...more);
  }

  #payment(row: DraftRow, known: PinnedAsset): Payment {
    const { agent, id, network, payTo, claims } = row;
    const asset = { ...known, decimals: row.decimals };
    const amount = BigInt(row.amount);
    return {
      agent,
      asset,
      from: "",
      outflow: outflowOf(row, asset, amount),
      // Of several parts each is needed: the network's has a limit of its own.
      ...(row.outflow ? {} : { usd: BigInt(row.usd) }),
      expiresAt: Math.min(row.expires * 1000, row.at + lifeOf(network, this.#trial.household)),
      intent: {
        ...{ id, scheme: "exact", network, asset: row.asset, payTo, amount, maxTimeoutSeconds: 1 },
        claims: {
          ...(claims.origin === undefined ? {} : { url: claims.origin + (claims.path ?? "/") }),
          ...(claims.category === undefined ? {} : { category: claims.category }),
        },
      },
    };
  }
}

/** In milliseconds, at most. */
const lifeOf = (network: string, { maxValidity }: Household): number =>
  Math.max(maxValidity, leastLife(network)) * 1000;

const amountIn = (additions: readonly Addition[], { key, bucket }: Addition): bigint =>
  additions.reduce((sum, add) => (add.key === key && add.bucket === bucket ? sum + add.amount : sum), 0n);

/** The network's part is in the network's own asset. */
function outflowOf({ network, outflow }: DraftRow, asset: PinnedAsset, amount: bigint): Outflow {
  if (!outflow) return [{ asset, amount, why: "payment" }];
  const fee = feeAsset(network) ?? asset;
  return outflow.map(([, units, why]) => ({
    asset: why === "payment" ? asset : fee,
    amount: BigInt(units),
    why,
  }));
}

/** An asset that the document does not have was paid with all the same. */
const formerAsset = ({ network, asset, symbol, decimals }: DraftRow): PinnedAsset => ({
  ...{ network, symbol, decimals },
  address: asset,
  pegged: true,
});

/** Prices as they were set, and before all what the payment itself was counted at. */
class Prices {
  now = 0;
  rates: Readonly<Record<string, string>> = {};
  readonly #known = new Map<string, Known & { readonly until: number }>();

  take({ at, symbol, usd, maxAge }: PriceRow): void {
    this.#known.set(symbol, { price: parsePrice(usd), at, until: at + maxAge * 1000 });
  }

  get(symbol: string): Known | undefined {
    const known = this.#known.get(symbol);
    const fresh = known && this.now < known.until ? known : undefined;
    const rate = Object.hasOwn(this.rates, symbol) ? this.rates[symbol] : undefined;
    if (rate === undefined) return fresh;
    if (fresh && formatPrice(fresh.price) === rate) return fresh;
    return { price: parsePrice(rate), at: fresh?.at ?? this.now };
  }
}
