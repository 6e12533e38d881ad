// The document's schema. Reading it also makes it canonical: one spelling for one meaning, so that equal rules have
// equal hashes. Unknown fields are errors, because a rule that is misspelled is a rule that is missing.
import { z } from "zod";
import { formatUsd, parseUsd } from "../protocol/amount.ts";
import { TOKEN_PROGRAMS } from "../protocol/assets.ts";
import { networkOf, railOf } from "../protocol/networks.ts";
import { agentNameSchema } from "../protocol/shapes.ts";
import { assetAddress, recipientAddress } from "./address.ts";
import { canonicalDomain } from "./domains.ts";
import { canonicalExpiry } from "./expiry.ts";
import { DAYS, canonicalAllow, canonicalWindowOfDay } from "./schedule.ts";
import { PERS } from "./scope.ts";
import { canonicalCategory } from "./subject.ts";
import { canonicalTimezone, canonicalWindow, formatDuration, parseDuration } from "./windows.ts";

export const MAX_BUDGETS = 64;
const MAX_AGENTS = 64;
const MAX_ASSETS = 64;
const MAX_SCHEDULE = 16;
const MAX_WINDOWS = 24;
/** Well inside what a ledger's 64-bit integers hold, and more than anyone gives an agent. */
export const MAX_USD = 1_000_000_000_000_000n;
const ONE_USD = 1_000_000n;
const MIN_VALIDITY = 30;
const MAX_VALIDITY = 86_400;

