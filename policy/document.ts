// The policy document: read, checked as a whole, compiled. A document on disk changes nothing until it is applied.
import { hash } from "node:crypto";
import type { z } from "zod";
import { type MicroUsd, parsePrice, parseUsd } from "../protocol/amount.ts";
import { PINNED_ASSETS, type PinnedAsset, assetKey, assetRegistry } from "../protocol/assets.ts";
import { X402Error } from "../protocol/errors.ts";
import { canonicalJson } from "../protocol/json.ts";
import type { Caip2 } from "../protocol/networks.ts";
import { compileApprove } from "./approve.ts";
import { budgetsOf, compileRules, restsOnClaims } from "./compile.ts";
import { countersOf } from "./counters.ts";
import { expiryOf } from "./expiry.ts";
import { inOneLine, problemsOf } from "./problems.ts";
import {
  type AssetDocument,
  type PolicyDocument,
  type RulesDocument,
  assetParts,
  documentSchema,
  sessionSchema,
} from "./schema.ts";
import type { Budget, Depeg, Policy } from "./scope.ts";
import { compileWindow, parseDuration } from "./windows.ts";

/** A document must fit into one request line, with room around it. */
export const MAX_DOCUMENT_BYTES = 48 * 1024;
const MAX_SESSION_BYTES = 16 * 1024;
const MAX_SESSION_BUDGETS = 16;
const DEFAULT_VALIDITY = "10m";
export const DEFAULT_TIMEZONE = "UTC";
/** Cardano's fee and the ADA that a token must carry are about 1.4 ADA. */
const DEFAULT_NETWORK_FEE = "1.00";

/** A compiled document. */
export interface Household {
  readonly document: PolicyDocument;
  /** SHA-256 (hex) of the document's canonical JSON. */
  readonly hash: string;
  readonly policy: Policy;
  readonly agents: ReadonlyMap<string, Policy>;
  /** Unix ms by agent: from then on it may pay nothing. */
  readonly expiries: ReadonlyMap<string, number>;
  /** The pinned assets and the document's own, by assetKey. */
  readonly registry: ReadonlyMap<string, PinnedAsset>;
  readonly timezone: string;
  /** Seconds that an authorization may be valid at most. */
  readonly maxValidity: number;
  /** What may be given back on proof in one day; nothing when the document does not say. */
  readonly maxRelease: MicroUsd;
}

/**
 * A document in canonical form. Throws POLICY_INVALID, naming the path of what is wrong: unknown fields, wrong
 * values, assets that are not in the registry, and a document in which no USD budget binds without claims.
 */
export function parseDocument(json: unknown): PolicyDocument {
  const document = read(documentSchema, json, MAX_DOCUMENT_BYTES);
  const problems = [...assetProblems(document), ...unboundProblem(document), ...idleProblems(document)];
  if (problems.length > 0) throw invalid(problems);
  return document;
}

export function compileHousehold(document: PolicyDocument): Household {
  const timezone = document.timezone ?? DEFAULT_TIMEZONE;
  const agents = Object.entries(document.agents ?? {});
  return {
    document,
    hash: hash("sha256", canonicalJson(document)),
    policy: {
      ...compileRules(document, timezone),
      ...compileApprove(document),
      maxNetworkFee: parseUsd(document.maxNetworkFee ?? DEFAULT_NETWORK_FEE),
      ...(document.depeg && { depeg: compileDepeg(document.depeg) }),
    },
    agents: new Map(
      agents.map(([name, rules]) => [name, { ...compileRules(rules, timezone), ...compileApprove(rules) }]),
    ),
    expiries: new Map(
      agents.flatMap(([name, { expires }]) => (expires ? [[name, expiryOf(expires, timezone)]] : [])),
    ),
    registry: assetRegistry((document.assets ?? []).map(pinned)),
    timezone,
    maxValidity: validityOf(document),
    maxRelease: parseUsd(document.maxReleasePerDay ?? "0"),
  };
}

const compileDepeg = ({ max, maxAge }: NonNullable<PolicyDocument["depeg"]>): Depeg => ({
  max: parsePrice(max),
  maxAge: (parseDuration(maxAge) ?? 0) * 1000,
});

/** Seconds that an authorization may be valid at most. */
export const validityOf = ({
  maxValidity = DEFAULT_VALIDITY,
}: {
  maxValidity?: string | undefined;
}): number => parseDuration(maxValidity) ?? 0;

/**
 * The rules that a client brings for its own session: the same fields without agents, assets, timezone and validity.
 * It can only narrow, so it need not hold a budget. Throws POLICY_INVALID.
 */
