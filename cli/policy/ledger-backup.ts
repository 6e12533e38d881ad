// x402-policy ledger backup: the whole record as one new file, read back with every check of x402-audit-verify before it
// counts as a backup. x402-signer restore makes a ledger of it.
import { closeSync, openSync } from "node:fs";
import type { Command } from "commander";
import { X402Error } from "../../protocol/errors.ts";
import { Audit } from "../../verify/audit.ts";
import { readExport } from "../../verify/export-file.ts";
import { linesOf } from "../../verify/lines.ts";
import { Untrue } from "../../verify/untrue.ts";
import { keepHead, knownHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print } from "../terminal.ts";
import { exportTo } from "./audit-export.ts";

export const addBackup = (ledger: Command): Command =>
  ledger
    .command("backup")
    .description("write the whole ledger to a new file and check it; x402-signer restore reads it")
    .argument("<file>")
    .addOption(socketOption())
    .action(backup);

async function backup(file: string, options: SocketOptions): Promise<void> {
  const head = await withSigner(options.socket, (signer) => exportTo(signer, file, { check: readBack }));
  keepHead(head);
  print(`${file}: ${head.seq} rows, head ${head.hash}`);
}

/** Throws LEDGER_DAMAGED for a record that is not true, or that has no rows: nothing could be restored from it. */
function readBack(file: string): void {
  const fd = openSync(file, "r");
  try {
    let audit: Audit | undefined;
    const seen = knownHead();
    readExport(linesOf(fd), {
      header: (header) => {
        audit = new Audit(header, { heads: seen?.ledger === header.ledger ? [seen] : [] });
      },
      row: (row) => {
        audit?.row(row);
      },
      end: (end) => {
        audit?.end(end);
        if (end.head.seq === 0) throw new Untrue("it has no rows");
      },
    });
  } catch (error) {
    if (!(error instanceof Untrue)) throw error;
    throw new X402Error("LEDGER_DAMAGED", error.message, {
      hint: "no backup was made; x402-policy ledger shows what is wrong, and audit export writes the record as it is",
    });
  } finally {
    closeSync(fd);
  }
}
