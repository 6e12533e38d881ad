// x402-policy import FILE: another system's document as one of ours, and what became of each of its members.
import { closeSync, fsyncSync, openSync, writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { parseDocument } from "../../policy/document.ts";
import { importLetAgentPay } from "../../policy/import-letagentpay.ts";
import { importQbt } from "../../policy/import-qbt.ts";
import type { Imported } from "../../policy/import-report.ts";
import { ImportInvalid } from "../../policy/import-source.ts";
import type { PolicyDocument } from "../../policy/schema.ts";
import { X402Error } from "../../protocol/errors.ts";
import { print, printable, say } from "../terminal.ts";
import { readJson } from "./read-file.ts";

const MAX_FILE_BYTES = 1024 * 1024;

const SOURCES = { letagentpay: importLetAgentPay, qbt: importQbt } as const;

interface Options {
  from: keyof typeof SOURCES;
  out?: string;
  timezone?: string;
  total?: string;
  allowUnknown: string[];
  allowUnsupported: string[];
}

const NO_APPROVALS = "has no counterpart here, and without it nothing waits for a person";

const collect = (value: string, before: string[]): string[] => [...before, value];

export const addImport = (policy: Command): Command =>
  policy
    .command("import")
    .description("print another system's policy as a document of ours; the report goes to stderr")
    .argument("<file>", "its document, - for stdin")
    .addOption(
      new Option("--from <system>", "whose document it is")
        .choices(Object.keys(SOURCES))
        .makeOptionMandatory(),
    )
    .option("-o, --out <file>", "write the document there; it must not be there yet")
    .option("--timezone <name>", "the IANA time zone of the account there")
    .option("--total <usd>", "add a totalMax: the most that can be spent in all")
    .option(
      "--allow-unknown <path>",
      "leave out this member, which is not known; may be repeated",
      collect,
      [],
    )
    .option(
      "--allow-unsupported <path>",
      "leave out this member, which has no counterpart; may be repeated",
      collect,
      [],
    )
    .action(importFile);

async function importFile(file: string, options: Options): Promise<void> {
  const json = await readJson(file, MAX_FILE_BYTES, wrongFile);
  const imported = orWrongFile(() => SOURCES[options.from](json, options.timezone));
  tell(imported);
  const refused = [
    ...unnamed(imported.unknown, options.allowUnknown, "is not known", "--allow-unknown"),
    ...unnamed(imported.unsupported, options.allowUnsupported, NO_APPROVALS, "--allow-unsupported"),
  ];
  if (refused.length > 0) {
    for (const line of refused) say(line);
    say("Nothing was imported.");
    process.exitCode = 1;
    return;
  }
  write(documentOf(imported, options.total), options.out);
}

const wrongFile = (detail: string): X402Error =>
  new X402Error("USAGE", `this cannot be imported: ${detail}`, {
    hint: 'docs/policy.md, "Importing", says what is read',
  });

function orWrongFile<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw error instanceof ImportInvalid ? wrongFile(error.message) : error;
  }
}

function tell({ remarks }: Imported): void {
  for (const { kind, path, text } of remarks) say(`${kind}: ${printable(path)}: ${printable(text)}`);
}

/** A name that is allowed and not there is a mistake, too. */
function unnamed(
  paths: readonly string[],
  allowed: readonly string[],
  what: string,
  option: string,
): string[] {
  const stray = allowed.find((path) => !paths.includes(path));
  if (stray !== undefined) throw new X402Error("USAGE", `${option} ${stray}: there is no such member`);
  return paths
    .filter((path) => !allowed.includes(path))
    .map((path) => `refused: ${printable(path)}: ${what}; ${option} leaves it out`);
}

/** In canonical form. */
function documentOf({ document }: Imported, total: string | undefined): PolicyDocument {
  try {
    return parseDocument({ ...document, ...(total !== undefined && { totalMax: total }) });
  } catch (error) {
    if (!(error instanceof X402Error) || !error.message.includes("USD limit that binds")) throw error;
    throw new X402Error("POLICY_INVALID", "it has no limit on a sum of USD that binds in any case", {
      hint: "give --total 100.00, or the most that may ever be spent",
    });
  }
}

function write(document: PolicyDocument, out: string | undefined): void {
  const text = JSON.stringify(document, undefined, 2);
  if (out === undefined) {
    print(text);
    return;
  }
  const fd = open(out);
  try {
    writeFileSync(fd, `${text}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  say(`Written to ${printable(out)}. Read it, try it with x402-policy check and replay, then apply it.`);
}

function open(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    const { code = "error" } = error as NodeJS.ErrnoException;
    throw new X402Error("USAGE", `${file} cannot be made (${code})`);
  }
}
