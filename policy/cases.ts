// What a document says of a case: the decision of the signer, without one.
import { type MicroUsd, type Price, parsePrice, parseUnits } from "../protocol/amount.ts";
import { type Outflow, type PinnedAsset, canonicalAddress, feeAsset } from "../protocol/assets.ts";
import { leastLife } from "../protocol/networks.ts";
import { DEFAULT_AGENT } from "../protocol/places.ts";
import type { Known } from "./books.ts";
import { type Case, type CasePayment, CasesInvalid } from "./case-file.ts";
import type { Household } from "./document.ts";
import { type Check, type Payment, binding } from "./evaluate.ts";
import { Subject } from "./subject.ts";
import { ASSET_UNKNOWN, Trial } from "./trial.ts";

const DEFAULT_TIMEOUT = 60;

export interface Verdict {
  readonly got: string;
  readonly passed: boolean;
  /** The rule that said no. */
  readonly check: Check | undefined;
}

/** What the document says of the case. Throws CasesInvalid for a payment that it cannot be asked about. */
export function tryCase(household: Household, one: Case): Verdict {
  const trial = new Trial(household);
  trial.books.prices = pricesOf(one);
  const spent = [...(one.spent ?? [])].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  for (const before of spent) countBefore(trial, one, before);
  const payment = paymentOf(trial, one, one.payment);
  trial.books.now = Date.parse(one.payment.at);
  const check = payment ? binding(trial.pay(payment)) : ASSET_UNKNOWN;
  const got = check?.code ?? "allow";
  return { got, passed: got === one.expect, check };
}

/** What was not set at another time was set when the payment was asked for. */
function pricesOf(one: Case): ReadonlyMap<string, Known> {
  const prices = Object.entries(one.prices ?? {}).map(([symbol, known]): [string, Known] => {
    const { usd, at } = typeof known === "string" ? { usd: known, at: one.payment.at } : known;
    return [symbol, { price: priceOf(one, symbol, usd), at: Date.parse(at) }];
  });
  return new Map(prices);
}

function priceOf(one: Case, symbol: string, usd: string): Price {
  try {
    return parsePrice(usd);
  } catch {
    throw new CasesInvalid(`${one.name}: the price of ${symbol} has more than 12 decimals`);
  }
}

/** Counts it as it is: what was paid before was allowed by whatever held then. */
function countBefore(trial: Trial, one: Case, before: CasePayment & { times?: number | undefined }): void {
  trial.books.now = Date.parse(before.at);
  const payment = paymentOf(trial, one, before);
  if (!payment) throw new CasesInvalid(`${one.name}: spent: ${before.asset} is not known on this network`);
  const { usd, priced } = new Subject(payment, (symbol) => trial.books.price(symbol));
  if (!priced) throw new CasesInvalid(`${one.name}: spent: there is no price for it`);
  countTimes(trial, { ...payment, usd }, before.times ?? 1);
}

function countTimes(trial: Trial, payment: Payment, times: number): void {
  for (let n = 0; n < times; n++) trial.count(payment);
}

/** Undefined for an asset that the document does not know. */
function paymentOf({ household }: Trial, one: Case, asked: CasePayment): Payment | undefined {
  const asset = [...household.registry.values()].find(
    (known) => known.network === asked.network && isNamed(known, asked.asset),
  );
  if (!asset) return undefined;
  const { at, to, url, category, agent = DEFAULT_AGENT, timeoutSeconds = DEFAULT_TIMEOUT } = asked;
  const amount = unitsOf(one, "amount", asked.amount, asset.decimals);
  if (amount === 0n) throw new CasesInvalid(`${one.name}: amount: must be more than 0`);
  return {
    agent,
    asset,
    from: "",
    outflow: [{ asset, amount, why: "payment" }, ...feeOf(one, asked)],
    expiresAt: Date.parse(at) + lifeOf(asked.network, Math.min(timeoutSeconds, household.maxValidity)),
    intent: {
      ...{ id: "case-0000000000000000", scheme: "exact", network: asset.network, asset: asset.address },
      ...{ payTo: to, amount, maxTimeoutSeconds: timeoutSeconds },
      claims: { ...(url !== undefined && { url }), ...(category !== undefined && { category }) },
    },
  };
}

/** In milliseconds; `seconds` as far as seller and policy are asked. */
const lifeOf = (network: string, seconds: number): number => Math.max(seconds, leastLife(network)) * 1000;

/** Where the payer owes the network a fee, a case without one would pass what a signer declines. */
function feeOf(one: Case, { network, networkFee }: CasePayment): Outflow {
  const asset = feeAsset(network);
  if (!asset && networkFee === undefined) return [];
  if (!asset) throw new CasesInvalid(`${one.name}: networkFee: is for Cardano only`);
  if (networkFee === undefined)
    throw new CasesInvalid(
      `${one.name}: networkFee: must be given on Cardano, such as "0.2", or "1.4" with a token`,
    );
  return [{ asset, amount: unitsOf(one, "networkFee", networkFee, asset.decimals), why: "fee" }];
}

function unitsOf(one: Case, field: string, text: string, decimals: number): MicroUsd {
  try {
    return parseUnits(text, decimals);
  } catch {
    throw new CasesInvalid(`${one.name}: ${field}: has more than ${decimals} decimals`);
  }
}

const isNamed = ({ network, address, symbol }: PinnedAsset, name: string): boolean =>
  symbol === name || canonicalAddress(network, address) === canonicalAddress(network, name);
