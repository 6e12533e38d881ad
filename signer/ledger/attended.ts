// Where rows are lost, or may be because the ledger is a backup, nobody knows what a credential's unlock has spent since,
// or whether it was ended: a person unlocks first, and shows the newest head on file, before one unlocks without.
import type { DatabaseSync } from "node:sqlite";

/** In the table meta. */
export const NEEDS_PERSON = "needs-person";

/** What is left of an unattended unlock is not known: it does not go on. Inside the caller's transaction, as the next two. */
export function endUnattended(db: DatabaseSync): void {
  db.exec("INSERT OR REPLACE INTO meta SELECT 'locked', value FROM meta WHERE key = 'unlocked'");
}

/** And no other begins before a person has unlocked. */
export function needPerson(db: DatabaseSync): void {
  endUnattended(db);
  db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, '1')").run(NEEDS_PERSON);
}

export function personCame(db: DatabaseSync): void {
  db.prepare("DELETE FROM meta WHERE key = ?").run(NEEDS_PERSON);
}
