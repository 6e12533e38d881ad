// The operator's word that a loss, a damage, a vault or a clock is accepted: one row, from which the record goes on.
// The row holds every counter as it is from there on, so that whoever replays the record begins anew with it; and it
// may skip the positions of rows that are lost, so that no position ever means two rows.
import type { Addition } from "../../policy/evaluate.ts";
import type { RowAddition } from "../../protocol/audit.ts";
import { type Code, X402Error } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/shapes.ts";
import { endUnattended, needPerson } from "./attended.ts";
import type { Finding } from "./finding.ts";
import type { LedgerOptions } from "./options.ts";
import { HELD_SUFFIX } from "./holds.ts";
import { rebuild } from "./rebuild.ts";
import { setAside } from "./set-aside.ts";
import { MAX_SEQ, brokenRows } from "./start.ts";
import { Store } from "./store.ts";

/** The ledger as it is taken over, for whoever says what the counters gain. */
export interface TakenOver {
  /** Unix ms. */
  readonly at: number;
  /** Unix ms of the last record before. */
  readonly mark: number;
  /** The body of the row that applied the policy in force; absent when it is lost or damaged. */
  readonly policy: string | undefined;
  readonly used: (key: string, from: number, to: number) => bigint;
}

export interface Acceptance {
  readonly code: Code;
  /** The newest head that the operator has on file. */
  readonly seen?: Head | undefined;
  /** Micro-USD, or everything that could have been spent. */
  readonly assume: "full" | bigint;
  /** More members of the row. */
  readonly fields: { readonly vault?: object; readonly peer?: object };
  /** From now on the wall clock is right. */
  readonly believesClock?: boolean;
  readonly fill: (ledger: TakenOver) => readonly Addition[];
}

export interface Accepted {
  readonly seq: number;
  /** Files that were moved out of the way, by their new names. */
  readonly setAside: readonly string[];
}

interface Place {
  readonly home: string;
  readonly store: Store;
  readonly finding: Finding | undefined;
}

export interface Taken {
  readonly store: Store;
  readonly setAside: readonly string[];
  /** Inside a transaction of that store. Returns the position of the row. */
  readonly record: (at: number, mark: number, options: LedgerOptions) => number;
}

/** Takes over what can be used of the ledger, or begins a new one of the same id where nothing can. Throws LEDGER_WRITE. */
export function accept(acceptance: Acceptance, { home, store, finding }: Place): Taken {
  const found = finding ? finding.store : store;
  const usable =
    found && found.chain.seq <= MAX_SEQ && (!isDamage(finding) || found.sound) ? found : undefined;
  const id = finding?.lost?.ledger ?? found?.chain.ledgerId ?? acceptance.seen?.ledger;
  const lost = finding && newest([finding.lost, acceptance.seen].filter((head) => head?.ledger === id));
  if (usable) {
    if (usable !== store) {
      store.close();
      usable.prepare(0);
    }
    return { store: usable, setAside: [], record: recorder(acceptance, usable, finding, lost) };
  }
  const last = found && found.chain.seq <= MAX_SEQ ? found.chain.head() : undefined;
  found?.close();
  store.close();
  const moved = setAside(home, finding?.error.code ?? acceptance.code);
  const made = Store.open(`${home}/ledger.db`, id);
  made.prepare(0);
  return {
    store: made,
    setAside: moved,
    record: recorder(acceptance, made, undefined, newest([lost, last])),
  };
}

function recorder(
  { code, assume, fields, fill }: Acceptance,
  store: Store,
  finding: Finding | undefined,
  lost: Head | undefined,
): Taken["record"] {
  const { db, chain, counters, record } = store;
  return (at, mark, options) => {
    const damaged = isDamage(finding) ? brokenRows(chain) : [];
    if (isDamage(finding)) rebuild(store, new Set(damaged));
    // What an earlier acceptance said is not known any more when its own row is damaged.
    for (const seq of damaged) db.prepare("DELETE FROM accepted WHERE seq = ?").run(seq);
    endWhatIsOpen(store);
    const used = (key: string, from: number, to: number): bigint => counters.used(key, from, to);
    for (const addition of fill({ at, mark, policy: policyRow(store), used })) counters.add(addition);
    counters.flush();
    counters.prune((key, bucket) => options.isOver(key, bucket, at));
    const gone = lost && !chain.contains(lost) ? { lost: { seq: lost.seq, hash: lost.hash } } : {};
    const body = {
      ...{ kind: "ledger.accepted", at, code, ...gone, ...(damaged.length > 0 && { damaged }) },
      assume: assume === "full" ? assume : assume.toString(),
      counters: [...counters.all()].map((c): RowAddition => [c.key, c.bucket, c.amount.toString()]),
      ...withoutPolicy(store),
      ...fields,
    };
    if (chain.seq === 0 && !gone.lost)
      record.append({ kind: "ledger.created", at, ledger: chain.ledgerId, version: 2 });
    const seq = record.append(body, Math.max(chain.seq, gone.lost?.seq ?? 0) + 1);
    db.prepare("INSERT INTO accepted (seq) VALUES (?)").run(seq);
    (code.startsWith("LEDGER_") ? needPerson : endUnattended)(db);
    if (code === "VAULT_OTHER_LEDGER") db.exec("DELETE FROM meta WHERE key = 'unlocked'");
    if (fields.vault) {
      db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('unlocked', ?)").run(String(seq));
    }
    if (body.noPolicy !== undefined) {
      db.prepare("INSERT INTO policies (version, hash, seq) VALUES (?, '', ?)").run(body.noPolicy, seq);
    }
    record.checkpoint(at, () => false, options.attest);
    return seq;
  };
}

/** Sessions and holds: nobody knows whether rows that are lost have ended them. What holds took stays taken. */
function endWhatIsOpen({ db, counters }: Store): void {
  db.exec("UPDATE sessions SET closed = 1");
  db.exec("UPDATE holds SET state = 'lapsed' WHERE state IN ('held', 'approved')");
  for (const { key, bucket, amount } of [...counters.all()])
    if (key.endsWith(HELD_SUFFIX)) counters.add({ key, bucket, amount: -amount });
}

const isDamage = (finding: Finding | undefined): boolean => finding?.error.code === "LEDGER_DAMAGED";

const newest = (heads: readonly (Head | undefined)[]): Head | undefined =>
  heads.reduce((a, b) => (!a || (b && b.seq > a.seq) ? b : a), undefined);

/** An older document must not come into force because the newest one cannot be read: then there is none. */
function withoutPolicy(store: Store): { noPolicy?: number } {
  const newest = store.db.prepare("SELECT version, hash FROM policies ORDER BY version DESC LIMIT 1").get();
  const isGone = newest && newest["hash"] !== "" && policyRow(store) === undefined;
  return isGone ? { noPolicy: Number(newest["version"]) + 1 } : {};
}

/** The body of the row that applied the policy in force, if it is what was written. */
function policyRow({ db, chain }: Store): string | undefined {
  const newest = db.prepare("SELECT seq, hash FROM policies ORDER BY version DESC LIMIT 1").get();
  if (!newest || newest["hash"] === "") return undefined;
  try {
    return chain.body(Number(newest["seq"]));
  } catch (error) {
    if (error instanceof X402Error) return undefined;
    throw error;
  }
}
