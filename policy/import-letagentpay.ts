// A LetAgentPay policy as a document of ours.
import { parseUsd } from "../protocol/amount.ts";
import { LISTS, takeList } from "./import-lists.ts";
import { type Imported, Report } from "./import-report.ts";
import { importSchedule } from "./import-schedule.ts";
import { Source } from "./import-source.ts";
import { canonicalTimezone } from "./windows.ts";

const LIMITS = [
  ["daily_limit", "perDayMax"],
  ["weekly_limit", "perWeekMax"],
  ["monthly_limit", "perMonthMax"],
  ["per_request_limit", "perCallMax"],
] as const;

const RATES = [
  ["requests_per_minute", "1m"],
  ["requests_per_hour", "1h"],
] as const;

/** Throws ImportInvalid. `timezone`: of the account there, if its author knows it. */
export function importLetAgentPay(json: unknown, timezone: string | undefined): Imported {
  const source = new Source(json);
  const report = new Report();
  for (const [key, field] of LIMITS) {
    const usd = source.usd(key);
    if (usd !== undefined) report.limit(field, source.at(key), usd, parseUsd);
  }
  takeRates(source, report);
  takeCategories(source, report);
  takeX402(source.object("x402"), report);
  takeTimes(source, report, timezone);
  if (source.has("auto_approve")) report.unsupported.push("auto_approve");
  if (report.document["allowedAssets"] === undefined)
    report.note("assets", "there is no list of assets: any known one may be paid; add allowedAssets");
  return report.finish(source.unknown());
}

function takeRates(source: Source, report: Report): void {
  for (const [key, window] of RATES) {
    const count = source.count(key);
    if (count === undefined) continue;
    report.budgets.push({ name: key.replaceAll("_", " "), count, window });
    if (count === 0) report.stricter(source.at(key), "is 0, so nothing passes here");
    else
      report.same(
        source.at(key),
        `a budget of ${count} payments in ${window}, rolling; declines do not count`,
      );
  }
}

function takeCategories(source: Source, report: Report): void {
  takeList(source, "allowed_categories", LISTS.allowedCategories, report);
  takeList(source, "blocked_categories", LISTS.blockedCategories, report);
  const both = (source.list("allowed_categories")?.length ?? 0) > 0 && source.has("blocked_categories");
  if (both)
    report.stricter("blocked_categories", "holds beside allowed_categories, which switched it off there");
  if (source.has("allowed_categories") || source.has("blocked_categories"))
    report.note("categories", "are compared by their own names: there are no aliases here");
}

function takeX402(x402: Source | undefined, report: Report): void {
  if (!x402) return;
  takeList(x402, "allowed_chains", LISTS.allowedNetworks, report);
  takeList(x402, "allowed_domains", LISTS.allowedDomains, report);
  takeList(x402, "blocked_domains", LISTS.blockedDomains, report);
  const usd = x402.usd("max_per_request");
  if (usd !== undefined) report.limit("perCallMax", x402.at("max_per_request"), usd, parseUsd);
  if (x402.has("allowed_domains") || x402.has("blocked_domains"))
    report.stricter(
      x402.at("domains"),
      "a payment without a readable URL is declined; a name blocks all below it",
    );
}

/** One time zone here, for the schedule and for the days that limits count by. */
function takeTimes(source: Source, report: Report, asked: string | undefined): void {
  const schedule = source.object("schedule");
  const timezone = timezoneOf(source, schedule, asked);
  if (timezone !== undefined) report.document["timezone"] = timezone;
  if (schedule) {
    if (timezone === undefined) throw schedule.wrong("timezone", "must be there, or be given");
    report.document["schedule"] = importSchedule(schedule);
    const shut = "a window is shut from its last minute on; where a night is of two days, both must allow it";
    report.stricter("schedule", shut);
    takeDailyLimits(schedule, report);
  }
  if (LIMITS.some(([key]) => key !== "per_request_limit" && source.has(key)))
    report.note(
      "timezone",
      `days, weeks and months are those of ${timezone ?? "UTC"}; the account there has its own`,
    );
}

function timezoneOf(
  source: Source,
  schedule: Source | undefined,
  asked: string | undefined,
): string | undefined {
  const [theirs, ours] = [schedule?.text("timezone"), asked].map((name) => {
    const timezone = name === undefined ? undefined : canonicalTimezone(name);
    if (name === undefined || timezone !== undefined) return timezone;
    throw source.wrong("timezone", `must be an IANA name such as "Europe/Athens"`);
  });
  if (theirs !== undefined && ours !== undefined && theirs !== ours)
    throw source.wrong("schedule", "has another time zone than was asked for, and a document has one");
  return theirs ?? ours;
}

function takeDailyLimits(schedule: Source, report: Report): void {
  for (const override of schedule.objects("overrides")) {
    const usd = override.usd("daily_limit");
    if (usd === undefined) continue;
    const before = report.document["perDayMax"];
    const least = typeof before === "string" && parseUsd(before) < parseUsd(usd) ? before : usd;
    report.document["perDayMax"] = least;
    report.stricter(
      override.at("daily_limit"),
      `one limit holds on every day, the smallest: perDayMax ${least}`,
    );
  }
}
