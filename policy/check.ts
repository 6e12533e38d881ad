// What a careful reader would ask about a valid document. Nothing here changes what passes.
import { parseUsd } from "../protocol/amount.ts";
import { type PinnedAsset, assetKey } from "../protocol/assets.ts";
import { nameOf } from "../protocol/networks.ts";
import { budgetsOf, restsOnClaims, SUGAR_FIELDS } from "./compile.ts";
import { compileHousehold } from "./document.ts";
import { compileBlockedDomains, compileDomains, inDomains } from "./domains.ts";
import { neverTogether, reviewSchedule } from "./check-schedule.ts";
import { type BudgetDocument, type PolicyDocument, type RulesDocument, assetParts } from "./schema.ts";
import { inAssets } from "./subject.ts";

/** `path` as in the document; `text` a sentence without a period. */
export interface Remark {
  readonly path: string;
  readonly text: string;
}

/** Remarks on a document that parseDocument returned, in the document's order, as of `now` (unix ms). */
export function review(document: PolicyDocument, now = 0): Remark[] {
  const { expiries } = compileHousehold(document);
  const agents = Object.entries(document.agents ?? {});
  return [
    ...missing(document),
    ...reviewAssets(document),
    ...reviewDepeg(document),
    ...reviewRules("", document),
    ...agents.flatMap(([name, rules]) => [
      ...((expiries.get(name) ?? Infinity) > now
        ? []
        : [{ path: `agents.${name}.expires`, text: "is over, so nothing passes" }]),
      ...reviewRules(`agents.${name}.`, rules),
      ...looserThan(document, `agents.${name}.`, rules),
    ]),
  ];
}

/** What the household does not say at all. */
function missing(document: PolicyDocument): Remark[] {
  const budgets = budgetsOf(document);
  const binding = budgets.filter(
    (budget) => budget.limit !== undefined && budget.window !== "session" && !restsOnClaims(budget),
  );
  const whole = binding.filter((budget) => !budget.per && !budget.match);
  const remarks: [boolean, string, string][] = [
    [!whole.some(({ window }) => window === "total"), "totalMax", "nothing limits what is spent in all"],
    [whole.length === 0, "budgets", "every budget is for some payments only; the others are not limited"],
    [document.perCallMax === undefined, "perCallMax", "one payment may take a whole budget at once"],
    [!document.allowedNetworks, "allowedNetworks", "absent, so every network with a known asset may be used"],
    [!document.allowedAssets, "allowedAssets", "absent, so every known asset may be paid with"],
    [
      !document.allowedRecipients && !document.allowedDomains,
      "allowedRecipients",
      "neither payees nor domains are listed, so anyone may be paid within the limits",
    ],
    [
      !document.allowedRecipients && document.allowedDomains !== undefined,
      "allowedDomains",
      "domains are the agent's claims; only allowedRecipients binds an agent that lies",
    ],
    [
      !document.allowedRecipients && document.allowedCategories !== undefined,
      "allowedCategories",
      "categories are the agent's claims; an agent that lies names another one",
    ],
    [!budgets.some(({ count }) => count !== undefined), "budgets", "no count limits how often is paid"],
  ];
  return remarks.flatMap(([applies, path, text]) => (applies ? [{ path, text }] : []));
}

function reviewAssets(document: PolicyDocument): Remark[] {
  const known = [...compileHousehold(document).registry.values()];
  const unpriced = (document.assets ?? []).flatMap((asset, i) =>
    asset.pegged ? [] : [{ path: `assets[${i}]`, text: `${asset.symbol} declines while it has no price` }],
  );
  const bare = (document.allowedNetworks ?? []).flatMap((network) =>
    known.some((asset) => asset.network === network)
      ? []
      : [{ path: "allowedNetworks", text: `no known asset is on ${nameOf(network)}` }],
  );
  return [...unpriced, ...bare];
}

