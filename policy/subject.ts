// A payment as the rules see it: each property in the one form that is compared, worked out once and only if asked.
import { hash } from "node:crypto";
import { type MicroUsd, microUsdAtPar } from "../protocol/amount.ts";
import { type PinnedAsset, assetKey, canonicalAddress } from "../protocol/assets.ts";
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

export class Subject {
  readonly payment: Payment;
  readonly network: string;
  readonly assetKey: string;
  readonly payee: string;
  /** The whole outflow, each part rounded up; parts without a USD value are not in it. */
  readonly usd: MicroUsd;
  /** Every part of the outflow has a USD value. */
  readonly priced: boolean;
  #site: Site | null | undefined;

  constructor(payment: Payment) {
    const { asset, intent, outflow } = payment;
    this.payment = payment;
    this.network = asset.network;
    this.assetKey = assetKey(asset.network, asset.address);
    this.payee = canonicalAddress(asset.network, intent.payTo);
    let usd = 0n;
    let priced = true;
    for (const part of outflow) {
      if (part.asset.pegged) usd += microUsdAtPar(part.amount, part.asset.decimals);
      else priced = false;
    }
    this.usd = usd;
    this.priced = priced;
  }

  /** What the claimed URL says, or undefined when it cannot be read. */
  get site(): Site | undefined {
    if (this.#site === undefined) this.#site = siteOf(this.payment.intent.claims.url) ?? null;
    return this.#site ?? undefined;
  }

  matches(match: Match): boolean {
    if (match.network !== undefined && match.network !== this.network) return false;
    if (match.recipient !== undefined && match.recipient !== this.payee) return false;
    if (match.asset && !inAssets(match.asset, this.payment.asset, this.assetKey)) return false;
    if (match.category !== undefined && match.category !== this.#category()) return false;
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
        return this.#category();
      case "domain":
        return this.site?.domain;
      case "resource":
        return this.site?.resource;
    }
  }

  #category(): string {
    return canonicalCategory(this.payment.intent.claims.category);
  }
}
