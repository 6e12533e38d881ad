// What holds at a row: which vault is unlocked, which policy is in force, what assets cost, who is frozen, which sessions
// are open. Worked out from the rows alone.
import { Assets } from "./assets.ts";
import { Prices } from "./prices.ts";
import { type JsonObject, canonical, isCount, isText, sha256, textOf } from "./text.ts";
import { type Must, Untrue, mustAt } from "./untrue.ts";
import { type Unlock, Vaults } from "./vaults.ts";

export interface Policy {
  readonly version: number;
  readonly hash: string;
  readonly document: JsonObject;
  readonly assets: Assets;
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
  readonly #vaults = new Vaults();
  readonly #sessions = new Map<string, Session>();
  #version = 0;
  policy: Policy | undefined;
  readonly prices = new Prices();
  readonly frozen = new Set<string>();
  /** Unix ms of the first and of the last row. */
  since: number | undefined;
  at = 0;
  /** Rows of version 0.1 lack `used`, policies' hashes and audit keys; an upgrade begins to write them. */
  isOld = false;
  /** The last of them. */
  lastOld = 0;

  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  get unlock(): Unlock | undefined {
    return this.#vaults.unlock;
  }

  /** The audit key that the newest unlock names. */
  get auditKey(): string | undefined {
    return this.#vaults.auditKey;
  }

  /**
   * Throws Untrue for a row that cannot stand here; not where the rows before it are known to be damaged, because then
   * nobody can say so.
   */
  apply(row: number, body: JsonObject, isSound = true): void {
    const must = mustAt(row, isSound);
    const { kind, at } = body;
    if (!isText(kind) || !isCount(at)) throw new Untrue("has no kind or no time", row);
    must(at >= this.at || kind === "ledger.accepted", "is older than the row before it");
    must((this.since === undefined) === isBeginning(kind, this.since), "is not how a ledger begins");
    this.since ??= at;
    this.at = at;
    if (this.isOld) this.lastOld = row;
    if (NEW_PROCESS.includes(kind)) this.#vaults.endProcess();
    if (kind === "ledger.restored") this.#vaults.restored();
    if (kind.startsWith("ledger.")) this.#ofLedger(kind, row, body, must);
    else if (kind.startsWith("vault.")) this.#vaults.apply(kind, row, body, must, this.isOld);
    else if (kind.startsWith("session.")) this.#ofSession(kind, body);
    else if (kind === "policy.applied") this.#applyPolicy(body, must);
    else if (kind === "price.set") this.prices.apply(body, must);
    else if (kind === "agent.frozen") this.frozen.add(textOf(body["agent"]));
    else if (kind === "agent.unfrozen") this.frozen.delete(textOf(body["agent"]));
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** True for a counter of an unlock or a session that is over: no payment can name it any more. */
  hasEnded(key: string, bucket: number): boolean {
    const [scope = "", , window] = key.split("|", 3);
    if (scope.startsWith("unlock:")) return !this.#vaults.isOpen(Number(scope.slice("unlock:".length)));
    if (!scope.startsWith("session:")) return window === "session" && !this.#vaults.isOpen(bucket);
    return (this.#sessions.get(scope.slice("session:".length))?.endsAt ?? 0) <= this.at;
  }

  /** Sessions that are over need not be remembered. */
  forgetEnded(): void {
    for (const [id, { endsAt }] of this.#sessions) if (endsAt <= this.at) this.#sessions.delete(id);
  }

  #ofLedger(kind: string, row: number, body: JsonObject, must: Must): void {
    if (kind === "ledger.created") {
      must(body["ledger"] === this.#ledger, "begins another ledger");
      this.isOld = body["version"] === 1;
      this.lastOld = this.isOld ? row : 0;
    }
    if (kind === "ledger.migrated") this.isOld = false;
    if (kind === "ledger.accepted") this.#accept(body);
  }

  /** All sessions end with it, and a policy that cannot be read is none. */
  #accept(body: JsonObject): void {
    const { noPolicy } = body;
    this.#vaults.accept(body);
    this.#sessions.clear();
    if (!isCount(noPolicy)) return;
    this.#version = noPolicy;
    this.policy = undefined;
  }

  #ofSession(kind: string, { session, agent, endsAt }: JsonObject): void {
    if (!isText(session)) return;
    if (kind === "session.closed") this.#sessions.delete(session);
    else if (kind === "session.opened" && isText(agent) && isCount(endsAt))
      this.#sessions.set(session, { agent, endsAt });
  }

  #applyPolicy({ version, hash, base, document }: JsonObject, must: Must): void {
    const isObject = document !== null && typeof document === "object" && !Array.isArray(document);
    const named = isCount(version) && isText(hash) && isObject;
    must(named, "applies no policy");
    if (!named) return;
    const follows = version === this.#version + 1 && base === (this.policy?.hash ?? "");
    must(follows, "does not follow the policy before it");
    // Old rows hold the document as it was sent, and the hash of its canonical form.
    must(this.isOld || sha256(canonical(document)) === hash, "applies another policy than its hash says");
    this.#version = version;
    this.policy = { version, hash, document, assets: new Assets(document), isExact: !this.isOld };
  }
}

/** A ledger begins with its creation, or with the acceptance that nothing is left of it. */
const isBeginning = (kind: string, since: number | undefined): boolean =>
  kind === "ledger.created" || (kind === "ledger.accepted" && since === undefined);