function reviewDepeg(document: PolicyDocument): Remark[] {
  const { depeg } = document;
  if (!depeg) return [];
  const { policy, registry } = compileHousehold(document);
  const may = (asset: PinnedAsset): boolean =>
    asset.pegged &&
    (!policy.networks || policy.networks.has(asset.network)) &&
    (!policy.assets || inAssets(policy.assets, asset, assetKey(asset.network, asset.address)));
  const symbols = [...new Set([...registry.values()].filter(may).map(({ symbol }) => symbol))].sort();
  if (symbols.length === 0) return [{ path: "depeg", text: "never applies: no stablecoin may be paid with" }];
  const declined = `${symbols.join(", ")} ${symbols.length === 1 ? "declines" : "decline"}`;
  return [{ path: "depeg", text: `${declined} without a price from the last ${depeg.maxAge}` }];
}

function reviewRules(path: string, rules: RulesDocument): Remark[] {
  return [
    ...reviewLists(path, rules),
    ...reviewSchedule(`${path}schedule`, rules.schedule),
    ...reviewLimits(path, rules),
    ...reviewBudgets(path, rules),
  ];
}

const ALLOW_LISTS = [
  "allowedNetworks",
  "allowedAssets",
  "allowedRecipients",
  "allowedDomains",
  "allowedCategories",
] as const;

function reviewLists(path: string, rules: RulesDocument): Remark[] {
  const remarks: Remark[] = ALLOW_LISTS.filter((field) => rules[field]?.length === 0).map((field) => ({
    path: path + field,
    text: "is empty, so nothing passes",
  }));
  for (const domain of rules.allowedDomains ?? []) {
    if (/^\*\.[^.]+$/.test(domain)) {
      remarks.push({ path: `${path}allowedDomains`, text: `${domain} allows every domain below it` });
    }
  }
  return [...remarks, ...allowedAndBlocked(path, rules)];
}

function allowedAndBlocked(path: string, rules: RulesDocument): Remark[] {
  const blocked = compileBlockedDomains(rules.blockedDomains ?? []);
  const payees = (rules.allowedRecipients ?? []).filter((item) => rules.blockedRecipients?.includes(item));
  const domains = (rules.allowedDomains ?? []).filter((item) => inDomains(blocked, baseOf(item)));
  const categories = (rules.allowedCategories ?? []).filter((item) =>
    rules.blockedCategories?.includes(item),
  );
  const remark = (field: string) => (item: string) => ({
    path: path + field,
    text: `${item} is blocked too`,
  });
  return [
    ...payees.map(remark("allowedRecipients")),
    ...domains.map(remark("allowedDomains")),
    ...categories.map(remark("allowedCategories")),
  ];
}

/** "*.example.com" -> "example.com". */
const baseOf = (domain: string): string => domain.replace(/^\*\./, "");

/** Smaller windows first: a limit above the one of a longer window is never what binds. */
const NESTED = ["perCallMax", "perDayMax", "perWeekMax", "perMonthMax", "totalMax"] as const;

function reviewLimits(path: string, rules: RulesDocument): Remark[] {
  const limits = NESTED.flatMap((field) => {
    const text = rules[field];
    return text === undefined ? [] : [{ field, text, limit: parseUsd(text) }];
  });
  const remarks = limits.flatMap((limit, i) => {
    const lower = limits.slice(i + 1).find((longer) => longer.limit < limit.limit);
    return lower
      ? [
          {
            path: path + limit.field,
            text: `${limit.text} is never reached: ${lower.field} is ${lower.text}`,
          },
        ]
      : [];
  });
  const session = rules.perSessionMax;
  if (session !== undefined && rules.totalMax !== undefined && parseUsd(session) > parseUsd(rules.totalMax)) {
    remarks.push({
      path: `${path}perSessionMax`,
      text: `${session} is never reached: totalMax is ${rules.totalMax}`,
    });
  }
  const zero = (["perCallMax", ...SUGAR_FIELDS] as const).filter((field) => rules[field] === "0.00");
  return [...remarks, ...zero.map((field) => ({ path: path + field, text: "is 0, so nothing passes" }))];
}

