// Payments that wait for a person. Each is held once, counted while it waits, and ends once: signed within what was
// approved, or given back. What is remembered of those that are over is in intents.ts.
import type { Counters } from "./counters.ts";
import type { Counter } from "./export-file.ts";
import type { Digest } from "./intents.ts";
import type { Standing } from "./standing.ts";
import { type JsonObject, decimalOf, isAmount, isCount, isText, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";

interface Hold {
  /** Of the intent. */
  readonly name: Digest;
  readonly agent: string;
  readonly usd: bigint;
  readonly isApproved: boolean;
  /** Unix ms. */
  readonly until: number;
}

const DECIDED = ["agent", "id", "usd"];
const BOUND = ["network", "asset", "amount", "payTo"];

export class Holds {
  /** Those that are open, by their row. */
  readonly #open = new Map<number, Hold & { readonly body: JsonObject }>();

  begin(row: number, body: JsonObject, name: Digest, add: readonly Counter[]): void {
    const { agent, usd, until, at, checks } = body;
    if (!isText(agent) || !isAmount(usd) || !isCount(until) || !isCount(at) || until <= at)
      throw new Untrue("is not a payment that waits", row);
    if (!Array.isArray(checks) || checks.length === 0) throw new Untrue("waits for no reason", row);
    const held = add.filter(([key]) => key === heldKey(agent));
    if (held.length !== 1 || held[0]?.[2] !== usd) throw new Untrue("is not counted as held", row);
    this.#open.set(row, { name, agent, usd: BigInt(usd), until, isApproved: false, body });
  }

  approve(row: number, body: JsonObject, { at, policy }: Standing): void {
    const { approval, until, by, usd } = body;
    const hold = this.#of(row, body, [...DECIDED, ...BOUND]);
    if (hold.isApproved) throw new Untrue("approves a second time", row);
    if (at >= hold.until) throw new Untrue("approves what has lapsed", row);
    if (!isCount(until) || until <= at) throw new Untrue("approves for no time", row);
    if (by === "desk" && BigInt(textOf(usd)) > deskMax(policy?.document ?? {}, hold.agent))
      throw new Untrue("is more than a desk may approve", row);
    this.#open.set(Number(approval), { ...hold, isApproved: true, until });
  }

  /** Denied or lapsed. Returns the intent's name. */
  end(row: number, body: JsonObject, add: readonly Counter[], at: number, counters: Counters): Digest {
    const hold = this.#of(row, body, DECIDED);
    if (body["kind"] === "payment.lapsed" && at < hold.until) throw new Untrue("lapses before its time", row);
    takenBack(row, hold, add, counters);
    this.#open.delete(Number(body["approval"]));
    return hold.name;
  }

  /** What a signed one adds itself, without what it takes back. `usd`: what it counts for. */
  sign(
    row: number,
    body: JsonObject,
    usd: bigint,
    at: number,
    add: readonly Counter[],
    counters: Counters,
  ): readonly Counter[] {
    const hold = this.#of(row, body, ["agent", "id", "fingerprint", "from", ...BOUND]);
    if (!hold.isApproved) throw new Untrue("signs what nobody has approved", row);
    if (at >= hold.until) throw new Untrue("signs what has lapsed", row);
    if (usd > hold.usd) throw new Untrue("is more than was approved", row);
    const own = add.findIndex(([, , amount]) => !amount.startsWith("-"));
    const split = own === -1 ? add.length : own;
    takenBack(row, hold, add.slice(0, split), counters, true);
    this.#open.delete(Number(body["approval"]));
    return add.slice(split);
  }

  /** Whatever the row says: nothing can be held against it behind a damaged one. */
  forget(approval: unknown): void {
    this.#open.delete(Number(approval));
  }

  /** An acceptance ends all of them. Returns the names of their intents. */
  endAll(): Digest[] {
    const names = [...this.#open.values()].map(({ name }) => name);
    this.#open.clear();
    return names;
  }

  #of(row: number, body: JsonObject, same: readonly string[]): Hold & { readonly body: JsonObject } {
    const hold = this.#open.get(Number(body["approval"]));
    if (!hold) throw new Untrue("names nothing that waits", row);
    if (same.some((field) => hold.body[field] !== body[field]))
      throw new Untrue("names another payment than the one that waits", row);
    return hold;
  }
}

/** At most what was held, once from each counter, and all of what was counted as held. */
function takenBack(
  row: number,
  { agent, usd }: Hold,
  taken: readonly Counter[],
  counters: Counters,
  isFollowed = false,
): void {
  const most = (key: string): bigint => (key.split("|")[1] === "count" ? 1n : usd);
  // What is added again behind it is in the sums by now.
  const isLeft = (key: string, bucket: number): boolean => isFollowed || counters.amount(key, bucket) >= 0n;
  const fits = ([key, bucket, amount]: Counter): boolean =>
    BigInt(amount) < 0n && -BigInt(amount) <= most(key) && isLeft(key, bucket);
  const names = new Set(taken.map(([key, bucket]) => `${key}\n${bucket}`));
  const held = taken.find(([key]) => key === heldKey(agent));
  if (!taken.every(fits) || names.size !== taken.length || held?.[2] !== `-${usd}`)
    throw new Untrue("gives back another amount than was held", row);
}

const heldKey = (agent: string): string => `agent:${agent}|held|total`;

/** The documents' rules for one agent: the household's and its own. */
export function rulesFor(document: JsonObject, agent: string): JsonObject[] {
  const agents = (document["agents"] ?? {}) as JsonObject;
  return [document, ...(Object.hasOwn(agents, agent) ? [agents[agent] as JsonObject] : [])];
}

function deskMax(document: JsonObject, agent: string): bigint {
  const said = rulesFor(document, agent).flatMap(({ approve }) =>
    approve === undefined ? [] : [decimalOf(textOf((approve as JsonObject)["deskMax"] ?? "0"), 6) ?? 0n],
  );
  return said.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined) ?? 0n;
}

/** Somebody has to be asked before this much is paid. */
export const mustBeAsked = (document: JsonObject, agent: string, usd: bigint): boolean =>
  rulesFor(document, agent).some(({ approve }) => {
    const above = (approve as JsonObject | undefined)?.["above"];
    return above !== undefined && usd > (decimalOf(textOf(above), 6) ?? 0n);
  });
