// A payment as the rules see it: each property in the one form that is compared, worked out once and only if asked.
import { hash } from "node:crypto";
import { type MicroUsd, ONE_DOLLAR, type Price, microUsdAt } from "../protocol/amount.ts";
import { type Outflow, type PinnedAsset, assetKey, canonicalAddress } from "../protocol/assets.ts";
import { type Site, inDomains, siteOf } from "./domains.ts";
import type { Payment } from "./evaluate.ts";
import type { AssetList, Match, Per } from "./scope.ts";

/** Claims name a category freely: " Data Feeds" -> "data_feeds"; what cannot be one is "other". */
export function canonicalCategory(claimed: string | undefined): string {
  const name = (claimed ?? "").trim().toLowerCase().replaceAll(/[ -]/g, "_");
  return /^[a-z][a-z0-9_]*$/.test(name) ? name : "other";
}

export const inAssets = (list: AssetList, asset: PinnedAsset, key: string): boolean =>
  list.symbols.has(asset.symbol) || list.keys.has(key);

type Value = Pick<Subject, "usd" | "networkFee" | "priced">;

/** A stablecoin counts at one dollar, or at its price if that is higher; any other asset at its price. */
function valueOf(outflow: Outflow, price: (symbol: string) => Price | undefined): Value {
  let usd = 0n;
  let networkFee = 0n;
  let priced = true;
  for (const { asset, amount, why } of outflow) {
    const known = price(asset.symbol);
    const rate = asset.pegged && (known === undefined || known < ONE_DOLLAR) ? ONE_DOLLAR : known;
    if (rate === undefined) {
      priced = false;
      continue;
    }
    const part = microUsdAt(amount, asset.decimals, rate);
    usd += part;
    if (why !== "payment") networkFee += part;
  }
  return { usd, networkFee, priced };
}

const recorded = (usd: MicroUsd): Value => ({ usd, networkFee: 0n, priced: true });

export class Subject {
  readonly payment: Payment;
  readonly network: string;
  readonly assetKey: string;
  readonly payee: string;
  /** The whole outflow, each part rounded up; parts without a USD value are not in it. */
  readonly usd: MicroUsd;
  /** Of it, what is not the payment: fee, and ADA that a token must carry. */
  readonly networkFee: MicroUsd;
  /** Every part of the outflow has a USD value. */
  readonly priced: boolean;
  #site: Site | null | undefined;
  #category: string | undefined;

  constructor(payment: Payment, price: (symbol: string) => Price | undefined) {
    const { asset, intent } = payment;
    this.payment = payment;
    this.network = asset.network;
    this.assetKey = assetKey(asset.network, asset.address);
    this.payee = canonicalAddress(asset.network, intent.payTo);
    const { usd, networkFee, priced } =
      payment.usd === undefined ? valueOf(payment.outflow, price) : recorded(payment.usd);
    this.usd = usd;
    this.networkFee = networkFee;
    this.priced = priced;
  }

  /** What the claimed URL says, or undefined when it cannot be read. */
  get site(): Site | undefined {
    if (this.#site === undefined) this.#site = siteOf(this.payment.intent.claims.url) ?? null;
    return this.#site ?? undefined;
  }

  /** What the claimed category is compared as; "other" without one. */
  get category(): string {
    this.#category ??= canonicalCategory(this.payment.intent.claims.category);
    return this.#category;
  }

  matches(match: Match): boolean {
    if (match.network !== undefined && match.network !== this.network) return false;
    if (match.recipient !== undefined && match.recipient !== this.payee) return false;
    if (match.asset && !inAssets(match.asset, this.payment.asset, this.assetKey)) return false;
    if (match.category !== undefined && match.category !== this.category) return false;
    return !match.domain || (this.site !== undefined && inDomains(match.domain, this.site.domain));
  }

  /** The value that a `per` budget counts by, short enough for a key; undefined when the claim cannot be read. */
  valueOf(per: Per): string | undefined {
    const value = this.#value(per);
    return value === undefined || value.length <= 96 ? value : `#${hash("sha256", value)}`;
  }

  #value(per: Per): string | undefined {
    switch (per) {
      case "recipient":
        return this.payee;
      case "asset":
        return this.assetKey;
      case "network":
        return this.network;
      case "category":
        return this.category;
      case "domain":
        return this.site?.domain;
      case "resource":
        return this.site?.resource;
    }
  }
}
