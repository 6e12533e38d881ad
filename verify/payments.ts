// Payments: each intent once, by an agent that may, from an account of the vault that is unlocked, under the policy in
// force, with a draft that pays exactly what its row says.
import { type Counters } from "./counters.ts";
import { nonceOf } from "./draft.ts";
import type { Counter } from "./export-file.ts";
import { type Digest, Intents, LIVE, RELEASED, SETTLED } from "./intents.ts";
import { Limits, givenBack } from "./limits.ts";
import type { Standing } from "./standing.ts";
import { Totals } from "./totals.ts";
import { type JsonObject, canonical, isAmount, isCount, isText, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";

/** What the checks read of a payment's row. */
interface Terms {
  readonly agent: string;
  readonly id: string;
  readonly network: string;
  readonly amount: string;
  readonly usd: string;
  readonly expires: number;
}

export class Payments {
  readonly totals = new Totals();
  readonly #intents = new Intents();
  readonly #limits = new Limits();
  readonly #standing: Standing;
  readonly #counters: Counters;

  constructor(standing: Standing, counters: Counters) {
    this.#standing = standing;
    this.#counters = counters;
  }

  /** A row whose counters have been added. Throws Untrue. */
  apply(row: number, body: JsonObject, add: readonly Counter[]): void {
    const { kind } = body;
    if (kind === "payment.reserved" || kind === "payment.redrafted") this.#draft(row, body, add);
    else if (kind === "payment.released") this.#end(row, body, RELEASED, add);
    else if (kind === "payment.settled") this.#end(row, body, SETTLED, add);
  }

  /** A row behind a damaged one: what it says of its intent stays true, whatever it was decided by. */
  note(row: number, body: JsonObject): void {
    const { kind } = body;
    const ended = kind === "payment.released" ? RELEASED : kind === "payment.settled" ? SETTLED : undefined;
    const isDraft = kind === "payment.reserved" || kind === "payment.redrafted";
    if (ended === undefined && !isDraft) return; // a decline has no draft to read
    const { name, terms } = this.#named(body);
    const known = this.#intents.find(name);
    if (ended !== undefined && known) this.#intents.set(name, { ...known, state: ended });
    if (!isDraft) return;
    const { amount, usd, expires } = termsOf(row, body);
    this.#intents.set(name, { terms, usd: BigInt(usd), expires, state: LIVE });
    if (kind === "payment.reserved") this.totals.add(body, BigInt(amount), BigInt(usd));
  }

  #draft(row: number, body: JsonObject, add: readonly Counter[]): void {
    const { agent, id, amount, usd, expires } = termsOf(row, body);
    const { at } = this.#standing;
    this.#allowed(row, agent, body);
    const { name, terms } = this.#named(body, row);
    const known = this.#intents.find(name);
    const isFirst = body["kind"] === "payment.reserved";
    if (isFirst && known) throw new Untrue(`pays intent ${id} of ${agent} a second time`, row);
    if (!isFirst && (known?.state !== LIVE || known.terms.join() !== terms.join()))
      throw new Untrue("drafts another payment than the intent's first", row);
    if (known && known.expires * 1000 > at) throw new Untrue("drafts again what is still alive", row);
    this.#intents.set(name, { terms, usd: BigInt(usd), expires, state: LIVE });
    const spend = { row, agent, at, until: expires * 1000, usd: BigInt(usd), add, isFirst };
    if (this.#standing.policy?.isExact) this.#limits.check(spend, this.#standing, this.#counters);
    if (isFirst) this.totals.add(body, BigInt(amount), BigInt(usd));
  }

  /** What names the intent, and what stays the same in all its drafts. With `row` the draft must pay what it says. */
  #named(body: JsonObject, row?: number): { name: Digest; terms: Digest } {
    const { agent, id } = body;
    const same = ["fingerprint", "scheme", "network", "asset", "payTo", "amount", "from"];
    const nonce = textOf(body["network"]).startsWith("eip155:") ? nonceIn(body) : "";
    if (nonce === undefined && row !== undefined)
      throw new Untrue("has a draft that pays something else", row);
    return {
      name: this.#intents.digest(`${textOf(agent)}\n${textOf(id)}`),
      terms: this.#intents.digest(canonical([...same.map((field) => body[field] ?? null), nonce ?? ""])),
    };
  }

  /** A desk has shown that it was used, or that it never can be: final, either way. */
  #end(
    row: number,
    body: JsonObject,
    state: typeof SETTLED | typeof RELEASED,
    add: readonly Counter[],
  ): void {
    const { usd, findings } = body;
    const { name } = this.#named(body);
    const known = this.#intents.find(name);
    if (known?.state !== LIVE) throw new Untrue("ends what is not reserved", row);
    const { at } = this.#standing;
    if (known.expires * 1000 > at) throw new Untrue("ends what is still alive", row);
    if (known.usd.toString() !== usd) throw new Untrue("ends another amount than was reserved", row);
    const endpoints = (Array.isArray(findings) ? findings : []).map((one) =>
      textOf((one as JsonObject)["endpoint"]),
    );
    if (new Set(endpoints).size < 2) throw new Untrue("rests on fewer than two endpoints", row);
    givenBack(
      row,
      known.usd,
      add,
      this.#counters,
      state === RELEASED ? this.#standing.policy : undefined,
      at,
    );
    this.#intents.set(name, { ...known, state });
    this.totals.end(state === RELEASED ? "released" : "settled", known.usd);
  }

  #allowed(row: number, agent: string, body: JsonObject): void {
    const { policy, unlock, frozen, at, isOld } = this.#standing;
    if (!policy || body["policy"] !== policy.version)
      throw new Untrue("is not under the policy in force", row);
    if (!isOld && body["policyHash"] !== policy.hash)
      throw new Untrue("names another policy by its hash", row);
    if (!unlock || body["unlock"] !== unlock.row) throw new Untrue("is signed while locked", row);
    if (unlock.endsAt !== undefined && at >= unlock.endsAt)
      throw new Untrue("is signed after the unlock's end", row);
    if (!unlock.accounts.includes(textOf(body["from"])))
      throw new Untrue("pays from an account of no vault", row);
    if (frozen.has(agent) || frozen.has("*")) throw new Untrue("is signed while frozen", row);
    this.#mayPay(row, agent, policy.document, body);
    const { session } = body;
    if (!isText(session)) return;
    const open = this.#standing.session(session);
    if (open?.agent !== agent || open.endsAt <= at) throw new Untrue("names a session that is not open", row);
  }

  /** The lists that bind whatever an agent claims. */
  #mayPay(row: number, agent: string, document: JsonObject, body: JsonObject): void {
    const agents = (document["agents"] ?? {}) as JsonObject;
    if (agent !== "default" && !Object.hasOwn(agents, agent))
      throw new Untrue("is by an agent of no policy", row);
    if (this.#standing.policy?.isExact !== true) return;
    const own = Object.hasOwn(agents, agent) ? (agents[agent] as JsonObject) : {};
    const payee = textOf(body["payTo"]).toLowerCase();
    const has = (list: unknown, item: string): boolean =>
      Array.isArray(list) && list.some((other) => String(other).toLowerCase() === item.toLowerCase());
    for (const rules of [document, own]) {
      const { allowedNetworks, allowedRecipients, blockedRecipients } = rules;
      if (allowedNetworks !== undefined && !has(allowedNetworks, textOf(body["network"])))
        throw new Untrue("is on a network that is not allowed", row);
      if (allowedRecipients !== undefined && !has(allowedRecipients, payee))
        throw new Untrue("pays somebody who is not allowed", row);
      if (has(blockedRecipients, payee)) throw new Untrue("pays somebody who is blocked", row);
    }
  }
}

/** Of an EVM draft in the one spelling of base64. */
function nonceIn(body: JsonObject): string | undefined {
  const text = textOf(body["draft"]);
  const draft = Buffer.from(text, "base64");
  return draft.toString("base64") === text ? nonceOf(draft, body) : undefined;
}

function termsOf(row: number, body: JsonObject): Terms {
  const { agent, id, network, amount, usd, expires } = body;
  if (
    !isText(agent) ||
    !isText(id) ||
    !isText(network) ||
    !isAmount(amount) ||
    !isAmount(usd) ||
    usd.startsWith("-") ||
    !isCount(expires)
  )
    throw new Untrue("is not a payment", row);
  return { agent, id, network, amount, usd, expires };
}
