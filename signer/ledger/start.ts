// What is checked before a ledger is used: the rows since the last checkpoint chain up, give the counters on disk, and
// are what the tables beside them say. Rows before it are read by `audit verify` only, and held to their hash when they
// are acted on.
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { genesisHash, rowHash } from "../../protocol/audit.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow } from "../../protocol/shapes.ts";
import type { Addition } from "../../policy/evaluate.ts";
import type { Chain } from "./chain.ts";
import { versionOf } from "./database.ts";
import { Derived } from "./derived.ts";
import { additionsOf } from "./rows.ts";
import type { Store } from "./store.ts";

export const CHECKPOINT_PREFIX = '{"kind":"checkpoint"';

const checkpointSchema = z.object({ kind: z.literal("checkpoint"), counters: z.string() });

/** Throws LEDGER_DAMAGED. Returns how many rows there are since the last checkpoint. */
export function inspect({ chain, counters, db }: Store): number {
  const { checkpoint, rows } = sinceCheckpoint(chain);
  verifyChain(chain, checkpoint, rows);
  const additions = rows.flatMap((row): Addition[] => additionsOf(row.body));
  counters.verify(checkpoint && checkpointSchema.parse(JSON.parse(checkpoint.body)).counters, additions);
  const derived = new Derived();
  for (const row of rows) derived.add(row);
  derived.expect(db, versionOf(db));
  actedOn(chain, db);
  if (versionOf(db) >= 3) for (const sql of SELDOM_READ) db.prepare(sql).all();
  return rows.length;
}

/** Tables and indexes that may not be read for long: one that was torn away is noticed now. */
const SELDOM_READ = [
  "SELECT decided FROM holds NOT INDEXED LIMIT 1",
  "SELECT agent FROM holds ORDER BY agent, id LIMIT 1",
  "SELECT value FROM memory NOT INDEXED LIMIT 1",
  "SELECT seq FROM memory INDEXED BY memory_age LIMIT 1",
];

/** More rows than any ledger has; beyond it a position was not counted by us. */
export const MAX_SEQ = 2 ** 50;
const ACCEPTED_PREFIX = '{"kind":"ledger.accepted"';

/** Positions of all rows that do not continue the chain: they, or what was before them, was changed or is missing. */
export function brokenRows(chain: Chain): number[] {
  const broken: number[] = [];
  let seq = 0;
  let hash = genesisHash(chain.ledgerId);
  for (const row of chain.after(0)) {
    const follows = row.seq === seq + 1 || row.body.startsWith(ACCEPTED_PREFIX);
    if (!follows || rowHash(hash, row.body) !== row.hash) broken.push(row.seq);
    ({ seq, hash } = row);
  }
  return broken;
}

/** Position of the newest row that accepted a loss; 0 when none did. */
export function lastAccepted(db: DatabaseSync): number {
  if (isOlder(db)) return 0;
  return (db.prepare("SELECT max(seq) AS seq FROM accepted").get() as { seq: number | null }).seq ?? 0;
}

const OPEN_HOLDS = ["seq", "coalesce(decided, seq) AS seq"].map(
  (row) => `SELECT ${row} FROM holds WHERE state IN ('held', 'approved')`,
);

/** Rows that are read at every start, however old they are: the policy in force, the last vault, what was accepted. */
function actedOn(chain: Chain, db: DatabaseSync): void {
  const applied = db.prepare("SELECT version, hash, seq FROM policies ORDER BY version DESC LIMIT 1").get();
  if (applied) expectPolicy(applied, chain.body(Number(applied["seq"])));
  const read = [
    "SELECT CAST(value AS INTEGER) AS seq FROM meta WHERE key = 'unlocked'",
    ...(isOlder(db) ? [] : ["SELECT seq FROM accepted"]),
    ...(versionOf(db) < 3 ? [] : OPEN_HOLDS),
  ];
  for (const sql of read) for (const { seq } of db.prepare(sql).all()) chain.body(Number(seq));
}

/** The index has no hash of its own: a damaged one must not put an older document in force. */
function expectPolicy({ version, hash }: Record<string, unknown>, body: string): void {
  const row = JSON.parse(body) as Record<string, unknown>;
  const named =
    hash === "" ? row["noPolicy"] === version : row["version"] === version && row["hash"] === hash;
  if (!named) throw new X402Error("LEDGER_DAMAGED", "the newest policy is not the one that was applied");
}

function sinceCheckpoint(chain: Chain): { checkpoint?: AuditRow; rows: AuditRow[] } {
  const rows: AuditRow[] = [];
  for (const row of chain.before(Number.MAX_SAFE_INTEGER)) {
    if (row.body.startsWith(CHECKPOINT_PREFIX)) return { checkpoint: row, rows: rows.reverse() };
    rows.push(row);
  }
  return { rows: rows.reverse() };
}

function verifyChain(chain: Chain, checkpoint: AuditRow | undefined, rows: AuditRow[]): void {
  let seq = checkpoint ? checkpoint.seq - 1 : 0;
  let hash = chain.row(seq)?.hash ?? genesisHash(chain.ledgerId);
  for (const row of checkpoint ? [checkpoint, ...rows] : rows) {
    hash = rowHash(hash, row.body);
    seq += 1;
    if (row.seq !== seq || row.hash !== hash) {
      throw new X402Error("LEDGER_DAMAGED", `row ${seq} does not continue the chain`);
    }
  }
}

/** A ledger of schema 1 has no acceptances. */
export const isOlder = (db: DatabaseSync): boolean => versionOf(db) < 2;