function reviewBudgets(path: string, rules: RulesDocument): Remark[] {
  const all = budgetsOf(rules);
  return (rules.budgets ?? []).flatMap((budget) => {
    const at = `${path}budgets[${budget.name}]`;
    const remarks: Remark[] = [];
    const unreachable = outsideLists(budget, rules);
    if (unreachable) remarks.push({ path: at, text: `never applies: ${unreachable}` });
    if (restsOnClaims(budget))
      remarks.push({ path: at, text: "rests on claims; an agent that lies evades it" });
    if (budget.limit === "0.00" || budget.count === 0)
      remarks.push({ path: at, text: "is 0, so nothing passes" });
    const tighter = all.find((other) => isTighter(other, budget));
    if (tighter)
      remarks.push({ path: at, text: `is never reached: ${tighter.name} is ${tighter.limit ?? ""}` });
    return remarks;
  });
}

/** `other` counts at least the same payments over the same or a longer calendar window, and allows less. */
function isTighter(other: BudgetDocument, budget: BudgetDocument): boolean {
  if (other.limit === undefined || budget.limit === undefined || other.per || other.match) return false;
  const order = ["day", "week", "month", "total"];
  const [longer, shorter] = [order.indexOf(other.window), order.indexOf(budget.window)];
  const covers = other.window === "total" || (shorter >= 0 && longer >= shorter);
  return covers && parseUsd(other.limit) < parseUsd(budget.limit);
}

function outsideLists(budget: BudgetDocument, rules: RulesDocument): string | undefined {
  const { asset, network, recipient, domain, category } = budget.match ?? {};
  const out = (item: string | undefined, list: readonly string[] | undefined): boolean =>
    item !== undefined && list !== undefined && !list.includes(item);
  if (out(network, rules.allowedNetworks)) return "its network is not in allowedNetworks";
  if (out(recipient, rules.allowedRecipients)) return "its recipient is not in allowedRecipients";
  if (out(category, rules.allowedCategories)) return "its category is not in allowedCategories";
  if (recipient !== undefined && rules.blockedRecipients?.includes(recipient))
    return "its recipient is blocked";
  if (category !== undefined && rules.blockedCategories?.includes(category)) return "its category is blocked";
  if (asset !== undefined && rules.allowedAssets && !assetOverlaps(asset, rules.allowedAssets)) {
    return "its asset is not in allowedAssets";
  }
  if (domain === undefined || !rules.allowedDomains || domainsOverlap(domain, rules.allowedDomains))
    return undefined;
  return "its domain is not in allowedDomains";
}

const domainsOverlap = (domain: string, list: readonly string[]): boolean =>
  inDomains(compileDomains(list), baseOf(domain)) ||
  list.some((item) => inDomains(compileDomains([domain]), baseOf(item)));

/** Whether two names of assets can mean the same one; a symbol and an address are not compared. */
const assetOverlaps = (asset: string, list: readonly string[]): boolean =>
  list.some(
    (item) => item === asset || (assetParts(item) === undefined) !== (assetParts(asset) === undefined),
  );

/** Where an agent's rules allow what its household does not: harmless, but not what their author thinks. */
function looserThan(household: PolicyDocument, path: string, rules: RulesDocument): Remark[] {
  const limits = (["perCallMax", ...SUGAR_FIELDS] as const).flatMap((field) => {
    const [own, outer] = [rules[field], household[field]];
    if (own === undefined || outer === undefined || parseUsd(own) <= parseUsd(outer)) return [];
    return [{ path: path + field, text: `${own} has no effect: the household's is ${outer}` }];
  });
  const lists = (["allowedNetworks", "allowedRecipients", "allowedCategories"] as const).flatMap((field) => {
    const outer: readonly string[] | undefined = household[field];
    const extra = (rules[field] ?? []).filter((item) => outer && !outer.includes(item));
    return extra.map((item) => ({ path: path + field, text: `${item} is not allowed by the household` }));
  });
  return [...limits, ...lists, ...neverTogether(`${path}schedule`, rules.schedule, household.schedule)];
}
