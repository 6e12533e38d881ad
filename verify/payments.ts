// Payments: each intent once, by an agent that may, from an account of the vault that is unlocked, under the policy in
// force, with a draft that pays exactly what its row says.
import { type Counters } from "./counters.ts";
import { type Draft, readDraft } from "./draft.ts";
import type { Counter } from "./export-file.ts";
import { Inputs } from "./inputs.ts";
import { Holds, mustBeAsked } from "./holds.ts";
import { type Digest, HELD, type Intent, Intents, LAPSED, LIVE, RELEASED, SETTLED } from "./intents.ts";
import { Limits, type Spend, givenBack } from "./limits.ts";
import type { Standing } from "./standing.ts";
import { Totals } from "./totals.ts";
import { type JsonObject, canonical, comparable, isAmount, isCount, isText, textOf } from "./text.ts";
import { Untrue, mustAt } from "./untrue.ts";
import { worthOf } from "./worth.ts";

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
  readonly #inputs = new Inputs();
  readonly #holds = new Holds();
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
    else if (kind === "payment.held") this.#hold(row, body, add);
    else if (kind === "payment.approved") this.#holds.approve(row, body, this.#standing);
    else if (kind === "payment.denied" || kind === "payment.lapsed") {
      this.#lapsed(this.#holds.end(row, body, add, this.#standing.at, this.#counters));
    }
  }

  /** An acceptance leaves none that waits. */
  endHolds(): void {
    for (const name of this.#holds.endAll()) this.#lapsed(name);
  }

  #lapsed(name: Digest): void {
    const known = this.#intents.find(name);
    if (known) this.#intents.set(name, { ...known, state: LAPSED });
  }

  #hold(row: number, body: JsonObject, add: readonly Counter[]): void {
    const { agent, id, usd, expires } = termsOf(row, body);
    const { at } = this.#standing;
    this.#allowed(row, agent, body);
    const name = this.#nameOf(body);
    if (this.#intents.find(name)) throw new Untrue(`holds intent ${id} of ${agent} a second time`, row);
    this.#holds.begin(row, body, name, add);
    this.#intents.set(name, { terms: name, usd: BigInt(usd), expires, state: HELD });
    const worth = { usd: BigInt(usd), networkFee: 0n };
    const spend = { row, agent, at, until: expires * 1000, usd: BigInt(usd), add, isFirst: true, worth };
    if (this.#standing.policy?.isExact) this.#limits.check(spend, this.#standing, this.#counters);
  }

  /** A row behind a damaged one: what it says of its intent stays true, whatever it was decided by. */
  note(row: number, body: JsonObject): void {
    const { kind } = body;
    if (kind === "payment.held")
      this.#intents.set(this.#nameOf(body), { terms: [0, 0], usd: 0n, expires: 0, state: LAPSED });
    if (kind === "payment.denied" || kind === "payment.lapsed" || kind === "payment.reserved")
      this.#holds.forget(body["approval"]);
    const ended = kind === "payment.released" ? RELEASED : kind === "payment.settled" ? SETTLED : undefined;
    const isDraft = kind === "payment.reserved" || kind === "payment.redrafted";
    if (ended === undefined && !isDraft) return; // a decline has no draft to read
    const name = this.#nameOf(body);
    const known = this.#intents.find(name);
    if (ended !== undefined && known) this.#intents.set(name, { ...known, state: ended });
    if (!isDraft) return;
    const { amount, usd, expires } = termsOf(row, body);
    const draft = readDraft(body);
    const terms = this.#sameInAll(body, draft);
    this.#intents.set(name, { terms, usd: BigInt(usd), expires, state: LIVE });
    this.#inputs.take(draft?.inputs ?? [], expires, this.#standing.at);
    if (kind === "payment.reserved") this.totals.add(body, BigInt(amount), BigInt(usd));
  }

  #draft(row: number, body: JsonObject, add: readonly Counter[]): void {
    const { agent, id, amount, usd, expires } = termsOf(row, body);
    const { at } = this.#standing;
    this.#allowed(row, agent, body);
    const draft = readDraft(body);
    if (!draft) throw new Untrue("has a draft that pays something else", row);
    const name = this.#nameOf(body);
    const known = this.#intents.find(name);
    const terms = this.#sameInAll(body, draft);
    const isFirst = body["kind"] === "payment.reserved";
    const isApproved = isFirst && known?.state === HELD;
    if (isFirst && known && !isApproved) throw new Untrue(`pays intent ${id} of ${agent} a second time`, row);
    if (!isFirst) mayBeNew(row, body, known, terms, at);
    if (this.#inputs.areTaken(draft.inputs, at))
      throw new Untrue("spends an input that another payment may still spend", row);
    this.#intents.set(name, { terms, usd: BigInt(usd), expires, state: LIVE });
    this.#inputs.take(draft.inputs, expires, at);
    const own = isApproved ? this.#holds.sign(row, body, BigInt(usd), at, add, this.#counters) : add;
    const spend = { row, agent, at, until: expires * 1000, usd: BigInt(usd), add: own, isFirst };
    this.#mustBeCounted(spend, body, draft, isApproved ? 0n : (known?.usd ?? 0n));
    const { policy } = this.#standing;
    if (isFirst && !isApproved && policy?.isExact && mustBeAsked(policy.document, agent, BigInt(usd)))
      throw new Untrue("is more than may be paid without a person's word", row);
    if (isFirst) this.totals.add(body, BigInt(amount), BigInt(usd));
  }

  /** At what it is worth, within the limits. Of several drafts the dearest counts: `before` is what the others did. */
  #mustBeCounted(spend: Omit<Spend, "worth">, body: JsonObject, draft: Draft, before: bigint): void {
    const { policy, prices, at } = this.#standing;
    if (!policy?.isExact) return;
    const asset = policy.assets.of(textOf(body["network"]), textOf(body["asset"]));
    const worth = worthOf(body, draft.parts, asset, prices, at, mustAt(spend.row));
    const usd = worth.usd > before ? worth.usd : before;
    if (spend.usd !== usd) throw new Untrue(`counts ${spend.usd} micro-USD, and is worth ${usd}`, spend.row);
    this.#limits.check({ ...spend, worth }, this.#standing, this.#counters);
  }

  #nameOf({ agent, id }: JsonObject): Digest {
    return this.#intents.digest(`${textOf(agent)}\n${textOf(id)}`);
  }

  /** What stays the same in all drafts of an intent. */
  #sameInAll(body: JsonObject, draft: Draft | undefined): Digest {
    const same = ["fingerprint", "scheme", "network", "asset", "payTo", "amount", "from"];
    const fields = same.map((field) => body[field] ?? null);
    return this.#intents.digest(canonical([...fields, draft?.nonce ?? ""]));
  }

  /** A desk has shown that it was used, or that it never can be: final, either way. */
  #end(
    row: number,
    body: JsonObject,
    state: typeof SETTLED | typeof RELEASED,
    add: readonly Counter[],
  ): void {
    const { usd, findings } = body;
    const name = this.#nameOf(body);
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
    const payee = textOf(body["payTo"]);
    const has = (list: unknown, item: string): boolean =>
      Array.isArray(list) && list.some((other) => comparable(String(other)) === comparable(item));
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

/** A new draft: of the same payment, which was not ended, and whose last draft is over. */
function mayBeNew(
  row: number,
  { network }: JsonObject,
  known: Intent | undefined,
  terms: Digest,
  at: number,
): void {
  if (known?.state !== LIVE || known.terms.join() !== terms.join())
    throw new Untrue("drafts another payment than the intent's first", row);
  if (known.expires * 1000 > at) throw new Untrue("drafts again what is still alive", row);
  // A message on Solana has no nonce and no time in it: two of them are two payments.
  if (textOf(network).startsWith("solana:")) throw new Untrue("drafts a payment on Solana again", row);
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
