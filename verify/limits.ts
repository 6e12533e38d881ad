// The plain limits of the documents, held against the sums again: perCallMax, maxNetworkFee, perDayMax, perWeekMax, perMonthMax,
// perSessionMax and totalMax of the household and of the agent, and what the unlock was given. What a budget with `per`,
// `match` or a rolling window allowed is the signer's own decision: here only its counters are recomputed.
import type { Counters } from "./counters.ts";
import type { Counter } from "./export-file.ts";
import type { Policy, Standing } from "./standing.ts";
import { type Json, type JsonObject, decimalOf, isText, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";
import type { Unlock } from "./vaults.ts";
import type { Worth } from "./worth.ts";
import { Calendar, type CalendarUnit } from "./windows.ts";

const CALENDAR: readonly (readonly [field: string, unit: CalendarUnit])[] = [
  ["perDayMax", "day"],
  ["perWeekMax", "week"],
  ["perMonthMax", "month"],
];

/** In a document that does not say. */
const NETWORK_FEE = "1.00";

/** A recorded draft. */
export interface Spend {
  readonly row: number;
  readonly agent: string;
  /** Unix ms, both. */
  readonly at: number;
  readonly until: number;
  readonly usd: bigint;
  /** What this draft alone is worth, and of it what is no payment: the network's fee, and ADA that a token carries. */
  readonly worth: Worth;
  readonly add: readonly Counter[];
  /** Its first draft: a later one adds only where the first did not. */
  readonly isFirst: boolean;
}

export class Limits {
  readonly #calendars = new Map<string, Calendar>();

  /** Throws Untrue for a spend that is over a limit, or that was not counted where it should be. */
  check(spend: Spend, { policy, unlock }: Standing, counters: Counters): void {
    const { document = {} } = policy ?? {};
    const timezone = isText(document["timezone"]) ? document["timezone"] : "UTC";
    const agents = (document["agents"] ?? {}) as JsonObject;
    const agent = Object.hasOwn(agents, spend.agent) ? (agents[spend.agent] as JsonObject) : {};
    if (spend.worth.networkFee > micro(document["maxNetworkFee"] ?? NETWORK_FEE))
      throw new Untrue("is over the policy's maxNetworkFee", spend.row);
    this.#scope("household", document, timezone, spend, unlock, counters);
    this.#scope(`agent:${spend.agent}`, agent, timezone, spend, unlock, counters);
    if (unlock?.spend !== undefined)
      counted(spend, `unlock:${unlock.row}|usd|total`, spend.usd, isBucket(0), unlock.spend, counters);
    if (unlock?.count !== undefined)
      counted(spend, `unlock:${unlock.row}|count|total`, 1n, isBucket(0), unlock.count, counters);
  }

  #scope(
    scope: string,
    rules: JsonObject,
    timezone: string,
    spend: Spend,
    unlock: Unlock | undefined,
    counters: Counters,
  ): void {
    const { perCallMax, perSessionMax, totalMax } = rules;
    if (perCallMax !== undefined && spend.worth.usd > micro(perCallMax))
      throw new Untrue(`is over ${scope}'s perCallMax`, spend.row);
    const plain = (limit: Json | undefined, window: string, bucket: number): void => {
      if (limit !== undefined)
        counted(spend, `${scope}|usd|${window}`, spend.usd, isBucket(bucket), micro(limit), counters);
    };
    plain(totalMax, "total", 0);
    plain(perSessionMax, "session", unlock?.row ?? 0);
    for (const [field, unit] of CALENDAR) {
      const limit = rules[field];
      if (limit === undefined) continue;
      const calendar = this.#calendar(unit, timezone);
      const isRight = (buckets: readonly number[]): boolean =>
        calendar.isPeriodOf(buckets[0] ?? 0, spend.at) &&
        calendar.isPeriodOf(buckets.at(-1) ?? 0, spend.until);
      counted(spend, `${scope}|usd|${unit}@${timezone}`, spend.usd, isRight, micro(limit), counters);
    }
  }

  #calendar(unit: CalendarUnit, timezone: string): Calendar {
    const key = `${unit}@${timezone}`;
    const known = this.#calendars.get(key) ?? new Calendar(unit, timezone);
    this.#calendars.set(key, known);
    return known;
  }
}

const isBucket =
  (bucket: number) =>
  (buckets: readonly number[]): boolean =>
    buckets.length === 1 && buckets[0] === bucket;

/** What the spend added under this key: all of it, in the right buckets, and none holds more than the limit. */
function counted(
  { row, add, isFirst }: Spend,
  key: string,
  amount: bigint,
  isRight: (buckets: readonly number[]) => boolean,
  limit: bigint,
  counters: Counters,
): void {
  const mine = add.filter(([name]) => name === key);
  const whole = mine.every(([, , added]) => BigInt(added) === amount);
  const buckets = mine.map(([, bucket]) => bucket).sort((a, b) => a - b);
  if (isFirst && (!whole || !isRight(buckets))) throw new Untrue(`is not counted in ${key}`, row);
  for (const bucket of buckets)
    if (counters.amount(key, bucket) > limit) throw new Untrue(`takes ${key} over its limit`, row);
}

const DAY_MS = 86_400_000;
const RELEASED_TODAY = "household|released|day";

/**
 * The end of a payment takes its amount from its counters, at most once from each, and leaves none below zero. What is
 * released counts against the policy's bound for the day; without a policy nothing may be.
 */
export function givenBack(
  row: number,
  usd: bigint,
  add: readonly Counter[],
  counters: Counters,
  policy: Policy | undefined,
  at: number,
): void {
  const today = Math.floor(at / DAY_MS) * (DAY_MS / 1000);
  const taken = add.filter(([key]) => key !== RELEASED_TODAY);
  const most = (key: string): bigint => (key.split("|")[1] === "count" ? 1n : usd);
  const fits = ([key, bucket, amount]: Counter): boolean =>
    BigInt(amount) < 0n && -BigInt(amount) <= most(key) && counters.amount(key, bucket) >= 0n;
  const names = new Set(add.map(([key, bucket]) => `${key}\n${bucket}`));
  if (!taken.every(fits) || names.size !== add.length)
    throw new Untrue("gives back more than was reserved", row);
  const released = add.filter(([key]) => key === RELEASED_TODAY);
  if (!policy && taken.length === 1 && released.length === 0) return;
  const [[, bucket, amount] = []] = released;
  if (released.length !== 1 || bucket !== today || amount !== usd.toString())
    throw new Untrue("is not counted in what was released that day", row);
  if (counters.amount(RELEASED_TODAY, today) > micro(policy?.document["maxReleasePerDay"] ?? "0"))
    throw new Untrue("is over the day's maxReleasePerDay", row);
}

/** "5.00" -> 5000000n; nothing for what is no amount. */
const micro = (usd: Json): bigint => decimalOf(textOf(usd), 6) ?? 0n;
