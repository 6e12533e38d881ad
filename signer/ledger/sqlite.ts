// How every database here is opened: SQLite does not obey Node's file permissions, so a statement must not name a file.
import { DatabaseSync, constants } from "node:sqlite";

const REFUSED: readonly number[] = [constants.SQLITE_ATTACH, constants.SQLITE_DETACH];

/**
 * Opens or creates a database on which ATTACH and VACUUM INTO fail, extensions cannot be loaded, and the schema cannot
 * be written to (sqlite.org/c3ref: SQLITE_LIMIT_ATTACHED, set_authorizer, SQLITE_DBCONFIG_DEFENSIVE).
 */
export function openSqlite(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { limits: { attach: 0 }, allowExtension: false, defensive: true });
  db.setAuthorizer((act) => (REFUSED.includes(act) ? constants.SQLITE_DENY : constants.SQLITE_OK));
  return db;
}

/** Tries to name another database, on one in memory. Throws where that is closed. */
export function tryToAttach(): void {
  const db = openSqlite(":memory:");
  try {
    db.exec("ATTACH ':memory:' AS other");
  } finally {
    db.close();
  }
}
