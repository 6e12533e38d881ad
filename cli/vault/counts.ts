// How many accounts of a phrase were used on each rail: what stands on paper beside the words.
import { InvalidArgumentError } from "commander";
import { RAIL_NAMES, type RailName } from "../../protocol/networks.ts";
import { MAX_ACCOUNTS } from "../../vault/signing.ts";

export type Counts = Partial<Readonly<Record<RailName, number>>>;

const ITEM = new RegExp(`^(${RAIL_NAMES.join("|")})=([1-9][0-9]?)$`);
const BARE = /^[1-9][0-9]?$/;

/** "evm=2,solana=1", or a number alone, which is evm's: so the paper had it when there was no other rail. */
export function parseCounts(text: string): Counts {
  const counts = new Map<RailName, number>(RAIL_NAMES.map((rail) => [rail, 1]));
  const items = BARE.test(text) ? [`evm=${text}`] : text.split(",");
  const named = new Set<string>();
  for (const item of items) {
    const [, rail, count] = ITEM.exec(item) ?? [];
    if (rail === undefined || named.has(rail)) throw wrong();
    named.add(rail);
    counts.set(rail as RailName, Number(count));
  }
  const sum = [...counts.values()].reduce((total, count) => total + count, 0);
  if (sum > MAX_ACCOUNTS) throw wrong();
  return Object.fromEntries(counts);
}

const wrong = (): InvalidArgumentError =>
  new InvalidArgumentError(
    `as the paper says beside the words, such as evm=2,solana=1; 1 or more of a rail, ${MAX_ACCOUNTS} in all`,
  );
