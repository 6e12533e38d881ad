// The unlock that runs, and the one that waits: an unattended unlock (a credential's) outlives the process, and goes on
// with what is left of it when the same credential is there at the next start. Everything else ends with the process.
import { unlockPolicy } from "../policy/document.ts";
import type { Scope } from "../policy/scope.ts";
import { NEEDS_PERSON, personCame } from "./ledger/attended.ts";
import type { Ledger } from "./ledger/ledger.ts";

export interface Unlock {
  /** Ledger position of the unlock: the operator's `session` windows are named by it. */
  readonly seq: number;
  readonly at: number;
  readonly scope: Scope;
  /** The id of the credential that began it. */
  readonly credential?: string;
}

/** All that an unlock may be limited by. */
export interface Limits {
  /** Micro-USD. */
  readonly spend?: bigint;
  readonly count?: bigint;
  /** Unix milliseconds. */
  readonly endsAt?: number;
}

/** What is read of a vault.unlocked row. */
interface UnlockedBody {
  readonly at: number;
  readonly credential?: string;
  readonly scope: { readonly spend?: string; readonly count?: number; readonly endsAt?: number };
}

export class Unlocks {
  readonly #ledger: Ledger;
  #running: Unlock | undefined;
  #waiting: Unlock | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#waiting = storedUnlock(ledger);
  }

  get running(): Unlock | undefined {
    return this.#running;
  }

  begin({ spend, count, endsAt }: Limits, fields: { credential?: string }): void {
    const scope = {
      ...(spend === undefined ? {} : { spend: spend.toString() }),
      ...(count === undefined ? {} : { count: Number(count) }),
      ...(endsAt === undefined ? {} : { endsAt }),
    };
    const seq = this.#ledger.record("vault.unlocked", { ...fields, scope }, [], (db, row) => {
      const set = db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)");
      set.run("unlocked", String(row));
      if (fields.credential === undefined) personCame(db);
      else set.run(usedKey(fields.credential), String(row));
    });
    this.#running = readUnlock(this.#ledger, seq);
    this.#waiting = undefined;
  }

  /** Goes on with the unlock that this credential began; false when it began none. */
  resume(credential: string): boolean {
    const unlock = this.#waiting;
    if (unlock?.credential !== credential) return false;
    this.#ledger.record("vault.resumed", { unlock: unlock.seq, credential });
    this.#running = unlock;
    this.#waiting = undefined;
    return true;
  }

  /** Of the one that runs, or else of the one that waits. False when there is none. */
  end(reason: string, fields: object): boolean {
    const unlock = this.#running ?? this.#waiting;
    if (!unlock) return false;
    this.#running = undefined;
    this.#waiting = undefined;
    this.#ledger.record("vault.locked", { unlock: unlock.seq, reason, ...fields }, [], (db) => {
      const set = db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('locked', ?)");
      set.run(String(unlock.seq));
    });
    return true;
  }

  /** This credential's unlock is over: it was ended, another one took its place, or a person has to unlock first. */
  credentialHasEnded(credential: string): boolean {
    if (this.#waiting?.credential === credential) return false;
    return [usedKey(credential), NEEDS_PERSON].some((key) => stored(this.#ledger, key) !== undefined);
  }

  /** A payment may still name it, now or after a restart. */
  isOpen(seq: number): boolean {
    return seq === this.#running?.seq || seq === this.#waiting?.seq;
  }
}

const usedKey = (credential: string): string => `credential:${credential}`;

function stored(ledger: Ledger, key: string): number | undefined {
  const row = ledger.select("SELECT value FROM meta WHERE key = ?").get(key) as { value: string } | undefined;
  return row && Number(row.value);
}

/** The newest unlock, if it is a credential's and was not ended. */
function storedUnlock(ledger: Ledger): Unlock | undefined {
  const seq = stored(ledger, "unlocked");
  if (seq === undefined || seq === stored(ledger, "locked")) return undefined;
  // The row may also be one in which the operator accepted another vault.
  const { credential } = JSON.parse(ledger.body(seq)) as Partial<UnlockedBody>;
  return credential === undefined ? undefined : readUnlock(ledger, seq);
}

function readUnlock(ledger: Ledger, seq: number): Unlock {
  const { at, scope, credential } = JSON.parse(ledger.body(seq)) as UnlockedBody;
  const { spend, count, endsAt } = scope;
  const fuel = {
    ...(spend === undefined ? {} : { spend: BigInt(spend) }),
    ...(count === undefined ? {} : { count: BigInt(count) }),
  };
  return {
    seq,
    at,
    ...(credential === undefined ? {} : { credential }),
    scope: {
      id: `unlock:${seq}`,
      kind: "unlock",
      // Its windows are of the kind `total`, which no time zone moves.
      policy: unlockPolicy(fuel, "UTC"),
      frozen: false,
      ...(endsAt === undefined ? {} : { endsAt }),
    },
  };
}
