// What was paid before, as far as a decision asks for it: payees, the resources that an agent says it pays for, and how
// often it paid the same one in a row. The ledger keeps it, as a function of its rows.
import { hash } from "node:crypto";
import type { MicroUsd } from "../protocol/amount.ts";
import { canonicalAddress } from "../protocol/assets.ts";
import type { Caip2 } from "../protocol/networks.ts";
import { type Site, siteOf } from "./domains.ts";

/** Medians are of so many amounts, the newest. */
export const MOST_AMOUNTS = 31;
/** A resource is known with so many combinations of network, asset and payee, the newest. */
export const MOST_TERMS = 8;

/** A payee (network and address): a fact. */
export interface PayeeMemory {
  /** It was paid without anybody being asked. */
  readonly known: boolean;
  /** Up to so much for one payment it was approved for good. */
  readonly ceiling?: MicroUsd;
  /** Oldest first. */
  readonly amounts: readonly MicroUsd[];
}

/** A resource (origin and path): one agent's claim. */
export interface ResourceMemory {
  /** termsKey of each that was paid. */
  readonly terms: readonly string[];
  /** Oldest first. */
  readonly amounts: readonly MicroUsd[];
}

export interface Memory {
  payee(payeeKey: string): PayeeMemory | undefined;
  resource(agent: string, resource: string): ResourceMemory | undefined;
  /** How many payments in a row the agent's newest ones were to `subject`. */
  streak(agent: string, subject: string): number;
  /** Known payees (addresses) whose `mark` is this. */
  payeesMarked(mark: string): readonly string[];
  hosts(agent: string): readonly KnownHost[];
}

export interface KnownHost {
  readonly host: string;
  readonly skeleton: string;
}

export const payeeKey = (network: Caip2, address: string): string =>
  `${network}/${canonicalAddress(network, address)}`;

export const termsKey = (network: Caip2, asset: string, payTo: string): string =>
  `${network}/${canonicalAddress(network, asset)}/${canonicalAddress(network, payTo)}`;

/** The site of a claimed URL, read as the record keeps it: by origin and path. */
export function claimedSite(url: string | undefined): Site | undefined {
  const parsed = url === undefined ? null : URL.parse(url);
  return parsed === null ? undefined : siteOf(parsed.origin + parsed.pathname);
}

const SHORT = 200;
export const shortKey = (text: string): string => (text.length <= SHORT ? text : `#${hash("sha256", text)}`);

/** What payments in a row are compared by: the resource, or the payee where none is claimed. */
export const streakSubject = (site: Site | undefined, payee: string): string =>
  shortKey(site?.resource ?? payee);

/** Of an even number the lower middle; undefined of none. */
export function median(amounts: readonly MicroUsd[]): MicroUsd | undefined {
  const sorted = [...amounts].sort((a, b) => (a < b ? -1 : Number(a > b)));
  return sorted[(sorted.length - 1) >> 1];
}

const MARK = 4;

/**
 * The first and last four characters of an address, all that many a person compares; what all addresses of a rail begin
 * with is not among them. Undefined for one that is too short to have both.
 */
export function markOf(address: string): string | undefined {
  const body = address.replace(/^(?:0x|addr(?:_test)?1)/, "");
  return body.length < 3 * MARK ? undefined : `${body.slice(0, MARK)}…${body.slice(-MARK)}`;
}
