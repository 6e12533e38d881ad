// Which of several failing checks is named. The reason that stays longest comes first, so that a caller that waits
// until `reopensAt` is not turned away by another limit that it could have been told of.
import type { Code } from "../protocol/errors.ts";
import type { Check } from "./evaluate.ts";

const ORDER: readonly Code[] = [
  "NO_POLICY",
  "SIGNER_FROZEN",
  "AGENT_EXPIRED",
  "SIGNER_LOCKED",
  "SESSION_UNKNOWN",
  "NO_PRICE",
  "STABLECOIN_DEPEG",
  "CHAIN_NOT_ALLOWED",
  "ASSET_NOT_ALLOWED",
  "RECIPIENT_BLOCKED",
  "RECIPIENT_NOT_ALLOWED",
  "DOMAIN_BLOCKED",
  "DOMAIN_NOT_ALLOWED",
  "CATEGORY_BLOCKED",
  "CATEGORY_NOT_ALLOWED",
  "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
  "NETWORK_FEE_TOO_HIGH",
  "BUDGET_EXCEEDED",
  "UNLOCK_BUDGET_EXCEEDED",
  "SESSION_BUDGET_EXCEEDED",
  "MONTHLY_BUDGET_EXCEEDED",
  "WEEKLY_BUDGET_EXCEEDED",
  "OUTSIDE_SCHEDULE",
  "DAILY_BUDGET_EXCEEDED",
  // Nobody knows when the next price comes.
  "PRICE_STALE",
  "WINDOW_BUDGET_EXCEEDED",
  "VELOCITY_LIMIT_EXCEEDED",
  "TOO_MANY_KEYS",
  "TOO_MANY_HOLDS",
  "APPROVAL_LOOKALIKE_PAYEE",
  "APPROVAL_LOOKALIKE_HOST",
  "APPROVAL_CHANGED_PAYEE",
  "APPROVAL_PRICE_JUMP",
  "APPROVAL_NEW_RECIPIENT",
  "APPROVAL_AMOUNT",
  "APPROVAL_CATEGORY",
  "APPROVAL_CONSECUTIVE",
];
const CODE_RANK: ReadonlyMap<string, number> = new Map(ORDER.map((code, rank) => [code, rank]));
const KINDS: readonly string[] = ["household", "unlock", "agent", "session"];

const codeRank = (check: Check): number => CODE_RANK.get(check.code) ?? ORDER.length;
const kindRank = (check: Check): number => KINDS.indexOf(check.scope.split(":", 1)[0] ?? "");
const reopening = (check: Check): number => check.reopensAt ?? Number.MAX_SAFE_INTEGER;

/** Sort order of failing checks: negative when `a` is named before `b`. */
export const rankOf = (a: Check, b: Check): number =>
  Number(a.holds === true) - Number(b.holds === true) ||
  codeRank(a) - codeRank(b) ||
  reopening(b) - reopening(a) ||
  kindRank(a) - kindRank(b) ||
  Number(a.scope > b.scope) - Number(a.scope < b.scope) ||
  Number(a.rule > b.rule) - Number(a.rule < b.rule);