export function compileSession(json: unknown, timezone: string): Policy {
  const rules = read(sessionSchema, json, MAX_SESSION_BYTES);
  if ((rules.budgets?.length ?? 0) > MAX_SESSION_BUDGETS) {
    throw invalid([`budgets: must be at most ${MAX_SESSION_BUDGETS} in a session`]);
  }
  return compileRules(rules, timezone);
}

/** The fuel of an unlock: ordinary budgets that end with it. */
export function unlockPolicy(limits: { spend?: MicroUsd; count?: bigint }, timezone: string): Policy {
  const window = compileWindow("total", timezone);
  const common = { window, code: "UNLOCK_BUDGET_EXCEEDED", claimed: false } as const;
  const budgets: Budget[] = [];
  if (limits.spend !== undefined) budgets.push({ name: "spend", limit: limits.spend, ...common });
  if (limits.count !== undefined) budgets.push({ name: "count", count: limits.count, ...common });
  return { budgets, counters: countersOf(budgets, new Map()), needsSite: false };
}

const pinned = ({ name, version, tokenProgram, pegged, ...asset }: AssetDocument): PinnedAsset => ({
  ...asset,
  pegged: pegged ?? false,
  ...(name !== undefined && { name }),
  ...(version !== undefined && { version }),
  ...(tokenProgram && { tokenProgram }),
});

function read<T extends z.ZodType>(schema: T, json: unknown, maxBytes: number): z.output<T> {
  const text = JSON.stringify(json, (key, value: unknown) => {
    // An object's own "__proto__" is skipped by what iterates keys: a rule that would silently be missing.
    if (key === "__proto__") throw invalid(["__proto__: not known to this version"]);
    return value;
  }) as string | undefined;
  if (text === undefined || Buffer.byteLength(text) > maxBytes) {
    throw invalid([`must be an object of at most ${maxBytes} bytes`]);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw invalid(problemsOf(parsed.error));
  return parsed.data;
}

const invalid = (problems: readonly string[]): X402Error =>
  new X402Error("POLICY_INVALID", inOneLine(problems));

const PINNED_KEYS: ReadonlySet<string> = new Set(
  PINNED_ASSETS.map((asset) => assetKey(asset.network, asset.address)),
);

function assetProblems(document: PolicyDocument): string[] {
  const problems: string[] = [];
  const keys = new Set<string>(PINNED_KEYS);
  (document.assets ?? []).forEach((asset, i) => {
    const key = assetKey(asset.network, asset.address);
    if (PINNED_KEYS.has(key)) problems.push(`assets[${i}].address: is pinned already`);
    else if (keys.has(key)) problems.push(`assets[${i}].address: is listed twice`);
    keys.add(key);
  });
  const symbols = new Set([...PINNED_ASSETS, ...(document.assets ?? [])].map(({ symbol }) => symbol));
  const isKnown = (item: string): boolean => {
    const parts = assetParts(item);
    return parts ? keys.has(assetKey(parts.network as Caip2, parts.address)) : symbols.has(item);
  };
  const all: [string, RulesDocument][] = [["", document]];
  for (const [name, rules] of Object.entries(document.agents ?? {})) all.push([`agents.${name}.`, rules]);
  return [...problems, ...all.flatMap(([path, rules]) => unknownAssets(path, rules, isKnown))];
}

function unknownAssets(path: string, rules: RulesDocument, isKnown: (item: string) => boolean): string[] {
  const named = [
    ...(rules.allowedAssets ?? []).map((item) => ["allowedAssets", item] as const),
    ...(rules.budgets ?? []).map(({ match }, i) => [`budgets[${i}].match.asset`, match?.asset] as const),
  ];
  return named
    .filter(([, item]) => item !== undefined && !isKnown(item))
    .map(([field, item]) => `${path}${field}: ${item ?? ""} is neither pinned nor in assets`);
}

/** How to ask, and nothing to ask about. */
function idleProblems(document: PolicyDocument): string[] {
  const agents = Object.entries(document.agents ?? {}).map(
    ([name, rules]) => [`agents.${name}.`, rules] as const,
  );
  return [["", document] as const, ...agents].flatMap(([path, { approve, priceJump }]) => {
    const { expires: _e, deskMax: _d, ...asked } = approve ?? {};
    const isIdle = approve !== undefined && !priceJump && Object.keys(asked).length === 0;
    return isIdle ? [`${path}approve: needs something to ask about: above, newRecipient, ...`] : [];
  });
}

function unboundProblem(document: PolicyDocument): string[] {
  const binds = budgetsOf(document).some(
    (budget) => budget.limit !== undefined && budget.window !== "session" && !restsOnClaims(budget),
  );
  if (binds) return [];
  const ways = "perDayMax, perWeekMax, perMonthMax, totalMax or a budget by facts alone";
  return [`needs a USD limit that binds without claims: ${ways}`];
}
