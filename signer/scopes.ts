// Which scopes a payment has to pass: household > unlock > agent > session. The ledger holds them; this is their
// compiled form in memory, changed only after the ledger has recorded the change.
import { asksMemory } from "../policy/approve.ts";
import { compileHousehold, type Household, parseDocument } from "../policy/document.ts";
import type { Addition } from "../policy/evaluate.ts";
import { scopesUnder } from "../policy/chain.ts";
import type { Scope } from "../policy/scope.ts";
import { canonicalAddress } from "../protocol/assets.ts";
import { type Code, X402Error } from "../protocol/errors.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import { DEFAULT_AGENT } from "../protocol/places.ts";
import { EVERYTHING, Frozen } from "./frozen.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { Sessions } from "./sessions.ts";
import { type Limits, type Unlock, Unlocks } from "./unlocks.ts";

export interface AppliedPolicy extends Household {
  readonly version: number;
  /** Unix milliseconds. */
  readonly appliedAt: number;
}

const CACHED_CHAINS = 10_000;

export class Scopes {
  #policy: AppliedPolicy | undefined;
  /** Of the newest document, also when it cannot be read any more. */
  #version: number;
  readonly #ledger: Ledger;
  readonly #sessions: Sessions;
  readonly #frozen: Frozen;
  readonly #unlocks: Unlocks;
  readonly #chains = new Map<string, readonly Scope[]>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#frozen = new Frozen(ledger);
    this.#unlocks = new Unlocks(ledger);
    this.#sessions = new Sessions(ledger, () => {
      this.#chains.clear();
    });
    ({ policy: this.#policy, version: this.#version } = storedPolicy(ledger));
  }

  get policy(): AppliedPolicy | undefined {
    return this.#policy;
  }

  get unlock(): Unlock | undefined {
    return this.#unlocks.running;
  }

  /** The agents that have a socket at the next start. */
  agents(): string[] {
    return [...new Set([DEFAULT_AGENT, ...(this.#policy?.agents.keys() ?? [])])];
  }

  /**
   * The scopes of a payment, outermost first; empty without a policy. An agent that the policy no longer names is
   * frozen. Throws SESSION_UNKNOWN.
   */
  chain(agent: string, session?: string): readonly Scope[] {
    const key = session === undefined ? agent : `${agent}/${session}`;
    const cached = this.#chains.get(key);
    if (cached && session === undefined) return cached;
    const own = session === undefined ? undefined : this.#sessions.scope(agent, session);
    if (cached) return cached;
    if (!this.#policy) return [];
    const chain = scopesUnder(this.#policy, agent, {
      unlock: this.#unlocks.running?.scope,
      session: own,
      frozen: this.#frozen,
    });
    if (this.#chains.size >= CACHED_CHAINS) this.#chains.clear();
    this.#chains.set(key, chain);
    return chain;
  }

  /** Why a payment on record may not be signed again at `now`: frozen, over, or a scope blocks this payee. */
  stops(agent: string, { network, payTo }: PaymentIntent, now: number): Code | undefined {
    const payee = canonicalAddress(network, payTo);
    if (this.isFrozen(agent)) return "SIGNER_FROZEN";
    if ((this.#policy?.expiries.get(agent) ?? Infinity) <= now) return "AGENT_EXPIRED";
    return this.chain(agent).some(({ policy }) => policy.blockedRecipients?.has(payee))
      ? "RECIPIENT_BLOCKED"
      : undefined;
  }

  /**
   * Applies a document over `base` (the hash of the one it was made from, "" for none). Durable when it returns. `by`
   * goes into the row: who asked.
   */
  apply(
    json: unknown,
    base: string,
    fill: (next: Household) => readonly Addition[],
    by: object = {},
  ): AppliedPolicy {
    const document = parseDocument(json);
    if (base !== (this.#policy?.hash ?? "")) throw new X402Error("POLICY_STALE");
    const household = compileHousehold(document);
    const version = this.#version + 1;
    const { hash } = household;
    const fields = { version, hash, base, document, ...by };
    const seq = this.#ledger.record("policy.applied", fields, fill(household), (db, row) => {
      db.prepare("INSERT INTO policies (version, hash, seq) VALUES (?, ?, ?)").run(version, hash, row);
      this.#ledger.memory.keep(asksMemory(document), row, this.#ledger.wholeRows());
    });
    this.#chains.clear();
    this.#version = version;
    this.#policy = { ...household, version, appliedAt: rowTime(this.#ledger, seq) };
    return this.#policy;
  }

  beginUnlock(limits: Limits, fields: { credential?: string }): void {
    this.#chains.clear();
    this.#unlocks.begin(limits, fields);
  }

  /** Goes on with the unlock that this credential began; false when it began none. */
  resumeUnlock(credential: string): boolean {
    this.#chains.clear();
    return this.#unlocks.resume(credential);
  }

  /** False when there is none to end. */
  endUnlock(reason: string, fields: object = {}): boolean {
    this.#chains.clear();
    return this.#unlocks.end(reason, fields);
  }

  credentialHasEnded(credential: string): boolean {
    return this.#unlocks.credentialHasEnded(credential);
  }

  /** True for a counter of an unlock or a session that no payment can name any more, at `now` (unix ms) or later. */
  hasEnded(key: string, bucket: number, now: number): boolean {
    const [scope = "", , window] = key.split("|", 3);
    if (scope.startsWith("unlock:")) return !this.#unlocks.isOpen(Number(scope.slice("unlock:".length)));
    if (!scope.startsWith("session:")) return window === "session" && !this.#unlocks.isOpen(bucket);
    return this.#sessions.hasEnded(scope.slice("session:".length), now);
  }

  /** Opens a session with a policy of the client's. Throws POLICY_INVALID and SESSION_LIMIT. */
  open(agent: string, json: unknown, fields: object = {}): { id: string; endsAt: number } {
    // For its life: in another time zone its days would begin anew.
    return this.#sessions.open(agent, json, this.#policy?.timezone ?? "UTC", fields);
  }

  close(agent: string, id: string, fields: object = {}): void {
    this.#sessions.close(agent, id, fields);
    this.#chains.delete(`${agent}/${id}`);
  }

  /** What is frozen: names of agents, and "*" for everything. */
  get frozen(): readonly string[] {
    return this.#frozen.names();
  }

  /**
   * True when nothing is signed for this agent (for anyone, when none is named) until an operator does something: it is
   * frozen, or the policy no longer names it.
   */
  isFrozen(agent?: string): boolean {
    const gone = agent !== undefined && this.#policy !== undefined && !this.#knows(agent);
    return gone || this.#frozen.holds(agent);
  }

  /** On disk when it returns. `who` is an agent or "*"; `fields` go into the row. Throws AGENT_UNKNOWN. */
  freeze(who: string, fields: object): void {
    if (who !== EVERYTHING && !this.#knows(who)) throw new X402Error("AGENT_UNKNOWN", who);
    this.#frozen.freeze(who, fields);
    this.#chains.clear();
  }

  /** Lifts what was frozen by that name. Throws AGENT_UNKNOWN. */
  unfreeze(who: string, fields: object): void {
    const known = who === EVERYTHING || this.#knows(who) || this.frozen.includes(who);
    if (!known) throw new X402Error("AGENT_UNKNOWN", who);
    this.#frozen.unfreeze(who, fields);
    this.#chains.clear();
  }

  #knows(agent: string): boolean {
    return agent === DEFAULT_AGENT || this.#policy?.agents.has(agent) === true;
  }
}

function storedPolicy(ledger: Ledger): { version: number; policy: AppliedPolicy | undefined } {
  const newest = ledger
    .select("SELECT version, hash, seq FROM policies ORDER BY version DESC LIMIT 1")
    .get() as { version: number; hash: string; seq: number } | undefined;
  const version = newest?.version ?? 0;
  // Without a hash: the newest one could not be read, which the operator accepted.
  if (!newest || newest.hash === "") return { version, policy: undefined };
  const body = JSON.parse(ledger.body(newest.seq)) as { at: number; document: unknown };
  const household = compileHousehold(parseDocument(body.document));
  return { version, policy: { ...household, version, appliedAt: body.at } };
}

const rowTime = (ledger: Ledger, seq: number): number => (JSON.parse(ledger.body(seq)) as { at: number }).at;
