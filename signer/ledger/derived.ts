// The tables beside the record (payments, policies, sessions, frozen, accepted, meta) are indexes over it. This is what a run of
// rows says of them: held against the tables at start, written into them when a ledger is rebuilt from its record.
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow } from "../../protocol/shapes.ts";
import { asksMemory } from "../../policy/approve.ts";
import { DerivedHolds } from "./derived-holds.ts";

const bodySchema = z.looseObject({
  kind: z.string(),
  agent: z.string().optional(),
  id: z.string().optional(),
  fingerprint: z.string().optional(),
  version: z.unknown().optional(),
  hash: z.string().optional(),
  document: z.looseObject({ timezone: z.string().optional() }).optional(),
  session: z.string().optional(),
  policy: z.unknown().optional(),
  endsAt: z.number().optional(),
  vault: z.unknown().optional(),
  credential: z.string().optional(),
  unlock: z.int().optional(),
  code: z.unknown().optional(),
  noPolicy: z.int().optional(),
  symbol: z.string().optional(),
});
type Body = z.infer<typeof bodySchema>;

/** What rows say of one intent; members that these rows do not tell are absent. */
interface Payment {
  readonly agent: string;
  readonly id: string;
  fingerprint?: string;
  seq?: number;
  draft?: number;
  state?: "reserved" | "settled" | "released";
}

interface Session {
  agent?: string;
  policy?: string;
  timezone?: string;
  endsAt?: number;
  closed: boolean;
}

export class Derived {
  readonly #payments = new Map<string, Payment>();
  readonly #policies: { version: number; hash: string; seq: number }[] = [];
  readonly #sessions = new Map<string, Session>();
  readonly #frozen = new Map<string, number | undefined>();
  readonly #accepted: number[] = [];
  readonly #holds = new DerivedHolds();
  /** Null where nothing is known any more. */
  readonly #meta = new Map<string, number | null>();
  #timezone = "UTC";
  /** The newest row that unlocked; also of rows that were forgotten here. */
  #last: number | undefined;

  /** Takes rows oldest first. */
  add(audited: AuditRow): void {
    const { seq, body } = audited;
    this.#holds.add(audited);
    const row = bodySchema.parse(JSON.parse(body));
    APPLY[row.kind]?.(this, row, seq);
  }

