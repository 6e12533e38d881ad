// The rules of one scope that need no counters: its end, its lists, the price of one call.
import type { Code } from "../protocol/errors.ts";
import { inDomains } from "./domains.ts";
import type { Check } from "./evaluate.ts";
import { networkFeeChecks, perCallCheck } from "./limits.ts";
import type { Scope } from "./scope.ts";
import { type Subject, inAssets } from "./subject.ts";

/** Appends a check for every such rule that the scope has. */
export function scopeChecks(scope: Scope, subject: Subject, now: number, checks: Check[]): void {
  const { networks, assets, perCallMax } = scope.policy;
  const fact = (rule: string, code: Code, ok: boolean): void => {
    checks.push({ scope: scope.id, rule, code, ok, claimed: scope.kind === "session" });
  };
  if (scope.frozen) fact("frozen", "SIGNER_FROZEN", false);
  if (scope.endsAt !== undefined) fact("endsAt", endCode(scope), now < scope.endsAt);
  checks.push(...scheduleChecks(scope, now));
  if (networks) fact("allowedNetworks", "CHAIN_NOT_ALLOWED", networks.has(subject.network));
  if (assets) {
    const ok = inAssets(assets, subject.payment.asset, subject.assetKey);
    fact("allowedAssets", "ASSET_NOT_ALLOWED", ok);
  }
  const { allowedRecipients, blockedRecipients } = scope.policy;
  if (allowedRecipients) {
    fact("allowedRecipients", "RECIPIENT_NOT_ALLOWED", allowedRecipients.has(subject.payee));
  }
  if (blockedRecipients)
    fact("blockedRecipients", "RECIPIENT_BLOCKED", !blockedRecipients.has(subject.payee));
  domainChecks(scope, subject, checks);
  categoryChecks(scope, subject, checks);
  if (subject.networkFee > 0n) checks.push(...networkFeeChecks(scope, subject.networkFee));
  if (perCallMax !== undefined) checks.push(perCallCheck(scope, perCallMax, subject.usd));
}

export function scheduleChecks(scope: Scope, now: number): Check[] {
  const { schedule } = scope.policy;
  if (!schedule) return [];
  const ok = schedule.isOpen(now);
  const reopensAt = ok ? undefined : schedule.nextOpening(now);
  const rule = { scope: scope.id, rule: "schedule", code: "OUTSIDE_SCHEDULE", ok } as const;
  return [{ ...rule, claimed: scope.kind === "session", ...(reopensAt !== undefined && { reopensAt }) }];
}

const endCode = (scope: Scope): Code => (scope.kind === "session" ? "SESSION_UNKNOWN" : "SIGNER_LOCKED");

/** A URL that cannot be read fails every rule about domains, block lists and budgets by domain too. */
function domainChecks(scope: Scope, subject: Subject, checks: Check[]): void {
  const { allowedDomains, blockedDomains, needsSite } = scope.policy;
  if (!allowedDomains && !blockedDomains && !needsSite) return;
  const site = subject.site;
  const claim = (rule: string, code: Code, ok: boolean): void => {
    checks.push({ scope: scope.id, rule, code, ok, claimed: true });
  };
  if (allowedDomains) {
    claim(
      "allowedDomains",
      "DOMAIN_NOT_ALLOWED",
      site !== undefined && inDomains(allowedDomains, site.domain),
    );
  }
  if (blockedDomains && site)
    claim("blockedDomains", "DOMAIN_BLOCKED", !inDomains(blockedDomains, site.domain));
  if (blockedDomains && !site) claim("blockedDomains", "DOMAIN_NOT_ALLOWED", false);
  if (needsSite && !site) claim("budgets", "DOMAIN_NOT_ALLOWED", false);
}

function categoryChecks(scope: Scope, subject: Subject, checks: Check[]): void {
  const { allowedCategories, blockedCategories } = scope.policy;
  const claim = (rule: string, code: Code, ok: boolean): void => {
    checks.push({ scope: scope.id, rule, code, ok, claimed: true });
  };
  if (allowedCategories) {
    claim("allowedCategories", "CATEGORY_NOT_ALLOWED", allowedCategories.has(subject.category));
  }
  if (blockedCategories)
    claim("blockedCategories", "CATEGORY_BLOCKED", !blockedCategories.has(subject.category));
}
