// The rules of one scope that need no counters: its end, its lists, the price of one call.
import { ONE_DOLLAR } from "../protocol/amount.ts";
import type { Code } from "../protocol/errors.ts";
import { inDomains } from "./domains.ts";
import type { Check, Facts } from "./evaluate.ts";
import { networkFeeChecks, perCallCheck } from "./limits.ts";
import type { Depeg, Scope } from "./scope.ts";
import { type Subject, inAssets } from "./subject.ts";

/** Appends a check for every such rule that the scope has. */
export function scopeChecks(scope: Scope, subject: Subject, facts: Facts, checks: Check[]): void {
  const { now } = facts;
  const { networks, assets, perCallMax } = scope.policy;
  const fact = (rule: string, code: Code, ok: boolean): void => {
    checks.push({ scope: scope.id, rule, code, ok, claimed: scope.kind === "session" });
  };
  if (scope.frozen) fact("frozen", "SIGNER_FROZEN", false);
  if (scope.endsAt !== undefined) fact("endsAt", endCode(scope), now < scope.endsAt);
  checks.push(...scheduleChecks(scope, now), ...depegChecks(scope, subject, facts));
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

/** A stablecoin is worth a dollar while somebody says so who has looked. */
function depegChecks(scope: Scope, subject: Subject, facts: Facts): Check[] {
  const { depeg } = scope.policy;
  const pegged = depeg ? subject.payment.outflow.filter(({ asset }) => asset.pegged) : [];
  if (!depeg || pegged.length === 0) return [];
  const states = pegged.map(({ asset: { symbol } }) => pegOf(symbol, depeg, facts));
  const code: Code = states.includes("off") || !states.includes("stale") ? "STABLECOIN_DEPEG" : "PRICE_STALE";
  return [{ scope: scope.id, rule: "depeg", code, ok: states.every((it) => it === "held"), claimed: false }];
}

function pegOf(symbol: string, { max, maxAge }: Depeg, facts: Facts): "held" | "off" | "stale" {
  const [price, at] = [facts.price(symbol), facts.pricedAt(symbol)];
  if (price === undefined || at === undefined || facts.now - at > maxAge) return "stale";
  const distance = price > ONE_DOLLAR ? price - ONE_DOLLAR : ONE_DOLLAR - price;
  return distance <= max ? "held" : "off";
}

function endCode({ kind }: Scope): Code {
  if (kind === "agent") return "AGENT_EXPIRED";
  return kind === "session" ? "SESSION_UNKNOWN" : "SIGNER_LOCKED";
}

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
