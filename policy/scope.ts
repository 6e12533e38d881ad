// Every limit belongs to a scope: a policy with an owner and an end. A payment must pass all of its scopes, each with
// counters of its own; policies are never merged, so a scope that is added can only narrow.
import type { Code } from "../protocol/errors.ts";
import type { MicroUsd, Price } from "../protocol/amount.ts";
import type { Approve } from "./approve.ts";
import type { Counter } from "./counters.ts";
import type { DomainList } from "./domains.ts";
import type { Schedule } from "./schedule.ts";
import type { Window } from "./windows.ts";

export type ScopeKind = "household" | "unlock" | "agent" | "session";

export interface Scope {
  /** "household", "unlock:<seq>", "agent:<name>" or "session:<id>". */
  readonly id: string;
  readonly kind: ScopeKind;
  readonly policy: Policy;
  /** Unix ms; at this instant the scope is over. */
  readonly endsAt?: number;
  readonly frozen: boolean;
}

export const PERS = ["recipient", "domain", "resource", "asset", "network", "category"] as const;
/** What a budget may keep a separate counter for. */
export type Per = (typeof PERS)[number];

/** Pinned assets by assetKey or by symbol. A symbol is the registry's, never the seller's. */
export interface AssetList {
  readonly keys: ReadonlySet<string>;
  readonly symbols: ReadonlySet<string>;
}

/** Which payments a budget is about; all that are given must fit. Values are canonical. */
export interface Match {
  readonly asset?: AssetList;
  readonly network?: string;
  readonly recipient?: string;
  readonly domain?: DomainList;
  readonly category?: string;
}

/** A limit over a window: `limit` in micro-USD or `count` in payments, one of the two. */
export interface Budget {
  /** The sugar's field ("perDayMax"), "spend" or "count" of an unlock, or the document's name for it. */
  readonly name: string;
  readonly limit?: MicroUsd;
  readonly count?: bigint;
  readonly window: Window;
  readonly per?: Per;
  readonly match?: Match;
  readonly code: Code;
  /** The budget rests on the agent's claims. */
  readonly claimed: boolean;
}

/** When a stablecoin counts as one: its price is at most `max` from one dollar, and at most `maxAge` (ms) old. */
export interface Depeg {
  readonly max: Price;
  readonly maxAge: number;
}

/** The compiled rules of one scope. An absent list is no rule; an empty one passes nothing. */
export interface Policy {
  readonly networks?: ReadonlySet<string>;
  readonly assets?: AssetList;
  /** Canonical addresses: lower case on EVM. */
  readonly allowedRecipients?: ReadonlySet<string>;
  readonly blockedRecipients?: ReadonlySet<string>;
  readonly allowedDomains?: DomainList;
  readonly blockedDomains?: DomainList;
  /** In canonical spelling. */
  readonly allowedCategories?: ReadonlySet<string>;
  readonly blockedCategories?: ReadonlySet<string>;
  readonly schedule?: Schedule;
  readonly perCallMax?: MicroUsd;
  /** What a person is asked about. */
  readonly approve?: Approve;
  /** Of the household alone: what a network may take beside the payment. */
  readonly maxNetworkFee?: MicroUsd;
  /** Of the household alone. */
  readonly depeg?: Depeg;
  readonly budgets: readonly Budget[];
  /** What the budgets count, each thing once. */
  readonly counters: readonly Counter[];
  /** Some budget asks for the domain or resource, so a payment must have a readable URL. */
  readonly needsSite: boolean;
}
