// x402-policy audit export: the whole record as one file that anyone can check with x402-audit-verify, and that a
// ledger can be restored from. docs/ledger.md has its form.
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import type { Command } from "commander";
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/shapes.ts";
import { keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { say } from "../terminal.ts";
import { readAudit } from "./audit-rows.ts";

interface Options extends SocketOptions {
  force?: true;
}

export const addExport = (audit: Command): Command =>
  audit
    .command("export")
    .description(
      "write the whole record to a file (or to - for stdout), for x402-audit-verify and for restoring",
    )
    .argument("<file>")
    .option("--force", "replace the file if it is there")
    .addOption(socketOption())
    .action(exportRecord);

async function exportRecord(file: string, options: Options): Promise<void> {
  const head = await withSigner(options.socket, (signer) =>
    file === "-" ? exportToStdout(signer) : exportTo(signer, file, { force: options.force === true }),
  );
  keepHead(head);
  say(`${head.seq} rows, head ${head.hash}`);
}

/** Through the stream whose errors cli/command.ts tells; they are told before the next page is asked for. */
const exportToStdout = (signer: SignerConnection): Promise<Head> =>
  writeExport(signer, (line) => {
    process.stdout.write(line);
  });

/**
 * Writes beside the file first: an export that was cut short, or that `check` (given where it lies until then) throws at,
 * never has its name.
 */
export async function exportTo(
  signer: SignerConnection,
  file: string,
  { force = false, check }: { force?: boolean; check?: (path: string) => void } = {},
): Promise<Head> {
  if (!force && existsSync(file)) throw taken(file);
  const partial = `${file}.partial`;
  const fd = openForWriting(partial);
  try {
    const head = await writeExport(signer, (line) => {
      writeAll(fd, line);
    });
    fsyncSync(fd);
    check?.(partial);
    if (force) renameSync(partial, file);
    else linkSync(partial, file);
    return head;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "EEXIST" ? taken(file) : error;
  } finally {
    closeSync(fd);
    rmSync(partial, { force: true });
  }
}

async function writeExport(signer: SignerConnection, write: (line: string) => void): Promise<Head> {
  const { auditKey: key, head } = await operatorCall(signer, "signer.status", {});
  const put = (value: object): void => {
    write(`${JSON.stringify(value)}\n`);
  };
  put({ "x402-audit": 1, ledger: head.ledger, ...(key === undefined ? {} : { key }) });
  const last = await readAudit(signer, ({ seq, hash, body }) => {
    put({ seq, hash, body });
  });
  const { counters, seal } = last;
  put({ head: last.head, counters, ...(seal === undefined ? {} : { seal }) });
  return last.head;
}

function openForWriting(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    const { code = "error" } = error as NodeJS.ErrnoException;
    const hint = "it is left of an export that was stopped, or somebody writes it now: remove it if not";
    throw new X402Error("USAGE", `${file} cannot be made (${code})`, code === "EEXIST" ? { hint } : {});
  }
}

function writeAll(fd: number, text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0;) rest = rest.subarray(writeSync(fd, rest));
}

const taken = (file: string): X402Error =>
  new X402Error("USAGE", `${file} is there already`, {
    hint: "name another file, or move that one away; audit export has --force",
  });