  /** Throws LEDGER_DAMAGED unless the tables, of schema `version`, say what these rows say. */
  expect(db: DatabaseSync, version: number): void {
    // That of schema 1 does not say what is locked.
    if (version < 2) this.#meta.delete("locked");
    if (version >= 3) this.#holds.expect(db);
    const select = db.prepare("SELECT * FROM payments WHERE agent = ? AND id = ?");
    // A missing row would be a second payment for the same intent; another state, a second release.
    for (const { agent, id, ...says } of this.#payments.values())
      if (!sameMembers(says, select.get(agent, id))) throw mismatch("payments");
    const newest = this.#policies.at(-1);
    const applied = db.prepare("SELECT version, hash, seq FROM policies ORDER BY version DESC LIMIT 1").get();
    if (newest && !sameMembers(newest, applied)) throw mismatch("policies");
    for (const [key, seq] of this.#meta) {
      const stored = db.prepare("SELECT value FROM meta WHERE key = ?").get(key);
      if (stored?.["value"] !== (seq === null ? undefined : String(seq))) throw mismatch("meta");
    }
    for (const seq of this.#accepted) {
      if (!db.prepare("SELECT seq FROM accepted WHERE seq = ?").get(seq)) throw mismatch("accepted");
    }
    for (const [id, session] of this.#sessions) expectSession(db, id, session);
    for (const [agent, seq] of this.#frozen) {
      const stored = db.prepare("SELECT seq FROM frozen WHERE agent = ?").get(agent);
      if (stored?.["seq"] !== seq) throw mismatch("frozen");
    }
  }

  /** Puts what these rows say into the tables and forgets them; inside the caller's transaction. Removes no payment. */
  write(db: DatabaseSync): void {
    const insert = db.prepare(
      "INSERT OR REPLACE INTO payments (agent, id, fingerprint, seq, draft, state) VALUES (?, ?, ?, ?, ?, ?)",
    );
    const update = db.prepare(
      "UPDATE payments SET draft = coalesce(?, draft), state = coalesce(?, state) WHERE agent = ? AND id = ?",
    );
    for (const { agent, id, fingerprint, seq, draft, state } of this.#payments.values()) {
      if (seq === undefined || fingerprint === undefined) update.run(draft ?? null, state ?? null, agent, id);
      else insert.run(agent, id, fingerprint, seq, draft ?? seq, state ?? "reserved");
    }
    for (const { version, hash, seq } of this.#policies) {
      db.prepare("INSERT OR REPLACE INTO policies (version, hash, seq) VALUES (?, ?, ?)").run(
        version,
        hash,
        seq,
      );
    }
    if (this.#accepted.length > 0) db.exec("UPDATE sessions SET closed = 1");
    for (const [key, seq] of this.#meta) {
      if (seq === null) db.prepare("DELETE FROM meta WHERE key = ?").run(key);
      else db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(key, String(seq));
    }
    for (const seq of this.#accepted) db.prepare("INSERT OR REPLACE INTO accepted (seq) VALUES (?)").run(seq);
    for (const [id, session] of this.#sessions) writeSession(db, id, session);
    for (const [agent, seq] of this.#frozen) {
      if (seq === undefined) db.prepare("DELETE FROM frozen WHERE agent = ?").run(agent);
      else db.prepare("INSERT OR REPLACE INTO frozen (agent, seq) VALUES (?, ?)").run(agent, seq);
    }
    this.#holds.write(db);
    this.#forget();
  }

  payment({ agent, id }: Body, says: Omit<Payment, "agent" | "id">): void {
    if (agent === undefined || id === undefined) throw mismatch("payments");
    const key = `${agent}\n${id}`;
    this.#payments.set(key, { agent, id, ...this.#payments.get(key), ...says });
  }

  policy({ version, hash, document }: Body, seq: number): void {
    this.#policies.push({
      ...z.object({ version: z.int(), hash: z.string() }).parse({ version, hash }),
      seq,
    });
    this.#timezone = document?.timezone ?? "UTC";
    this.#meta.set("memory", asksMemory(document) ? seq : null);
  }

  session({ session = "" }: Body, says: Session): void {
    this.#sessions.set(session, { ...this.#sessions.get(session), ...says });
  }

  opened({ agent, policy, endsAt }: Body): Session {
    const text = JSON.stringify(policy);
    return {
      ...(agent === undefined ? {} : { agent }),
      ...(endsAt === undefined ? {} : { endsAt }),
      policy: text,
      timezone: this.#timezone,
      closed: false,
    };
  }

  frozen({ agent = "" }: Body, seq: number | undefined): void {
    this.#frozen.set(agent, seq);
  }

  unlocked({ credential }: Pick<Body, "credential">, seq: number): void {
    this.#meta.set("unlocked", seq);
    this.#last = seq;
    if (credential !== undefined) this.#meta.set(`credential:${credential}`, seq);
  }

  priced({ symbol = "" }: Body, seq: number): void {
    this.#meta.set(`price:${symbol}`, seq);
  }

  locked({ unlock }: Body): void {
    if (unlock !== undefined) this.#meta.set("locked", unlock);
  }

  /** An acceptance ends every session, and may name the vault that is known from then on. */
  accepted({ vault, code, noPolicy }: Body, seq: number): void {
    this.#accepted.push(seq);
    if (noPolicy !== undefined) this.#policies.push({ version: noPolicy, hash: "", seq });
    if (this.#last !== undefined) this.#meta.set("locked", this.#last);
    if (code === "VAULT_OTHER_LEDGER") this.#meta.set("unlocked", null);
    if (code === "VAULT_OTHER_LEDGER") this.#last = undefined;
    if (vault !== undefined) this.unlocked({}, seq);
    for (const session of this.#sessions.values()) session.closed = true;
  }

  #forget(): void {
    this.#payments.clear();
    this.#policies.length = 0;
    this.#sessions.clear();
    this.#frozen.clear();
    this.#accepted.length = 0;
    this.#meta.clear();
  }
}

type Apply = (derived: Derived, row: Body, seq: number) => void;

const draft: Apply = (derived, row, seq) => {
  derived.payment(row, { draft: seq, state: "reserved" });
};

/** Kinds that the tables know of; others leave no trace there. */
const APPLY: Readonly<Record<string, Apply | undefined>> = {
  "payment.reserved": (derived, row, seq) => {
    derived.payment(row, {
      ...(row.fingerprint && { fingerprint: row.fingerprint }),
      seq,
      draft: seq,
      state: "reserved",
    });
  },
  "payment.redrafted": draft,
  "payment.settled": (derived, row) => {
    derived.payment(row, { state: "settled" });
  },
  "payment.released": (derived, row) => {
    derived.payment(row, { state: "released" });
  },
  "policy.applied": (derived, row, seq) => {
    derived.policy(row, seq);
  },
  "session.opened": (derived, row) => {
    derived.session(row, derived.opened(row));
  },
  "session.closed": (derived, row) => {
    derived.session(row, { closed: true });
  },
  "agent.frozen": (derived, row, seq) => {
    derived.frozen(row, seq);
  },
  "agent.unfrozen": (derived, row) => {
    derived.frozen(row, undefined);
  },
  "vault.unlocked": (derived, row, seq) => {
    derived.unlocked(row, seq);
  },
  "vault.locked": (derived, row) => {
    derived.locked(row);
  },
  "price.set": (derived, row, seq) => {
    derived.priced(row, seq);
  },
  "ledger.accepted": (derived, row, seq) => {
    derived.accepted(row, seq);
  },
};

const mismatch = (table: string): X402Error =>
  new X402Error("LEDGER_DAMAGED", `the table ${table} does not match the record`);

const sameMembers = (says: object, stored: Record<string, unknown> | undefined): boolean =>
  stored !== undefined && Object.entries(says).every(([key, value]) => stored[key] === value);

function expectSession(db: DatabaseSync, id: string, { closed, agent, policy, endsAt }: Session): void {
  const says = { closed: closed ? 1 : 0, agent, policy, ends_at: endsAt };
  const told = Object.fromEntries(Object.entries(says).filter(([, value]) => value !== undefined));
  if (!sameMembers(told, db.prepare("SELECT * FROM sessions WHERE id = ?").get(id)))
    throw mismatch("sessions");
}

function writeSession(db: DatabaseSync, id: string, session: Session): void {
  const { agent, policy, timezone, endsAt, closed } = session;
  if (agent === undefined || policy === undefined || timezone === undefined || endsAt === undefined) {
    db.prepare("UPDATE sessions SET closed = 1 WHERE id = ?").run(id);
    return;
  }
  db.prepare(
    "INSERT OR REPLACE INTO sessions (id, agent, policy, timezone, ends_at, closed) VALUES (?, ?, ?, ?, ?, ?)",
  ).run(id, agent, policy, timezone, endsAt, closed ? 1 : 0);
}
