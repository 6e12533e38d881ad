// Which scopes a payment has to pass: household > unlock > agent > session. The ledger holds them; this is their
// compiled form in memory, changed only after the ledger has recorded the change.
import { randomBytes } from "node:crypto";
import {
  compileHousehold,
  compileSession,
  type Household,
  parseDocument,
  unlockPolicy,
} from "../policy/document.ts";
import type { Addition } from "../policy/evaluate.ts";
import type { Policy, Scope } from "../policy/scope.ts";
import { canonicalAddress } from "../protocol/assets.ts";
import { type Code, X402Error } from "../protocol/errors.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import { DEFAULT_AGENT } from "../protocol/places.ts";
import type { Ledger } from "./ledger/ledger.ts";

export interface AppliedPolicy extends Household {
  readonly version: number;
  /** Unix milliseconds. */
  readonly appliedAt: number;
}

export interface Unlock {
  /** Ledger position of the unlock: the operator's `session` windows are named by it. */
  readonly seq: number;
  readonly at: number;
  readonly scope: Scope;
}

interface Session {
  readonly agent: string;
  readonly scope: Scope;
}

interface SessionRow {
  agent: string;
  policy: string;
  timezone: string;
  ends_at: number;
  closed: number;
}

const SESSION_MS = 30 * 86_400_000;
export const SESSIONS_PER_DAY = 10_000;
const DAY_MS = 86_400_000;
/** Of the text of sessions' policies. Compiled, a policy takes some ten times as much memory as its text. */
const CACHED_CHARS = 1_000_000;
const CACHED_CHAINS = 10_000;

export class Scopes {
  #policy: AppliedPolicy | undefined;
  #unlock: Unlock | undefined;
  readonly #ledger: Ledger;
  readonly #sessions = new Map<string, Session>();
  readonly #chains = new Map<string, readonly Scope[]>();
  #cachedChars = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#policy = storedPolicy(ledger);
  }

  get policy(): AppliedPolicy | undefined {
    return this.#policy;
  }

  get unlock(): Unlock | undefined {
    return this.#unlock;
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
    const own = session === undefined ? undefined : this.#session(agent, session).scope;
    if (cached) return cached;
    if (!this.#policy) return [];
    const chain = scopesUnder(this.#policy, agent, this.#unlock?.scope, own);
    if (this.#chains.size >= CACHED_CHAINS) this.#chains.clear();
    this.#chains.set(key, chain);
    return chain;
  }

  /** Why a payment on record may not be signed again: a scope of the agent is frozen or blocks this payee now. */
  stops(agent: string, { network, payTo }: PaymentIntent): Code | undefined {
    const payee = canonicalAddress(network, payTo);
    const chain = this.chain(agent);
    if (chain.some(({ frozen }) => frozen)) return "SIGNER_FROZEN";
    return chain.some(({ policy }) => policy.blockedRecipients?.has(payee)) ? "RECIPIENT_BLOCKED" : undefined;
  }

  /** Applies a document over `base` (the hash of the one it was made from, "" for none). Durable when it returns. */
  apply(json: unknown, base: string, fill: (next: Household) => readonly Addition[]): AppliedPolicy {
    const document = parseDocument(json);
    if (base !== (this.#policy?.hash ?? "")) throw new X402Error("POLICY_STALE");
    const household = compileHousehold(document);
    const version = (this.#policy?.version ?? 0) + 1;
    const { hash } = household;
    const fields = { version, hash, base, document: json };
    const seq = this.#ledger.record("policy.applied", fields, fill(household), (db, row) => {
      db.prepare("INSERT INTO policies (version, hash, seq) VALUES (?, ?, ?)").run(version, hash, row);
    });
    this.#chains.clear();
    this.#policy = { ...household, version, appliedAt: rowTime(this.#ledger, seq) };
    return this.#policy;
  }

  beginUnlock(limits: { spend?: bigint; count?: bigint; endsAt?: number }, fields: object): Unlock {
    const { spend, count, endsAt } = limits;
    const scope = {
      ...(spend === undefined ? {} : { spend: spend.toString() }),
      ...(count === undefined ? {} : { count: Number(count) }),
      ...(endsAt === undefined ? {} : { endsAt }),
    };
    const seq = this.#ledger.record("vault.unlocked", { ...fields, scope }, [], (db, row) => {
      db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('unlocked', ?)").run(String(row));
    });
    const fuel = { ...(spend === undefined ? {} : { spend }), ...(count === undefined ? {} : { count }) };
    this.#chains.clear();
    this.#unlock = {
      seq,
      at: rowTime(this.#ledger, seq),
      scope: {
        id: `unlock:${seq}`,
        kind: "unlock",
        policy: unlockPolicy(fuel, this.#policy?.timezone ?? "UTC"),
        frozen: false,
        ...(endsAt === undefined ? {} : { endsAt }),
      },
    };
    return this.#unlock;
  }

  endUnlock(reason: string): void {
    if (!this.#unlock) return;
    const { seq } = this.#unlock;
    this.#chains.clear();
    this.#unlock = undefined;
    this.#ledger.record("vault.locked", { unlock: seq, reason });
  }

  /** True for a counter of an unlock or a session that no payment can name any more. */
  hasEnded(key: string, bucket: number): boolean {
    const [scope = "", , window] = key.split("|", 3);
    if (scope.startsWith("unlock:")) return scope !== this.#unlock?.scope.id;
    if (!scope.startsWith("session:")) return window === "session" && bucket !== this.#unlock?.seq;
    // Asked of every session at a checkpoint: its policy is not needed for it.
    const row = this.#ledger
      .select("SELECT ends_at FROM sessions WHERE id = ? AND closed = 0")
      .get(scope.slice("session:".length)) as { ends_at: number } | undefined;
    return (row?.ends_at ?? 0) <= this.#ledger.latest();
  }

  /** Opens a session with a policy of the client's. Throws POLICY_INVALID and SESSION_LIMIT. */
  open(agent: string, json: unknown): { id: string; endsAt: number } {
    // For its life: in another time zone its days would begin anew.
    const timezone = this.#policy?.timezone ?? "UTC";
    const policy = compileSession(json, timezone);
    const now = this.#ledger.now();
    this.#countOpen(agent, now);
    const id = `s_${randomBytes(12).toString("base64url")}`;
    const endsAt = now + SESSION_MS;
    const text = JSON.stringify(json);
    this.#ledger.record("session.opened", { agent, session: id, endsAt, policy: json }, [], (db) => {
      const columns = "(id, agent, policy, timezone, ends_at, closed)";
      db.prepare(`INSERT INTO sessions ${columns} VALUES (?, ?, ?, ?, ?, 0)`).run(
        id,
        agent,
        text,
        timezone,
        endsAt,
      );
    });
    this.#remember(id, { agent, scope: sessionScope(id, policy, endsAt) }, text.length);
    return { id, endsAt };
  }

  close(agent: string, id: string): void {
    this.#session(agent, id);
    this.#ledger.record("session.closed", { agent, session: id }, [], (db) => {
      db.prepare("UPDATE sessions SET closed = 1 WHERE id = ?").run(id);
    });
    this.#sessions.delete(id);
    this.#chains.delete(`${agent}/${id}`);
  }

  readonly #opened = new Map<string, { day: number; count: number }>();

  #countOpen(agent: string, now: number): void {
    const day = Math.floor(now / DAY_MS);
    const opened = this.#opened.get(agent);
    const count = opened?.day === day ? opened.count : 0;
    if (count >= SESSIONS_PER_DAY) throw new X402Error("SESSION_LIMIT");
    this.#opened.set(agent, { day, count: count + 1 });
  }

  #session(agent: string, id: string): Session {
    const session = this.#sessions.get(id) ?? this.#load(id);
    const over = session && (session.scope.endsAt ?? 0) <= this.#ledger.now();
    if (!session || over || session.agent !== agent) throw new X402Error("SESSION_UNKNOWN");
    return session;
  }

  #load(id: string): Session | undefined {
    const row = this.#ledger
      .select("SELECT agent, policy, timezone, ends_at, closed FROM sessions WHERE id = ?")
      .get(id) as SessionRow | undefined;
    if (!row || row.closed === 1) return undefined;
    const policy = compileSession(JSON.parse(row.policy), row.timezone);
    const session = { agent: row.agent, scope: sessionScope(id, policy, row.ends_at) };
    return this.#remember(id, session, row.policy.length);
  }

  #remember(id: string, session: Session, chars: number): Session {
    this.#cachedChars += chars;
    if (this.#cachedChars > CACHED_CHARS) {
      this.#sessions.clear();
      this.#chains.clear();
      this.#cachedChars = chars;
    }
    this.#sessions.set(id, session);
    return session;
  }
}

