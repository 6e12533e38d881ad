// What holds at a row: which vault is unlocked and until when, which policy is in force, who is frozen, which sessions
// are open. Worked out from the rows alone.
import { type Json, type JsonObject, canonical, isAmount, isCount, isText, sha256, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";

export interface Unlock {
  readonly row: number;
  readonly accounts: readonly string[];
  /** Of the unattended unlock that began it. */
  readonly credential?: string;
  /** Unix ms. */
  readonly endsAt?: number;
  /** Micro-USD. */
  readonly spend?: bigint;
  readonly count?: bigint;
}

export interface Policy {
  readonly version: number;
  readonly hash: string;
  readonly document: JsonObject;
  /** The document is in the form that is hashed. */
  readonly isExact: boolean;
}

interface Session {
  readonly agent: string;
  readonly endsAt: number;
}

/** Rows that end an unlock without saying so: the process that held the keys is gone. */
const NEW_PROCESS = ["signer.started", "ledger.migrated"];

export class Standing {
  readonly #ledger: string;
  unlock: Unlock | undefined;
  /** An unattended unlock whose process ended: it may go on in the next one. */
  #waiting: Unlock | undefined;
  policy: Policy | undefined;
  /** The audit key that the newest unlock names. */
  auditKey: string | undefined;
  /** Unix ms of the last row. */
  at = 0;
  /** Rows of version 0.1 lack `used`, policies' hashes and audit keys; an upgrade begins to write them. */
  isOld = false;
  /** The last of them. */
  lastOld = 0;
  readonly frozen = new Set<string>();
  readonly #sessions = new Map<string, Session>();
  #vault: { id: string; generation: number } | undefined;
  /** The operator has accepted another vault than the last one. */
  #vaultAccepted = true;

  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  /** Throws Untrue for a row that cannot stand here. */
  apply(row: number, body: JsonObject): void {
    const { kind, at } = body;
    if (!isText(kind) || !isCount(at)) throw new Untrue("has no kind or no time", row);
    if (at < this.at && kind !== "ledger.accepted") throw new Untrue("is older than the row before it", row);
    this.at = at;
    if (this.isOld) this.lastOld = row;
    if (NEW_PROCESS.includes(kind)) this.#endProcess();
    if (kind.startsWith("ledger.")) this.#ofLedger(kind, row, body);
    else if (kind.startsWith("vault.")) this.#ofVault(kind, row, body);
    else if (kind.startsWith("session.")) this.#ofSession(kind, body);
    else if (kind === "policy.applied") this.#applyPolicy(row, body);
    else if (kind === "agent.frozen") this.frozen.add(textOf(body["agent"]));
    else if (kind === "agent.unfrozen") this.frozen.delete(textOf(body["agent"]));
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** True for a counter of an unlock or a session that is over: no payment can name it any more. */
  hasEnded(key: string, bucket: number): boolean {
    const [scope = "", , window] = key.split("|", 3);
    if (scope.startsWith("unlock:")) return !this.#isOpen(Number(scope.slice("unlock:".length)));
    if (!scope.startsWith("session:")) return window === "session" && !this.#isOpen(bucket);
    return (this.#sessions.get(scope.slice("session:".length))?.endsAt ?? 0) <= this.at;
  }

  /** Sessions that are over need not be remembered. */
  forgetEnded(): void {
    for (const [id, { endsAt }] of this.#sessions) if (endsAt <= this.at) this.#sessions.delete(id);
  }

  #endProcess(): void {
    if (this.unlock?.credential !== undefined) this.#waiting = this.unlock;
    this.unlock = undefined;
  }

  /** A payment may still name this unlock. */
  #isOpen(row: number): boolean {
    return row === this.unlock?.row || row === this.#waiting?.row;
  }

  #ofLedger(kind: string, row: number, { ledger, version, code }: JsonObject): void {
    if ((kind === "ledger.created") !== (row === 1)) throw new Untrue("is not how a ledger begins", row);
    if (kind === "ledger.created") {
      if (ledger !== this.#ledger) throw new Untrue("begins another ledger", row);
      this.isOld = version === 1;
      this.lastOld = this.isOld ? row : 0;
    }
    if (kind === "ledger.migrated") this.isOld = false;
    if (kind === "ledger.accepted" && textOf(code).startsWith("VAULT_")) this.#vaultAccepted = true;
  }

  #ofVault(kind: string, row: number, body: JsonObject): void {
    if (kind === "vault.locked") this.#lock(row, body);
    else if (kind === "vault.resumed") this.#resume(row, body);
    else if (kind === "vault.unlocked") this.#unlock(row, body);
  }

  #lock(row: number, { unlock }: JsonObject): void {
    const ended = this.unlock ?? this.#waiting;
    if (ended?.row !== unlock) throw new Untrue("locks what is not unlocked", row);
    this.unlock = undefined;
    this.#waiting = undefined;
  }

  #resume(row: number, { unlock, credential }: JsonObject): void {
    const waiting = this.#waiting;
    if (!waiting || this.unlock || waiting.row !== unlock || waiting.credential !== credential)
      throw new Untrue("goes on with an unlock that does not wait", row);
    this.unlock = waiting;
    this.#waiting = undefined;
  }

  #unlock(row: number, body: JsonObject): void {
    const { vault, generation, auditKey, accounts, scope, credential } = body;
    if (!isText(vault) || !isCount(generation) || !Array.isArray(accounts))
      throw new Untrue("names no vault", row);
    if (this.unlock) throw new Untrue("unlocks what is unlocked", row);
    this.#mustBeKnown(row, vault, generation, auditKey);
    const { spend, count, endsAt } = (scope ?? {}) as JsonObject;
    this.unlock = {
      row,
      accounts: accounts.map((account) => textOf((account as JsonObject)["address"])),
      ...(isText(credential) ? { credential } : {}),
      ...(isCount(endsAt) ? { endsAt } : {}),
      ...(isAmount(spend) ? { spend: BigInt(spend) } : {}),
      ...(isCount(count) ? { count: BigInt(count) } : {}),
    };
    this.#waiting = undefined;
  }

  /** One ledger, one vault, which only gets newer, and its audit key, unless the operator accepts another. */
  #mustBeKnown(row: number, vault: string, generation: number, auditKey: Json | undefined): void {
    if (this.#vault && !this.#vaultAccepted) {
      if (vault !== this.#vault.id) throw new Untrue("unlocks another vault, which nobody accepted", row);
      if (generation < this.#vault.generation)
        throw new Untrue("unlocks an older vault, which nobody accepted", row);
      if (this.auditKey !== undefined && auditKey !== this.auditKey)
        throw new Untrue("names another audit key for the same vault", row);
    }
    if (auditKey === undefined && !this.isOld) throw new Untrue("names no audit key", row);
    this.#vault = { id: vault, generation };
    this.#vaultAccepted = false;
    this.auditKey = isText(auditKey) ? auditKey : undefined;
  }

  #ofSession(kind: string, { session, agent, endsAt }: JsonObject): void {
    if (!isText(session)) return;
    if (kind === "session.closed") this.#sessions.delete(session);
    else if (kind === "session.opened" && isText(agent) && isCount(endsAt))
      this.#sessions.set(session, { agent, endsAt });
  }

  #applyPolicy(row: number, { version, hash, base, document }: JsonObject): void {
    if (
      !isCount(version) ||
      !isText(hash) ||
      document === null ||
      typeof document !== "object" ||
      Array.isArray(document)
    )
      throw new Untrue("applies no policy", row);
    if (version !== (this.policy?.version ?? 0) + 1 || base !== (this.policy?.hash ?? ""))
      throw new Untrue("does not follow the policy before it", row);
    // Old rows hold the document as it was sent, and the hash of its canonical form.
    if (!this.isOld && sha256(canonical(document)) !== hash)
      throw new Untrue("applies another policy than its hash says", row);
    this.policy = { version, hash, document, isExact: !this.isOld };
  }
}
