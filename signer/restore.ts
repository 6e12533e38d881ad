// x402-signer restore: makes a ledger of a backup, after every check of x402-audit-verify. Run it as the signer's user,
// while no signer runs on that home; nothing of the running signer is loaded with it.
import { closeSync, openSync } from "node:fs";
import { homedir } from "node:os";
import { parseArgs } from "node:util";
import { X402Error } from "../protocol/errors.ts";
import { stateFolder } from "../protocol/places.ts";
import type { Head } from "../protocol/shapes.ts";
import { Audit } from "../verify/audit.ts";
import { type Counter, type End, readExport } from "../verify/export-file.ts";
import { linesOf } from "../verify/lines.ts";
import { Untrue } from "../verify/untrue.ts";
import { lockFolder } from "./ledger/lock.ts";
import { Restoration } from "./ledger/restore.ts";
import { privateFolder } from "./private-folder.ts";

export const RESTORE_HELP = `x402-signer restore FILE: makes the ledger of a home that has none from what x402-policy ledger backup wrote.

  --home DIR  where (default: X402_HOME/signer, X402_HOME defaults to ~/.x402)
  --key KEY   the public audit key that has to have signed it, as you noted it from x402-vault status
  --help

What was recorded after the backup is lost: x402-vault unlock finds that out, and x402-policy ledger accept accepts it.
`;

interface Asked {
  readonly file: string;
  readonly home: string;
  readonly keys: readonly string[];
}

/** Undefined for --help. Throws USAGE, and what parseArgs throws. */
export function readRestoreOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Asked | undefined {
  const options = { home: { type: "string" }, key: { type: "string" }, help: { type: "boolean" } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  if (values.help) return undefined;
  const [file] = positionals;
  if (file === undefined || positionals.length > 1)
    throw new X402Error("USAGE", "name one backup", { hint: "run x402-signer restore --help" });
  const keys = values.key === undefined ? [] : [values.key];
  return { file, home: values.home ?? stateFolder(env, homedir()), keys };
}

/** Throws LEDGER_EXISTS, HOME_IN_USE, UNSAFE_HOME, and LEDGER_DAMAGED for a file that is not true: nothing is left then. */
export function restore({ file, home, keys }: Asked, now: () => number = Date.now): Head {
  const fd = openBackup(file);
  try {
    privateFolder(home);
    const lock = lockFolder(home, "HOME_IN_USE");
    try {
      return restoreFrom(fd, home, keys, now);
    } finally {
      lock.release();
    }
  } finally {
    closeSync(fd);
  }
}

function restoreFrom(fd: number, home: string, keys: readonly string[], now: () => number): Head {
  const made: { restoration?: Restoration; audit?: Audit; end?: End } = {};
  try {
    readExport(linesOf(fd), {
      header: (header) => {
        made.audit = new Audit(header, { keys });
        made.restoration = new Restoration(home, header.ledger);
      },
      row: (row) => {
        made.audit?.row(row);
        made.restoration?.add(row);
      },
      end: (end) => {
        made.audit?.end(end);
        if (end.head.seq === 0) throw new Untrue("it has no rows");
        made.end = end;
      },
    });
    if (!made.restoration || !made.end) throw new Untrue("the file is empty");
    return made.restoration.finish(made.end.counters.map(addition), now());
  } catch (error) {
    made.restoration?.abandon();
    if (!(error instanceof Untrue)) throw error;
    throw new X402Error("LEDGER_DAMAGED", error.message, {
      hint: "nothing was restored; use another backup",
    });
  }
}

const addition = ([key, bucket, amount]: Counter): [string, number, string] => [key, bucket, amount];

function openBackup(file: string): number {
  try {
    return openSync(file, "r");
  } catch (error) {
    const { code = "error" } = error as NodeJS.ErrnoException;
    throw new X402Error("USAGE", `${file} cannot be read (${code})`);
  }
}
