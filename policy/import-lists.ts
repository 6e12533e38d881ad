// Lists of another system's document in our spelling.
import { canonicalDomain } from "./domains.ts";
import { networkOf, nameOf } from "../protocol/networks.ts";
import { recipientAddress } from "./address.ts";
import type { Report } from "./import-report.ts";
import type { Source } from "./import-source.ts";
import { canonicalCategory } from "./subject.ts";

/** `ethereum` has no name here, because no token of it is pinned. */
const ETHEREUM = "eip155:1";

const chainOf = (name: string): string | undefined =>
  name === "ethereum" ? ETHEREUM : networkOf(name) && nameOf(networkOf(name) ?? "eip155:0");

interface ListForm {
  readonly field: string;
  /** Our spelling; undefined for what cannot be one. */
  readonly spell: (text: string) => string | undefined;
  readonly what: string;
}

const CHAINS = { spell: chainOf, what: 'a network such as "base"' };
const RECIPIENTS = { spell: recipientAddress, what: "an address, its checksum right" };
const DOMAINS = { spell: canonicalDomain, what: 'a host such as "api.example.com" or "*.example.com"' };
const CATEGORIES = {
  // A name that cannot be spelled is "other" in a payment; in a rule it is a mistake.
  spell: (text: string): string | undefined => {
    const category = canonicalCategory(text);
    return category === "other" && text.trim().toLowerCase() !== "other" ? undefined : category;
  },
  what: 'a category such as "data_feeds"',
};
const ASSETS = {
  spell: (text: string): string | undefined => (/^[A-Za-z0-9.+-]{1,16}$/.test(text) ? text : undefined),
  what: 'a symbol such as "USDC"',
};

export const LISTS = {
  allowedNetworks: { field: "allowedNetworks", ...CHAINS },
  allowedAssets: { field: "allowedAssets", ...ASSETS },
  allowedRecipients: { field: "allowedRecipients", ...RECIPIENTS },
  blockedRecipients: { field: "blockedRecipients", ...RECIPIENTS },
  allowedDomains: { field: "allowedDomains", ...DOMAINS },
  blockedDomains: { field: "blockedDomains", ...DOMAINS },
  allowedCategories: { field: "allowedCategories", ...CATEGORIES },
  blockedCategories: { field: "blockedCategories", ...CATEGORIES },
} as const satisfies Record<string, ListForm>;

/** Takes a list over. Throws ImportInvalid for an item that cannot be one of ours. */
export function takeList(source: Source, key: string, list: ListForm, report: Report): void {
  const items = source.texts(key);
  if (!items) return;
  const path = source.at(key);
  const spelled = items.map((item, i) => {
    const own = list.spell(item);
    if (own === undefined) throw source.wrong(key, `item ${i + 1} must be ${list.what}`);
    return own;
  });
  report.document[list.field] = spelled;
  if (items.length === 0 && list.field.startsWith("allowed")) {
    report.stricter(path, "is empty: here nothing passes; take it out of the result if it meant everything");
  } else report.same(path, `${list.field}, ${items.length} of them`);
  if (spelled.includes(ETHEREUM))
    report.note(path, "no token of ethereum is pinned: nothing is paid there unless assets has one");
}
