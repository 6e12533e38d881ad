// One process per folder, for as long as it lives.
//
// Node has no flock, so the lock is SQLite's: an exclusive transaction on a file of its own. The kernel drops it with
// the process, however that ends. The file holds nothing and is opened nowhere else, because a POSIX lock is lost as
// soon as the same process closes any other descriptor of that file.
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { type Code, X402Error } from "../../protocol/errors.ts";
import { openSqlite } from "./sqlite.ts";

export interface FolderLock {
  release(): void;
}

const SQLITE_BUSY = 5;

/** Takes `folder`/lock or throws `taken` at once; LEDGER_WRITE when that file cannot be used. */
export function lockFolder(folder: string, taken: Code): FolderLock {
  const file = join(folder, "lock");
  let db: DatabaseSync | undefined;
  try {
    db = openSqlite(file);
    db.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA busy_timeout=0; BEGIN EXCLUSIVE");
  } catch (error) {
    db?.close();
    const { errcode, message } = error as Error & { errcode?: number };
    if (errcode === SQLITE_BUSY) throw new X402Error(taken, folder, { cause: error });
    throw new X402Error("LEDGER_WRITE", `${file} (${message})`, { cause: error });
  }
  const held = db;
  return {
    release: () => {
      held.close();
    },
  };
}
