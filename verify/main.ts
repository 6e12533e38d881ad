// x402-audit-verify: is this export of a ledger true? Needs the file and Node, and nothing else of this software.
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { answer } from "./answer.ts";
import { type Head, isKey, readHead } from "./export-file.ts";
import type { Known } from "./proofs.ts";
import { linesOf, printable } from "./report.ts";
import { type Json } from "./text.ts";

const help = (
  version: string,
): string => `x402-audit-verify ${version}: checks an export of a signer's ledger, made by x402-policy audit export.

  x402-audit-verify FILE [--key KEY] [--head HEAD] [--receipt RECEIPT] [--json]

  --key KEY          the public audit key as its owner tells it (x402-vault status); without it the file's own word is taken
  --head HEAD        a head that was seen: JSON, or a file with it; the export must contain it
  --receipt RECEIPT  a receipt: its text, or a file with it; the export must contain its row, and it must say the same
  --json             print the report as JSON
  --help, --version

Exit status: 0 true, 1 not true, 2 wrong use.
`;

class Usage extends Error {}

interface Options {
  readonly file: string;
  readonly json: boolean;
  readonly known: Known;
}

/** Returns the exit status. */
export function run(args: readonly string[], version: string): number {
  try {
    const options = readOptions(args, version);
    if (options === undefined) return 0;
    return verify(options);
  } catch (error) {
    if (!(error instanceof Usage)) throw error;
    process.stderr.write(`x402-audit-verify: ${printable(error.message)}\n  run x402-audit-verify --help\n`);
    return 2;
  }
}

function verify({ file, json, known }: Options): number {
  const fd = open(file);
  try {
    const said = answer(fd, known);
    const lines = json
      ? [JSON.stringify(said)]
      : said.true
        ? linesOf(said)
        : [`not true: ${printable(said.why)}`];
    process.stdout.write(`${lines.join("\n")}\n`);
    return said.true ? 0 : 1;
  } catch (error) {
    throw new Usage(`cannot read ${file} (${(error as Error).message})`);
  } finally {
    closeSync(fd);
  }
}

function readOptions(args: readonly string[], version: string): Options | undefined {
  const { values, positionals } = parse(args);
  if (values.help || values.version) {
    process.stdout.write(values.help ? help(version) : `${version}\n`);
    return undefined;
  }
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new Usage("name one file");
  const { key: keys = [], head = [], receipt = [], json = false } = values;
  const bad = keys.find((key) => !isKey(key));
  if (bad !== undefined) throw new Usage(`no key: ${bad}`);
  return { file, json, known: { keys, heads: head.map(headOf), receipts: receipt.map(textOrFile) } };
}

function parse(args: readonly string[]) {
  const many = { type: "string", multiple: true } as const;
  const flag = { type: "boolean" } as const;
  const options = { key: many, head: many, receipt: many, json: flag, help: flag, version: flag };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new Usage((error as Error).message);
  }
}

function headOf(argument: string): Head {
  try {
    return readHead(JSON.parse(argument.startsWith("{") ? argument : readText(argument)) as Json);
  } catch (error) {
    if (error instanceof Usage) throw error;
    throw new Usage(`no head: ${argument}`);
  }
}

const textOrFile = (argument: string): string => (existsSync(argument) ? readText(argument) : argument);

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new Usage(`cannot read ${file}`);
  }
}

function open(file: string): number {
  try {
    return openSync(file, "r");
  } catch {
    throw new Usage(`cannot read ${file}`);
  }
}