/** Text that `canonical` turns into its one spelling; undefined there means that it is refused with `message`. */
const text = <T extends string>(canonical: (text: string) => T | undefined, message: string) =>
  z.string({ error: message }).transform((value, context) => {
    const result = canonical(value);
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

function canonicalUsd(value: string): string | undefined {
  try {
    const amount = parseUsd(value);
    return amount <= MAX_USD ? formatUsd(amount) : undefined;
  } catch {
    return undefined;
  }
}

const usd = text(canonicalUsd, 'must be USD as a decimal string such as "5.00", at most 1000000000');
const network = text(networkOf, 'must be a network such as "base" or "eip155:8453"');
const recipient = text(
  recipientAddress,
  "must be an address of EVM, Solana or Cardano; where it has a checksum, that must be right",
);
const domain = text(canonicalDomain, 'must be a host such as "api.example.com" or "*.example.com"');
const window = text(
  canonicalWindow,
  'must be session, day, week, month, total or a duration in whole minutes such as "1h"',
);
const category = text(
  (value) => (canonicalCategory(value) === value ? value : undefined),
  'must be a category such as "data_feeds"',
);

function canonicalAsset(value: string): string | undefined {
  const at = value.indexOf("/");
  if (at === -1) return /^[A-Za-z0-9.+-]{1,16}$/.test(value) ? value : undefined;
  const on = networkOf(value.slice(0, at));
  const rail = on && railOf(on);
  const address = rail && assetAddress(rail, value.slice(at + 1));
  return address && `${on}/${address}`;
}
const asset = text(canonicalAsset, 'must be a symbol such as "USDC", or network/address');

/** A list without order and without repetition. */
const list = <T extends z.ZodType<string, string>>(item: T) =>
  z
    .array(item, { error: "must be a list" })
    .transform((items) => [...new Set(items)].sort() as z.output<T>[])
    .optional();

const printable = (max: number) =>
  z
    .string({ error: "must be text" })
    .min(1)
    .max(max)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, "must be printable");

const budgetSchema = z
  .strictObject({
    name: printable(60),
    limit: usd.optional(),
    count: z.int({ error: "must be a whole number of payments" }).min(0).max(1_000_000_000).optional(),
    window,
    per: z.enum(PERS, { error: `must be one of ${PERS.join(", ")}` }).optional(),
    match: z
      .strictObject({
        asset: asset.optional(),
        network: network.optional(),
        recipient: recipient.optional(),
        domain: domain.optional(),
        category: category.optional(),
      })
      .refine((match) => Object.keys(match).length > 0, "must name something")
      .optional(),
  })
  .refine((budget) => (budget.limit === undefined) !== (budget.count === undefined), {
    message: "must have one of limit and count",
  });
export type BudgetDocument = z.output<typeof budgetSchema>;

const windowOfDay = text(
  canonicalWindowOfDay,
  'must be a window such as "08:00-20:00" that does not end when it starts',
);
const allow = z.union(
  [
    z.enum(["all", "none"]),
    windowOfDay.transform((window) => canonicalAllow([window])),
    z.array(windowOfDay).max(MAX_WINDOWS).transform(canonicalAllow),
  ],
  {
    error:
      'must be "all", "none", a window such as "08:00-20:00" that does not end when it starts, or a list of them',
  },
);
const days = z
  .array(z.enum(DAYS, { error: `must be one of ${DAYS.join(", ")}` }), { error: "must be a list" })
  .min(1, "must name a day")
  .transform((named) => DAYS.filter((day) => named.includes(day)));
const scheduleSchema = z
  .array(
    z
      .strictObject({ days: days.optional(), allow })
      .transform((entry) => (entry.days && entry.days.length < DAYS.length ? entry : { allow: entry.allow })),
    { error: "must be a list" },
  )
  .max(MAX_SCHEDULE);

const rules = {
  allowedNetworks: list(network),
  allowedAssets: list(asset),
  allowedRecipients: list(recipient),
  blockedRecipients: list(recipient),
  allowedDomains: list(domain),
  blockedDomains: list(domain),
  allowedCategories: list(category),
  blockedCategories: list(category),
  schedule: scheduleSchema.optional(),
  perCallMax: usd.optional(),
  perSessionMax: usd.optional(),
  perDayMax: usd.optional(),
  perWeekMax: usd.optional(),
  perMonthMax: usd.optional(),
  totalMax: usd.optional(),
  budgets: z
    .array(budgetSchema, { error: "must be a list" })
    .max(MAX_BUDGETS)
    .refine(
      (budgets) => new Set(budgets.map(({ name }) => name)).size === budgets.length,
      "must have different names",
    )
    .optional(),
};

const version = z.literal(1, { error: "must be 1" });

/** The rules of one scope. */
const rulesSchema = z.strictObject(rules);
export type RulesDocument = z.output<typeof rulesSchema>;

/** The rules that a client brings for its session. */
export const sessionSchema = z.strictObject({ version: version.optional(), ...rules });

const assetSchema = z
  .strictObject({
    network: network.refine((id) => railOf(id) !== undefined, "must be a network of EVM, Solana or Cardano"),
    address: z.string({ error: "must be an address" }),
    symbol: z
      .string()
      .regex(/^[A-Za-z0-9.+-]{1,16}$/, "must be 1-16 letters, digits, dots, plus or minus signs"),
    decimals: z.int().min(0).max(36),
    /** EVM: the EIP-712 domain of the token contract. */
    name: printable(64).optional(),
    version: printable(16).optional(),
    /** Solana: the program that the mint belongs to. */
    tokenProgram: z.enum(TOKEN_PROGRAMS, { error: `must be ${TOKEN_PROGRAMS.join(" or ")}` }).optional(),
    pegged: z.literal(true).optional(),
  })
  .transform((asset, context) => {
    const rail = railOf(asset.network) ?? "evm";
    const problem = (path: string, message: string): void => {
      context.addIssue({ code: "custom", path: [path], message });
    };
    const address = assetAddress(rail, asset.address);
    if (address === undefined) problem("address", ADDRESS_FORMS[rail]);
    for (const field of ["name", "version"] as const) {
      if (rail === "evm" && asset[field] === undefined)
        problem(field, "must be as in the token's EIP-712 domain");
      if (rail !== "evm" && asset[field] !== undefined) problem(field, "is for EVM networks only");
    }
    if (rail !== "solana" && asset.tokenProgram !== undefined)
      problem("tokenProgram", "is for Solana's networks only");
    const tokenProgram = rail === "solana" ? (asset.tokenProgram ?? "spl-token") : undefined;
    return { ...asset, address: address ?? "", ...(tokenProgram && { tokenProgram }) };
  });

const ADDRESS_FORMS = {
  evm: "must be an EVM address; in mixed case its checksum must be right",
  solana: "must be a mint in base58",
  cardano: "must be policy id and asset name in lower-case hex with a dot between them",
} as const;

export type AssetDocument = z.output<typeof assetSchema>;

function canonicalValidity(value: string): string | undefined {
  const seconds = parseDuration(value);
  const fits = seconds !== undefined && seconds >= MIN_VALIDITY && seconds <= MAX_VALIDITY;
  return fits ? formatDuration(seconds) : undefined;
}

const MIN_PRICE_AGE = 10;
/** No price is fresh for longer. */
const MAX_PRICE_AGE = 30 * 86_400;

function canonicalPriceAge(value: string): string | undefined {
  const seconds = parseDuration(value);
  const fits = seconds !== undefined && seconds >= MIN_PRICE_AGE && seconds <= MAX_PRICE_AGE;
  return fits ? formatDuration(seconds) : undefined;
}

/** How far a stablecoin may be from one dollar, and how old the price may be that says so. */
const depegSchema = z.strictObject({
  max: usd.refine((max) => parseUsd(max) < ONE_USD, "must be less than 1.00"),
  maxAge: text(canonicalPriceAge, 'must be a duration from 10s to 30d such as "5m"'),
});
const MIN_WAIT = 60;
const MAX_WAIT = 7 * 86_400;

function canonicalWait(value: string): string | undefined {
  const seconds = parseDuration(value);
  const fits = seconds !== undefined && seconds >= MIN_WAIT && seconds <= MAX_WAIT;
  return fits ? formatDuration(seconds) : undefined;
}

const approveSchema = z.strictObject({
  above: usd.optional(),
  newRecipient: z.literal(true, { error: "must be true, or absent" }).optional(),
  afterConsecutive: z.int({ error: "must be a whole number of payments" }).min(1).max(1_000_000).optional(),
  categories: list(category),
  expires: text(canonicalWait, 'must be a duration from 1m to 7d such as "30m"').optional(),
  deskMax: usd.optional(),
});
export type ApproveDocument = z.output<typeof approveSchema>;

/** What a person is asked about: rules of the household and of an agent, but not of a client's session. */
const asking = {
  approve: approveSchema.optional(),
  priceJump: z
    .strictObject({ times: z.int({ error: "must be a whole number" }).min(2).max(1_000_000) })
    .optional(),
};

/** The user that may use the agent's socket; (uid_t) -1 is nobody. */
const uid = z.int({ error: "must be a user's number such as 1000" }).min(0).max(0xffff_fffe);

const expires = text(canonicalExpiry, 'must be a date such as "2027-01-01", or an instant with its offset');

/** An agent: its own rules, who it is, and until when. */
const agentSchema = rulesSchema.extend({ ...asking, uid: uid.optional(), expires: expires.optional() });

export const documentSchema = z.strictObject({
  version,
  timezone: text(canonicalTimezone, 'must be an IANA time zone such as "Europe/Athens"').optional(),
  ...rules,
  ...asking,
  maxValidity: text(canonicalValidity, 'must be a duration from 30s to 1d such as "10m"').optional(),
  maxNetworkFee: usd.optional(),
  maxReleasePerDay: usd.optional(),
  depeg: depegSchema.optional(),
  assets: z.array(assetSchema, { error: "must be a list" }).max(MAX_ASSETS).optional(),
  agents: z
    .record(agentNameSchema, agentSchema)
    .refine((agents) => Object.keys(agents).length <= MAX_AGENTS, `must be at most ${MAX_AGENTS}`)
    .optional(),
});

/** A canonical document: what `policy.get` returns and what is hashed. */
export type PolicyDocument = z.output<typeof documentSchema>;

/** A `network/address` item of a list or match, as its two parts; undefined for a symbol. */
export function assetParts(item: string): { network: string; address: string } | undefined {
  const at = item.indexOf("/");
  return at === -1 ? undefined : { network: item.slice(0, at), address: item.slice(at + 1) };
}
