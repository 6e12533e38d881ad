// What a run of rows says of the tables of holds and of what was paid before: held against them at the start, and the
// holds written when a ledger is rebuilt from its record.
import type { DatabaseSync } from "node:sqlite";
import { payeeKey } from "../../policy/memory.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow } from "../../protocol/shapes.ts";
import type { HoldState } from "./holds.ts";
import { type HeldBody, readApproved, readHeld, readReserved } from "./rows.ts";

interface Said {
  readonly held?: HeldBody;
  readonly state: HoldState;
  readonly decided?: number;
}

const ENDED = /^\{"kind":"payment\.(denied|lapsed)"/;
const ACCEPTED_PREFIX = '{"kind":"ledger.accepted"';

export class DerivedHolds {
  readonly #holds = new Map<number, Said>();
  /** Payees, and the newest row that each was paid or approved by. */
  readonly #payees = new Map<string, number>();
  #allEnded = false;

  /** Takes rows oldest first. */
  add(row: AuditRow): void {
    const { seq, body } = row;
    if (body.startsWith(ACCEPTED_PREFIX)) this.#endAll();
    const held = readHeld(body);
    if (held) this.#holds.set(seq, { held, state: "held" });
    const approved = readApproved(body);
    if (approved) this.#say(approved.approval, { state: "approved", decided: seq });
    if (approved?.remember !== undefined) this.#payees.set(payeeKey(approved.network, approved.payTo), seq);
    const ended = ENDED.exec(body)?.[1];
    if (ended !== undefined)
      this.#say((JSON.parse(body) as { approval: number }).approval, { state: ended as "denied" });
    if (body.startsWith('{"kind":"payment.reserved"')) this.#reserved(row);
  }

  /** Throws LEDGER_DAMAGED unless the tables say what these rows say. */
  expect(db: DatabaseSync): void {
    const select = db.prepare("SELECT agent, id, fingerprint, state, decided FROM holds WHERE seq = ?");
    for (const [seq, { held, state, decided }] of this.#holds) {
      const stored = select.get(seq);
      const { agent, id, fingerprint } = held ?? stored ?? {};
      const says = { agent, id, fingerprint, state, decided: decided ?? stored?.["decided"] };
      const isSame = Object.entries(says).every(([key, value]) => stored?.[key] === value);
      if (!stored || !isSame)
        throw new X402Error("LEDGER_DAMAGED", "the table holds does not match the record");
    }
    if (!db.prepare("SELECT 1 FROM meta WHERE key = 'memory'").get()) return;
    const payee = db.prepare("SELECT seq FROM memory WHERE scope = 'payee' AND key = ?");
    for (const [key, seq] of this.#payees)
      if (payee.get(key)?.["seq"] !== seq)
        throw new X402Error("LEDGER_DAMAGED", "the table memory does not match the record");
  }

  /** Puts what these rows say into the table and forgets them; inside the caller's transaction. */
  write(db: DatabaseSync): void {
    if (this.#allEnded) db.exec("UPDATE holds SET state = 'lapsed' WHERE state IN ('held', 'approved')");
    const insert = db.prepare(
      "INSERT OR REPLACE INTO holds (seq, agent, id, fingerprint, state, decided) VALUES (?, ?, ?, ?, ?, ?)",
    );
    const update = db.prepare("UPDATE holds SET state = ?, decided = coalesce(?, decided) WHERE seq = ?");
    for (const [seq, { held, state, decided = null }] of this.#holds) {
      if (held) insert.run(seq, held.agent, held.id, held.fingerprint, state, decided);
      else update.run(state, decided, seq);
    }
    this.#holds.clear();
    this.#payees.clear();
    this.#allEnded = false;
  }

  #reserved({ seq, body }: AuditRow): void {
    const row = readReserved(body);
    if (!row) return;
    this.#payees.set(payeeKey(row.network, row.payTo), seq);
    if (row.approval !== undefined) this.#say(row.approval, { state: "signed" });
  }

  #say(seq: number, says: Omit<Said, "held">): void {
    this.#holds.set(seq, { ...this.#holds.get(seq), ...says });
  }

  /** An acceptance leaves none open. */
  #endAll(): void {
    this.#allEnded = true;
    for (const [seq, said] of this.#holds)
      if (said.state === "held" || said.state === "approved")
        this.#holds.set(seq, { ...said, state: "lapsed" });
  }
}