/** The chain of scopes under a document, which need not be the applied one. */
export function scopesUnder(
  household: Household,
  agent: string,
  unlock?: Scope,
  session?: Scope,
): readonly Scope[] {
  const scopes: Scope[] = [{ id: "household", kind: "household", policy: household.policy, frozen: false }];
  if (unlock) scopes.push(unlock);
  const policy = household.agents.get(agent);
  // A socket outlives its agent's place in the policy until the next start: nothing passes there.
  const gone = !policy && agent !== DEFAULT_AGENT;
  if (policy || gone) {
    scopes.push({ id: `agent:${agent}`, kind: "agent", policy: policy ?? NO_RULES, frozen: gone });
  }
  return session ? [...scopes, session] : scopes;
}

const NO_RULES: Policy = { budgets: [], counters: [], needsSite: false };

const sessionScope = (id: string, policy: Policy, endsAt: number): Scope => ({
  id: `session:${id}`,
  kind: "session",
  policy,
  endsAt,
  frozen: false,
});

function storedPolicy(ledger: Ledger): AppliedPolicy | undefined {
  const newest = ledger.select("SELECT version, seq FROM policies ORDER BY version DESC LIMIT 1").get() as
    { version: number; seq: number } | undefined;
  if (!newest) return undefined;
  const body = JSON.parse(ledger.body(newest.seq)) as { at: number; document: unknown };
  const household = compileHousehold(parseDocument(body.document));
  return { ...household, version: newest.version, appliedAt: body.at };
}

const rowTime = (ledger: Ledger, seq: number): number => (JSON.parse(ledger.body(seq)) as { at: number }).at;
