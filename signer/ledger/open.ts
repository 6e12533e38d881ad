// From a folder to an open ledger, and to what is wrong with it.
import { statSync } from "node:fs";
import { X402Error } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/shapes.ts";
import { asDamage } from "./database.ts";
import type { Finding } from "./finding.ts";
import type { HeadFile, Mirror } from "./head.ts";
import type { LedgerOptions } from "./options.ts";
import { inspect, isOlder, lastAccepted } from "./start.ts";
import { Store } from "./store.ts";

export interface Opened {
  readonly store: Store;
  readonly finding?: Finding;
  readonly mirror?: Mirror | undefined;
}

/**
 * Opens or creates the database `file`. Throws LEDGER_SCHEMA, HOME_IN_USE and LEDGER_WRITE, and leaves nothing open
 * then; what an operator can accept is returned as a finding.
 */
export function openLedger(file: string, headFile: HeadFile, { clock, distrust }: LedgerOptions): Opened {
  const { mirror, error = distrust } = readMirror(headFile);
  if (isEmpty(file)) {
    if (!mirror && !error) return fresh(file);
    return lacking(new X402Error("LEDGER_MISSING", "ledger.db is missing"), mirror);
  }
  let store: Store;
  try {
    store = Store.open(file);
  } catch (fault) {
    const damage = asDamage(fault);
    if (damage.code !== "LEDGER_DAMAGED") throw damage;
    return lacking(damage, mirror);
  }
  try {
    return judged(store, mirror, error, clock);
  } catch (fault) {
    store.close();
    throw asDamage(fault);
  }
}

function fresh(file: string): Opened {
  const store = Store.open(file);
  store.prepare(0);
  return { store };
}

/** Without a ledger to read from. */
const lacking = (error: X402Error, mirror: Mirror | undefined, store?: Store): Opened => ({
  store: Store.empty(mirror?.ledger ?? store?.chain.ledgerId),
  finding: { error, lost: mirror && headOf(mirror), store },
  mirror,
});

function judged(
  store: Store,
  mirror: Mirror | undefined,
  error: X402Error | undefined,
  now: () => number,
): Opened {
  if (mirror && mirror.ledger !== store.chain.ledgerId) {
    store.close();
    return lacking(new X402Error("LEDGER_MISSING", "another ledger is in its place"), mirror);
  }
  let rows: number;
  try {
    rows = inspect(store);
  } catch (fault) {
    const damage = asDamage(fault);
    return lacking(damage, mirror, store);
  }
  if (error) return lacking(error, mirror, store);
  const behind = mirror ? behindBy(store, headOf(mirror)) : withoutHead(store);
  if (behind && isOlder(store.db)) return lacking(behind, mirror, store);
  store.prepare(rows, behind ? undefined : now());
  if (!behind) return { store, mirror };
  return { store, mirror, finding: { error: behind, lost: mirror && headOf(mirror), store } };
}

/** The first row is written before the head file is; with more than one, the file was taken away. */
const withoutHead = ({ chain }: Store): X402Error | undefined =>
  chain.seq > 1 ? new X402Error("LEDGER_MISSING", "the head file is missing") : undefined;

/** LEDGER_BEHIND when a row of this ledger that was seen is not there, unless its loss was accepted before. */
export function behindBy({ chain, db }: Store, seen: Head): X402Error | undefined {
  if (seen.ledger !== chain.ledgerId) return undefined;
  if (chain.contains(seen) || seen.seq < lastAccepted(db)) return undefined;
  const what = seen.seq > chain.seq ? `it ends at row ${chain.seq}, row ${seen.seq} was written` : undefined;
  return new X402Error("LEDGER_BEHIND", what ?? `its row ${seen.seq} is not the one that was written`);
}

function readMirror(headFile: HeadFile): { mirror?: Mirror | undefined; error?: X402Error } {
  try {
    return { mirror: headFile.read() };
  } catch (error) {
    return { error: asDamage(error) };
  }
}

export const headOf = ({ ledger, seq, hash }: Head): Head => ({ ledger, seq, hash });

const isEmpty = (file: string): boolean => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0;
