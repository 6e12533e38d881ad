// A ledger of an older version, after it was verified as it is: its tables and counters are brought up to date.
import type { DatabaseSync } from "node:sqlite";
import type { Chain } from "./chain.ts";
import type { Counters } from "./counters.ts";
import { migrate } from "./database.ts";
import { countedFields } from "./rows.ts";
import { unresolvedOn } from "./unresolved.ts";

/**
 * `at` in unix ms: each step is one transaction and leaves a row; returns how many rows. Without `at` there are none,
 * because rows are missing before them: the row that accepts that has all counters.
 */
export function upgradeLedger(
  db: DatabaseSync,
  chain: Chain,
  counters: Counters,
  at: number | undefined,
): number {
  let steps = 0;
  migrate(db, (from, to) => {
    // Schema 2 begins to count what is unresolved.
    const add = from === 1 ? unresolvedOn(chain) : [];
    const used = add.map((addition) => counters.add(addition));
    counters.flush();
    if (from === 1) keepLocked(db, chain);
    // Without rows there was a crash while it was made: it begins as a new one does.
    if (at === undefined || chain.seq === 0) return;
    chain.append(JSON.stringify({ kind: "ledger.migrated", at, from, to, ...countedFields(add, used) }));
    steps += 1;
  });
  return steps;
}

/** Schema 2 keeps which unlock was ended last. */
function keepLocked(db: DatabaseSync, chain: Chain): void {
  for (const { body } of chain.before(Number.MAX_SAFE_INTEGER)) {
    if (!body.startsWith('{"kind":"vault.locked"')) continue;
    const { unlock } = JSON.parse(body) as { unlock: number };
    db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('locked', ?)").run(String(unlock));
    return;
  }
}
