// Sessions: rules of a client's own, for a while. The ledger holds them; this is what is open, compiled when asked for.
import { randomBytes } from "node:crypto";
import { compileSession } from "../policy/document.ts";
import type { Addition } from "../policy/evaluate.ts";
import type { Policy, Scope } from "../policy/scope.ts";
import { X402Error } from "../protocol/errors.ts";
import type { Ledger } from "./ledger/ledger.ts";

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

export class Sessions {
  readonly #ledger: Ledger;
  readonly #onForget: () => void;
  readonly #sessions = new Map<string, Session>();
  #cachedChars = 0;

  /** `onForget`: compiled sessions are dropped to keep memory small; whoever holds their scopes drops them too. */
  constructor(ledger: Ledger, onForget: () => void) {
    this.#ledger = ledger;
    this.#onForget = onForget;
  }

  /** Opens one with a policy of the client's. Throws POLICY_INVALID, SESSION_LIMIT and DISK_LOW. */
  open(agent: string, json: unknown, timezone: string, fields: object): { id: string; endsAt: number } {
    const policy = compileSession(json, timezone);
    const now = this.#ledger.now();
    const opened = this.#opened(agent, now);
    const id = `s_${randomBytes(12).toString("base64url")}`;
    const endsAt = now + SESSION_MS;
    const text = JSON.stringify(json);
    this.#ledger.record(
      "session.opened",
      { agent, session: id, endsAt, policy: json, ...fields },
      [opened],
      (db) => {
        const columns = "(id, agent, policy, timezone, ends_at, closed)";
        db.prepare(`INSERT INTO sessions ${columns} VALUES (?, ?, ?, ?, ?, 0)`).run(
          id,
          agent,
          text,
          timezone,
          endsAt,
        );
      },
    );
    this.#remember(id, { agent, scope: sessionScope(id, policy, endsAt) }, text.length);
    return { id, endsAt };
  }

  /** Throws SESSION_UNKNOWN. */
  close(agent: string, id: string, fields: object): void {
    this.scope(agent, id);
    this.#ledger.record("session.closed", { agent, session: id, ...fields }, [], (db) => {
      db.prepare("UPDATE sessions SET closed = 1 WHERE id = ?").run(id);
    });
    this.#sessions.delete(id);
  }

  /** Of an open session of this agent. Throws SESSION_UNKNOWN. */
  scope(agent: string, id: string): Scope {
    const session = this.#sessions.get(id) ?? this.#load(id);
    const over = session && (session.scope.endsAt ?? 0) <= this.#ledger.now();
    if (!session || over || session.agent !== agent) throw new X402Error("SESSION_UNKNOWN");
    return session.scope;
  }

  /** Asked of every session at a checkpoint: its policy is not needed for it. */
  hasEnded(id: string, now: number): boolean {
    const row = this.#ledger.select("SELECT ends_at FROM sessions WHERE id = ? AND closed = 0").get(id) as
      { ends_at: number } | undefined;
    return (row?.ends_at ?? 0) <= now;
  }

  /** One more on this day (UTC), by a counter that outlives a restart. */
  #opened(agent: string, now: number): Addition {
    if (this.#ledger.spaceIsLow) throw new X402Error("DISK_LOW");
    const key = `agent:${agent}|sessions|day`;
    const bucket = Math.floor(now / DAY_MS) * (DAY_MS / 1000);
    const used = this.#ledger.books(now).used(key, bucket, bucket);
    if (used >= SESSIONS_PER_DAY) throw new X402Error("SESSION_LIMIT");
    return { key, bucket, amount: 1n };
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
      this.#onForget();
      this.#cachedChars = chars;
    }
    this.#sessions.set(id, session);
    return session;
  }
}

const sessionScope = (id: string, policy: Policy, endsAt: number): Scope => ({
  id: `session:${id}`,
  kind: "session",
  policy,
  endsAt,
  frozen: false,
});
