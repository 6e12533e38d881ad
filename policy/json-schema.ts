// The document's JSON Schema, for editors: made of the schema that reads documents, with what each field says. It is
// looser than that one, which also knows checksums, tokens and what must go together: x402-policy check has the word.
import { z } from "zod";
import { documentSchema } from "./schema.ts";

interface Hint {
  readonly description: string;
  readonly pattern?: string;
  readonly examples?: readonly unknown[];
}

const USD = "^(0|[1-9][0-9]*)(\\.[0-9]{1,6})?$";
const usd = (description: string, example: string): Hint => ({
  description: `${description}, in USD`,
  pattern: USD,
  examples: [example],
});
const NETWORKS = ["base", "polygon", "arbitrum", "solana", "cardano", "base-sepolia", "solana-devnet"];
const ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7";
const said = "(what the agent says)";

/** By the field's name, behind the name of the field it is in where the name alone is not enough. */
const HINTS: Readonly<Record<string, Hint>> = {
  version: { description: "The form of this document" },
  timezone: {
    description: "IANA time zone of days, weeks, months and the schedule; UTC when absent",
    examples: ["Europe/Athens"],
  },
  allowedNetworks: { description: "Only these networks, by name or CAIP-2 id", examples: [["base"]] },
  allowedAssets: { description: "Only these assets, by symbol or network/address", examples: [["USDC"]] },
  allowedRecipients: { description: "Only these payees", examples: [[ADDRESS]] },
  blockedRecipients: { description: "Everyone but these payees", examples: [[ADDRESS]] },
  allowedDomains: { description: `Only these domains ${said}`, examples: [["*.example.com"]] },
  blockedDomains: { description: `Every domain but these and what is below them ${said}` },
  allowedCategories: { description: `Only these categories ${said}`, examples: [["data"]] },
  blockedCategories: { description: `Every category but these ${said}` },
  schedule: { description: "When payments may be made; the first entry that has the day decides for it" },
  "schedule.days": { description: "The days it is about; all when absent" },
  "schedule.allow": {
    description:
      "all, none, a window of local time, or a list of windows; one past midnight ends on the next day",
    examples: ["08:00-20:00", "all", "none"],
  },
  perCallMax: usd("The most that one payment may cost", "0.10"),
  perSessionMax: usd("The most from unlock to lock", "5.00"),
  perDayMax: usd("The most in a day", "5.00"),
  perWeekMax: usd("The most in a week, from Monday", "20.00"),
  perMonthMax: usd("The most in a month", "50.00"),
  totalMax: usd("The most ever", "200.00"),
  budgets: { description: "Limits on a sum (limit) or a number of payments (count) over a window" },
  "budgets.name": { description: "What it is called where it declines" },
  "budgets.limit": usd("The most in the window", "2.00"),
  "budgets.count": { description: "The most payments in the window" },
  "budgets.window": {
    description: "day, week, month, session, total, or a rolling duration from 1m to 366d",
    examples: ["day", "week", "month", "session", "total", "1m", "1h", "7d"],
  },
  "budgets.per": { description: "A counter of its own for each of these" },
  "budgets.match": { description: "Only payments that fit all of this" },
  "match.asset": { description: "This asset, by symbol or network/address", examples: ["USDC", "ADA"] },
  "match.network": { description: "This network, by name or CAIP-2 id", examples: NETWORKS },
  "match.recipient": { description: "This payee", examples: [ADDRESS] },
  "match.domain": { description: `This domain ${said}`, examples: ["*.example.com"] },
  "match.category": { description: `This category ${said}`, examples: ["data"] },
  approve: { description: "What waits for a person's word instead of being paid" },
  "approve.above": usd("What costs more", "1.00"),
  "approve.newRecipient": { description: "Payees that no payment went to, and what looks like a known one" },
  "approve.afterConsecutive": { description: "What comes behind so many in a row to the same place" },
  "approve.categories": { description: `These categories ${said}`, examples: [["avatars"]] },
  "approve.expires": {
    description: "How long it waits, and how long an approval can be used: 1m to 7d; 30m when absent",
    examples: ["30m"],
  },
  "approve.deskMax": usd("The most that a desk may approve; nothing when absent", "2.00"),
  priceJump: { description: "What costs many times what it used to waits for a person's word" },
  "priceJump.times": { description: "So many times the median of the last 31 amounts", examples: [10] },
  maxValidity: {
    description: "How long a signed payment may be usable, 30s to 1d; 10m when absent",
    examples: ["10m"],
  },
  maxNetworkFee: usd("The most that a network may take beside the amount; 1.00 when absent", "0.50"),
  maxReleasePerDay: usd("The most that may be given back on proof in a day; nothing when absent", "20.00"),
  depeg: { description: "Stablecoins only while somebody says that they are at their peg" },
  "depeg.max": usd("How far from one dollar", "0.01"),
  "depeg.maxAge": { description: "How old the price may be, 10s to 30d", examples: ["5m"] },
  assets: { description: "Tokens beside those that are known" },
  "assets.network": { description: "Its network, by name or CAIP-2 id", examples: NETWORKS },
  "assets.address": {
    description: "EVM: the contract; Solana: the mint; Cardano: policy id, dot, asset name in hex",
  },
  "assets.symbol": { description: "Its name in this document" },
  "assets.decimals": { description: "Decimals of one unit" },
  "assets.name": { description: "EVM: the name in its EIP-712 domain" },
  "assets.version": { description: "EVM: the version in its EIP-712 domain" },
  "assets.tokenProgram": { description: "Solana: the program of the mint; spl-token when absent" },
  "assets.pegged": { description: "Counts as one dollar" },
  agents: {
    description: "Rules for one agent each, on top of all others",
    examples: [{ research: { perDayMax: "1.00" } }],
  },
  uid: { description: "The user that may use the agent's socket" },
  expires: {
    description: "From this day or instant on the agent may pay nothing",
    examples: ["2027-01-01", "2027-01-01T12:00:00Z"],
  },
};

type Node = Record<string, unknown>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;

/** JSON Schema 2020-12 of a document as an author may write it. */
export function documentJsonSchema(): Node {
  const { $schema, ...schema } = z.toJSONSchema(documentSchema, { io: "input" });
  const title = "A policy of x402-signer";
  return { $schema, title, description: "docs/policy.md explains each field", ...described(schema, "") };
}

/** Editors differ in whether they know classes of Unicode; a pattern that one misreads would refuse what is right. */
const isPlain = ([key, value]: [string, unknown]): boolean =>
  !(key === "pattern" && typeof value === "string" && value.includes("\\p{"));

/** With the hints of every field below; `name` is that of the field it is in. */
function described(node: Node, name: string): Node {
  const inner = (value: unknown): unknown => (isNode(value) ? described(value, name) : value);
  return Object.fromEntries(
    Object.entries(node)
      .filter(isPlain)
      .map(([key, value]) => {
        if (key === "properties" && isNode(value)) return [key, fields(value, name)];
        return [key, Array.isArray(value) ? value.map(inner) : inner(value)];
      }),
  );
}

const fields = (properties: Node, name: string): Node =>
  Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      key,
      { ...(HINTS[`${name}.${key}`] ?? HINTS[key]), ...described(value as Node, key) },
    ]),
  );
