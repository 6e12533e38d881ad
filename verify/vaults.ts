// Which vault is unlocked, until when and for how much. One ledger, one vault, which only gets newer, and its one audit
// key, unless the operator accepts another.
import { type JsonObject, isAmount, isCount, isText, textOf } from "./text.ts";
import { type Must } from "./untrue.ts";

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

export class Vaults {
  unlock: Unlock | undefined;
  /** The audit key that the newest unlock names. */
  auditKey: string | undefined;
  /** An unattended unlock whose process ended: it may go on in the next one. */
  #waiting: Unlock | undefined;
  #known: { id: string; generation: number } | undefined;

  apply(kind: string, row: number, body: JsonObject, must: Must, isOld: boolean): void {
    if (kind === "vault.locked") this.#lock(body, must);
    else if (kind === "vault.resumed") this.#resume(body, must);
    else if (kind === "vault.unlocked") this.#unlock(row, body, must, isOld);
  }

  /** The process that held the keys is gone. */
  endProcess(): void {
    if (this.unlock?.credential !== undefined) this.#waiting = this.unlock;
    this.unlock = undefined;
  }

  /** The ledger was made anew of a backup: no unlock goes on. */
  restored(): void {
    this.unlock = undefined;
    this.#waiting = undefined;
  }

  /** A payment may still name this unlock. */
  isOpen(row: number): boolean {
    return row === this.unlock?.row || row === this.#waiting?.row;
  }

  /** The operator accepted something: another vault, or any. */
  accept({ code, vault }: JsonObject): void {
    this.endProcess();
    const { vault: id, generation, auditKey } = (vault ?? {}) as JsonObject;
    if (isText(id) && isCount(generation)) {
      this.#known = { id, generation };
      this.auditKey = isText(auditKey) ? auditKey : undefined;
    }
    if (code !== "VAULT_OTHER_LEDGER") return;
    this.#known = undefined;
    this.auditKey = undefined;
  }

  #lock({ unlock }: JsonObject, must: Must): void {
    const ended = this.unlock ?? this.#waiting;
    must(ended?.row === unlock, "locks what is not unlocked");
    this.unlock = undefined;
    this.#waiting = undefined;
  }

  #resume({ unlock, credential }: JsonObject, must: Must): void {
    const waiting = this.#waiting;
    const right = waiting?.row === unlock && waiting?.credential === credential;
    must(right && !this.unlock, "goes on with an unlock that does not wait");
    this.unlock = waiting;
    this.#waiting = undefined;
  }

  #unlock(row: number, body: JsonObject, must: Must, isOld: boolean): void {
    const { vault, generation, auditKey, accounts, scope, credential } = body;
    const named = isText(vault) && isCount(generation) && Array.isArray(accounts);
    must(named, "names no vault");
    if (!named) return;
    must(!this.unlock, "unlocks what is unlocked");
    must(isText(auditKey) || isOld, "names no audit key");
    this.#mustBeKnown(vault, generation, auditKey, must);
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

  #mustBeKnown(id: string, generation: number, auditKey: unknown, must: Must): void {
    const known = this.#known;
    must(!known || id === known.id, "unlocks another vault, which nobody accepted");
    must(!known || generation >= known.generation, "unlocks an older vault, which nobody accepted");
    const sameKey = this.auditKey === undefined || auditKey === this.auditKey;
    must(sameKey || id !== known?.id, "names another audit key for the same vault");
    this.#known = { id, generation };
    this.auditKey = typeof auditKey === "string" ? auditKey : undefined;
  }
}
