// The two forms of the other predecessor: an operator's `{rules}` and a client's options.
import { parseUsd } from "../protocol/amount.ts";
import { LISTS, takeList } from "./import-lists.ts";
import { type Imported, Report } from "./import-report.ts";
import { Source } from "./import-source.ts";
import { canonicalTimezone } from "./windows.ts";

/** What an amount may be in: all count as dollars. */
const DOLLARS = ["USD", "USDC"];

/** Throws ImportInvalid. */
export function importQbt(json: unknown, timezone: string | undefined): Imported {
  const source = new Source(json);
  const report = new Report();
  const rules = source.object("rules");
  if (rules) takeRules(rules, report);
  else takeOptions(source, report);
  const zone = timezone === undefined ? undefined : canonicalTimezone(timezone);
  if (timezone !== undefined && zone === undefined)
    throw source.wrong("timezone", 'must be an IANA name such as "Europe/Athens"');
  if (zone !== undefined) report.document["timezone"] = zone;
  if (report.document["perDayMax"] !== undefined)
    report.note("timezone", `a day is one of the calendar, in ${zone ?? "UTC"}`);
  return report.finish(source.unknown());
}

function takeRules(rules: Source, report: Report): void {
  const call = dollars(rules, "maxSpendPerTx");
  if (call !== undefined) report.limit("perCallMax", rules.at("maxSpendPerTx"), call, parseUsd);
  const hour = dollars(rules, "maxSpendPerHour");
  if (hour !== undefined) {
    report.budgets.push({ name: "per hour", limit: hour, window: "1h" });
    report.same(rules.at("maxSpendPerHour"), `a budget of ${hour} in 1h, rolling`);
  }
  const day = dollars(rules, "maxSpendPerDay");
  if (day !== undefined) report.limit("perDayMax", rules.at("maxSpendPerDay"), day, parseUsd);
  takeList(rules, "allowedChains", LISTS.allowedNetworks, report);
  takeList(rules, "allowedRecipients", LISTS.allowedRecipients, report);
  takeList(rules, "blockedRecipients", LISTS.blockedRecipients, report);
  if (rules.has("requireApprovalAbove")) report.unsupported.push("requireApprovalAbove");
}

/** `{amount, currency}`. */
function dollars(rules: Source, key: string): string | undefined {
  const amount = rules.object(key);
  const currency = amount?.text("currency");
  if (!amount) return undefined;
  if (currency === undefined || !DOLLARS.includes(currency))
    throw amount.wrong("currency", `must be one of ${DOLLARS.join(", ")}`);
  const usd = amount.usd("amount");
  if (usd === undefined) throw amount.wrong("amount", "must be there");
  return usd;
}

function takeOptions(source: Source, report: Report): void {
  takeList(source, "allowedChains", LISTS.allowedNetworks, report);
  takeList(source, "allowedAssets", LISTS.allowedAssets, report);
  takeList(source, "allowedRecipients", LISTS.allowedRecipients, report);
  for (const [key, field] of [
    ["perCallMax", "perCallMax"],
    ["perSessionMax", "perSessionMax"],
    ["perDayMax", "perDayMax"],
  ] as const) {
    const usd = source.usd(key);
    if (usd !== undefined) report.limit(field, source.at(key), usd, parseUsd);
  }
  if (report.document["perSessionMax"] !== undefined)
    report.note("perSessionMax", "in the operator's document a session is from unlock to lock");
}
