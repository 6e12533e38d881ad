// Files of a ledger that cannot be used are kept under another name: somebody may read more out of them than we can.
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { X402Error } from "../../protocol/errors.ts";

const FILES = ["ledger.db", "ledger.db-wal", "ledger.db-shm"];

/** Renames what there is to <name>.<code>-<n>, the first n that is free. Returns the new names. Throws LEDGER_WRITE. */
export function setAside(home: string, code: string): string[] {
  const reason = code.toLowerCase().replaceAll("_", "-");
  let n = 1;
  while (FILES.some((name) => existsSync(join(home, `${name}.${reason}-${n}`)))) n += 1;
  const there = FILES.filter((name) => existsSync(join(home, name)));
  return there.map((name) => {
    const kept = `${name}.${reason}-${n}`;
    try {
      renameSync(join(home, name), join(home, kept));
    } catch (error) {
      throw new X402Error("LEDGER_WRITE", `${name} cannot be moved aside`, { cause: error });
    }
    return kept;
  });
}
