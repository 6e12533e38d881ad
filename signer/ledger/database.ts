// The SQLite file: how it is opened, its tables, and how an older one is brought up to date.
// WAL with synchronous=FULL: a COMMIT returns after the fsync of the log (sqlite.org/wal.html, "Durability").
import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { X402Error } from "../../protocol/errors.ts";
import { openSqlite } from "./sqlite.ts";

// One entry per schema version, each applied in a transaction of its own. Never edited after a release.
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- The record. Everything else can be rebuilt from it.
  CREATE TABLE audit (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL) STRICT;

  -- One row per intent, forever: seq is its reservation, draft the row that holds its newest draft.
  CREATE TABLE payments (
    agent TEXT NOT NULL, id TEXT NOT NULL, fingerprint TEXT NOT NULL, seq INTEGER NOT NULL, draft INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
  ) STRICT, WITHOUT ROWID;

  -- A cache of sums over the record; base is the amount at the last checkpoint.
  CREATE TABLE counters (
    key TEXT NOT NULL, bucket INTEGER NOT NULL, amount INTEGER NOT NULL, base INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, bucket)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE policies (version INTEGER PRIMARY KEY, hash TEXT NOT NULL, seq INTEGER NOT NULL) STRICT;

  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, agent TEXT NOT NULL, policy TEXT NOT NULL, timezone TEXT NOT NULL,
    ends_at INTEGER NOT NULL, closed INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // What is known of a reservation beyond our clock; "expired" is worked out. docs/ledger.md has the states.
  `
  ALTER TABLE payments ADD COLUMN
    state TEXT NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'settled', 'released'));

  -- Agents that sign nothing until an operator lifts it, '*' for all; seq is the row that says so.
  CREATE TABLE frozen (agent TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  -- The rows by which the operator accepted a loss.
  CREATE TABLE accepted (seq INTEGER PRIMARY KEY) STRICT;
  `,
  // Payments that wait for a person, and what was paid before, for rules that ask.
  `
  -- One row per hold, forever: seq is its row, decided the row that approved it.
  CREATE TABLE holds (
    seq INTEGER PRIMARY KEY, agent TEXT NOT NULL, id TEXT NOT NULL, fingerprint TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'approved', 'signed', 'denied', 'lapsed')), decided INTEGER,
    UNIQUE (agent, id)
  ) STRICT;
  CREATE INDEX holds_open ON holds (seq) WHERE state IN ('held', 'approved');

  -- Worked out from the record while a policy asks for it; seq is the row that changed it last.
  CREATE TABLE memory (
    scope TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (scope, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX memory_age ON memory (scope, seq);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Opens or creates the database; an older one stays as it is until it is verified and handed to upgrade.ts. Throws
 * LEDGER_SCHEMA for one of a newer version, LEDGER_DAMAGED for no database, and HOME_IN_USE while another program has
 * it open.
 */
export function openDatabase(file: string): DatabaseSync {
  const db = openSqlite(file);
  try {
    // Exclusive: another program that opens the file, to look or to write, is refused instead of being in our way.
    // The default limit of 1000 pages would put a checkpoint of the log into every few dozen commits.
    db.exec(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" +
        "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;" +
        "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864;",
    );
    prepare(db);
    return db;
  } catch (error) {
    db.close();
    throw asDamage(error);
  }
}

// sqlite.org/rescode.html. A disk, a file mode or a file system that does not let us is no damage.
const SQLITE_BUSY = 5;
const SQLITE_NOT_LET = [3, 6, 7, 8, 10, 13, 14, 22, 23];

/** What SQLite and the readers of rows say of a file that is not as it was written, or that is not free. */
export function asDamage(error: unknown): X402Error {
  if (error instanceof X402Error) return error;
  const { errcode, message } = error as Error & { errcode?: number };
  const primary = (errcode ?? 0) & 0xff;
  if (primary === SQLITE_BUSY) return new X402Error("HOME_IN_USE", "another program has ledger.db open");
  if (SQLITE_NOT_LET.includes(primary)) return new X402Error("LEDGER_WRITE", message, { cause: error });
  return new X402Error("LEDGER_DAMAGED", message, { cause: error });
}

/** What a caller may know of an error: SQLite's own are of a file that has changed under it. */
export function knownError(error: unknown): X402Error {
  if (error instanceof X402Error) return error;
  if ((error as { code?: unknown }).code === "ERR_SQLITE_ERROR") return asDamage(error);
  return new X402Error("INTERNAL", undefined, { cause: error });
}

/** A new file gets today's tables at once; a file of a newer version is not touched. */
function prepare(db: DatabaseSync): void {
  const found = versionOf(db);
  if (found > SCHEMA_VERSION) {
    throw new X402Error("LEDGER_SCHEMA", `schema ${found}, this software knows ${SCHEMA_VERSION}`);
  }
  if (found === 0) createTables(db);
}

/** Brings an older database up to date. Each step is one transaction, and `record` writes its row in it. */
export function migrate(db: DatabaseSync, record: (from: number, to: number) => void): void {
  for (let from = versionOf(db); from < SCHEMA_VERSION; from++) {
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[from] ?? ""} PRAGMA user_version = ${from + 1}`);
    record(from, from + 1);
    db.exec("COMMIT");
  }
}

/** The version of an open database's tables. */
export const versionOf = (db: DatabaseSync): number =>
  (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;

/** Today's tables in an empty database. */
export function createTables(db: DatabaseSync): void {
  migrate(db, () => undefined);
}

/** The ledger's own id, made with it: 16 random bytes in hex, or `given`. */
export function ledgerId(db: DatabaseSync, given?: string): string {
  const found = db.prepare("SELECT value FROM meta WHERE key = 'ledger'").get() as
    { value: string } | undefined;
  if (found) return found.value;
  const id = given ?? randomBytes(16).toString("hex");
  db.prepare("INSERT INTO meta (key, value) VALUES ('ledger', ?)").run(id);
  return id;
}
