// What a decision costs by itself: 200 rules in four scopes, all of which the payment has to pass.
import { Books } from "../policy/books.ts";
import { compileHousehold, compileSession, parseDocument, unlockPolicy } from "../policy/document.ts";
import { type Payment, additions, evaluate } from "../policy/evaluate.ts";
import type { Scope } from "../policy/scope.ts";
import { scopesUnder } from "../policy/chain.ts";
import { ONE_DOLLAR } from "../protocol/amount.ts";
import { PINNED_ASSETS } from "../protocol/assets.ts";
import { median, percentile } from "./load.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const PAYEE = "0x52908400098527886E0F7030069857D2E4169EE7";
const OTHER = "0xde709f2102306220921060314715629080e2fb77";

const WINDOWS = ["day", "week", "month", "total", "1h", "7d", "30d", "session"];
const EXTRAS = [
  {},
  { match: { asset: "USDC" } },
  { match: { recipient: PAYEE } },
  { match: { domain: "*.example.com" } },
  { match: { network: "base" } },
  { match: { category: "data" } },
  { per: "recipient" },
  { per: "domain" },
];
const budgets = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `budget ${i}`,
    ...(i % 16 < 8 ? { limit: "1000.00" } : { count: 100_000 }),
    window: WINDOWS[i % 8],
    ...EXTRAS[(i + (i >> 3)) % 8],
  }));

/** Without its budgets: 20 rules. */
const RULES = {
  allowedNetworks: ["base", "polygon"],
  allowedAssets: ["USDC"],
  allowedRecipients: [PAYEE, OTHER],
  blockedRecipients: [OTHER],
  allowedDomains: ["*.example.com"],
  blockedDomains: ["sketchy-api.xyz"],
  allowedCategories: ["data"],
  blockedCategories: ["gambling"],
  schedule: [
    { days: ["sat"], allow: "09:00-12:00" },
    { days: ["sun"], allow: "none" },
    { days: ["fri"], allow: ["08:00-12:00", "13:00-20:00"] },
    { days: ["wed"], allow: "22:00-06:00" },
    { days: ["mon", "tue"], allow: "08:00-22:00" },
    { allow: "08:00-20:00" },
  ],
  perCallMax: "1.00",
  perSessionMax: "100.00",
  perDayMax: "1000.00",
  perWeekMax: "1000.00",
  perMonthMax: "1000.00",
  totalMax: "1000.00",
};

function scopesOf200(): readonly Scope[] {
  const household = compileHousehold(
    parseDocument({
      version: 1,
      timezone: "Europe/Athens",
      ...RULES,
      budgets: budgets(64),
      depeg: { max: "0.01", maxAge: "5m" },
      agents: { bench: { ...RULES, budgets: budgets(64), expires: "2030-01-01" } },
    }),
  );
  const unlock = {
    id: "unlock:7",
    kind: "unlock" as const,
    policy: unlockPolicy({ spend: 1_000_000_000n, count: 100_000n }, "UTC"),
    endsAt: NOW + 3_600_000,
    frozen: false,
  };
  const session = {
    id: "session:bench",
    kind: "session" as const,
    policy: compileSession({ ...RULES, budgets: budgets(10) }, "Europe/Athens"),
    frozen: false,
  };
  return scopesUnder(household, "bench", { unlock, session });
}

const usdc = PINNED_ASSETS[0];
if (!usdc) throw new Error("no asset is pinned");

const payment: Payment = {
  agent: "bench",
  intent: {
    id: "intent_0123456789",
    scheme: "exact",
    network: usdc.network,
    asset: usdc.address,
    payTo: PAYEE,
    amount: 10_000n,
    maxTimeoutSeconds: 60,
    claims: { url: "https://api.example.com/data?key=1", category: "data" },
  },
  asset: usdc,
  from: OTHER,
  outflow: [{ asset: usdc, amount: 10_000n, why: "payment" }],
  expiresAt: NOW + 60_000,
};

/** A week of a payment every ten minutes, all of them within the limits. */
function busyWeek(scopes: readonly Scope[]): Books {
  const books = new Books();
  books.unlock = 7;
  for (let at = NOW - 7 * 86_400_000; at <= NOW; at += 600_000) {
    books.now = at;
    books.prices = new Map([["USDC", { price: ONE_DOLLAR, at }]]);
    const paid = { ...payment, expiresAt: at + 60_000 };
    books.add(additions(scopes, paid, at, books.unlock));
  }
  return books;
}

/** Microseconds of one decision that passes. */
export function policyFigures(): Record<string, number> {
  const scopes = scopesOf200();
  const books = busyWeek(scopes);
  const decide = (): void => {
    const { outcome, checks } = evaluate(scopes, payment, books);
    if (outcome !== "allow") throw new Error(checks.find(({ ok }) => !ok)?.code);
  };
  for (let i = 0; i < 5000; i++) decide();
  const times = Array.from({ length: 20_000 }, () => {
    const start = performance.now();
    decide();
    return (performance.now() - start) * 1000;
  });
  return { "policy.200rules.p50_us": median(times), "policy.200rules.p99_us": percentile(times, 99) };
}
