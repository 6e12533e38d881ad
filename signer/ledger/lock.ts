// One process per folder, for as long as it lives.
//
// Node has no flock, so the lock is SQLite's: an exclusive transaction on a file of its own. The kernel drops it with
// the process, however that ends. The file holds nothing and is opened nowhere else, because a POSIX lock is lost as
// soon as the same process closes any other descriptor of that file.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Code, X402Error } from "../../protocol/errors.ts";

export interface FolderLock {
  release(): void;
}

/** Takes `folder`/lock or throws `taken` at once. */
export function lockFolder(folder: string, taken: Code): FolderLock {
  const db = new DatabaseSync(join(folder, "lock"));
  try {
    db.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA busy_timeout=0; BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    throw new X402Error(taken, folder, { cause: error });
  }
  return {
    release: () => {
      db.close();
    },
  };
}
