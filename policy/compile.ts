// Rules -> Policy: everything that does not depend on a payment is worked out here, once.
import { parseUsd } from "../protocol/amount.ts";
import { assetKey } from "../protocol/assets.ts";
import type { Code } from "../protocol/errors.ts";
import type { Caip2 } from "../protocol/networks.ts";
import { countersOf, matchText } from "./counters.ts";
import { compileBlockedDomains, compileDomains } from "./domains.ts";
import { Schedule } from "./schedule.ts";
import { type BudgetDocument, type RulesDocument, assetParts } from "./schema.ts";
import type { AssetList, Budget, Match, Per, Policy } from "./scope.ts";
import { type Window, compileWindow } from "./windows.ts";

/** The fields that are short for a USD budget, and its window. */
export const SUGAR = {
  perSessionMax: "session",
  perDayMax: "day",
  perWeekMax: "week",
  perMonthMax: "month",
  totalMax: "total",
} as const;
export const SUGAR_FIELDS = Object.keys(SUGAR) as (keyof typeof SUGAR)[];

export function compileRules(rules: RulesDocument, timezone: string): Policy {
  const documents = budgetsOf(rules);
  const texts = new Map<Budget, string>();
  const windows = new Map<string, Window>();
  const budgets = documents.map((document) => {
    const window = windows.get(document.window) ?? compileWindow(document.window, timezone);
    windows.set(document.window, window);
    const budget = compileBudget(document, window);
    texts.set(budget, matchText(document.match));
    return budget;
  });
  return {
    ...compileLists(rules),
    ...(rules.schedule && { schedule: new Schedule(rules.schedule, timezone) }),
    ...(rules.perCallMax !== undefined && { perCallMax: parseUsd(rules.perCallMax) }),
    budgets,
    counters: countersOf(budgets, texts),
    needsSite: budgets.some(({ per, match }) => per === "domain" || per === "resource" || match?.domain),
  };
}

/** The sugar's budgets, then the document's own. A rule is named by its field or by `budgets` and its name. */
export function budgetsOf(rules: RulesDocument): BudgetDocument[] {
  const sugar = SUGAR_FIELDS.flatMap((name) => {
    const limit = rules[name];
    return limit === undefined ? [] : [{ name: name, limit, window: SUGAR[name] }];
  });
  const own = (rules.budgets ?? []).map((budget) => ({ ...budget, name: `budgets: ${budget.name}` }));
  return [...sugar, ...own];
}

function compileBudget(document: BudgetDocument, window: Window): Budget {
  const { name, limit, count, per, match } = document;
  return {
    name,
    ...(limit !== undefined && { limit: parseUsd(limit) }),
    ...(count !== undefined && { count: BigInt(count) }),
    window,
    ...(per && { per }),
    ...(match && { match: compileMatch(match) }),
    code: limit === undefined ? "VELOCITY_LIMIT_EXCEEDED" : budgetCode(window),
    claimed: restsOnClaims(document),
  };
}

const CLAIMED_PERS: readonly Per[] = ["domain", "resource", "category"];

/** The budget binds only an agent that says truly what it pays for. */
export const restsOnClaims = ({ per, match }: Pick<BudgetDocument, "per" | "match">): boolean =>
  (per !== undefined && CLAIMED_PERS.includes(per)) ||
  match?.domain !== undefined ||
  match?.category !== undefined;

const CALENDAR_CODES = {
  day: "DAILY_BUDGET_EXCEEDED",
  week: "WEEKLY_BUDGET_EXCEEDED",
  month: "MONTHLY_BUDGET_EXCEEDED",
} as const satisfies Record<string, Code>;

function budgetCode(window: Window): Code {
  if (window.kind === "calendar") return CALENDAR_CODES[window.calendar.unit];
  if (window.kind === "rolling") return "WINDOW_BUDGET_EXCEEDED";
  return window.kind === "session" ? "SESSION_BUDGET_EXCEEDED" : "BUDGET_EXCEEDED";
}

type Lists = Omit<Policy, "schedule" | "perCallMax" | "budgets" | "counters" | "needsSite">;

function compileLists(rules: RulesDocument): Lists {
  const { allowedNetworks, allowedAssets, allowedRecipients, blockedRecipients } = rules;
  return {
    ...(allowedNetworks && { networks: new Set<string>(allowedNetworks) }),
    ...(allowedAssets && { assets: compileAssets(allowedAssets) }),
    ...(allowedRecipients && { allowedRecipients: addresses(allowedRecipients) }),
    ...(blockedRecipients && { blockedRecipients: addresses(blockedRecipients) }),
    ...(rules.allowedDomains && { allowedDomains: compileDomains(rules.allowedDomains) }),
    ...(rules.blockedDomains && { blockedDomains: compileBlockedDomains(rules.blockedDomains) }),
    ...(rules.allowedCategories && { allowedCategories: new Set(rules.allowedCategories) }),
    ...(rules.blockedCategories && { blockedCategories: new Set(rules.blockedCategories) }),
  };
}

/** Of EVM alone, whose addresses begin so, case says nothing. */
const compared = (address: string): string => (address.startsWith("0x") ? address.toLowerCase() : address);
const addresses = (list: readonly string[]): ReadonlySet<string> => new Set(list.map(compared));

function compileAssets(list: readonly string[]): AssetList {
  const parts = list.map(assetParts);
  return {
    keys: new Set(parts.flatMap((part) => (part ? assetKey(part.network as Caip2, part.address) : []))),
    symbols: new Set(list.filter((_, i) => parts[i] === undefined)),
  };
}

function compileMatch(match: NonNullable<BudgetDocument["match"]>): Match {
  const { asset, network, recipient, domain, category } = match;
  return {
    ...(asset !== undefined && { asset: compileAssets([asset]) }),
    ...(network !== undefined && { network }),
    ...(recipient !== undefined && { recipient: compared(recipient) }),
    ...(domain !== undefined && { domain: compileDomains([domain]) }),
    ...(category !== undefined && { category }),
  };
}
