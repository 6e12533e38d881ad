// x402-policy test FILE: does a document say of these payments what its author expects? For CI; needs no signer.
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { type Cases, CasesInvalid, parseCases } from "../../policy/case-file.ts";
import { type Verdict, tryCase } from "../../policy/cases.ts";
import { type Household, compileHousehold } from "../../policy/document.ts";
import { wireCheck } from "../../policy/evaluate.ts";
import { X402Error } from "../../protocol/errors.ts";
import { print, printable } from "../terminal.ts";
import { readDocument } from "./document-file.ts";
import { readJson } from "./read-file.ts";

const MAX_FILE_BYTES = 4 * 1024 * 1024;

export const addTest = (policy: Command): Command =>
  policy
    .command("test")
    .description("try the payments in a file on a document: exit status 1 when one does not go as expected")
    .argument("<file>", "the cases, - for stdin")
    .option("--policy <file>", "the document; without it, the one that the cases name")
    .action(test);

async function test(file: string, options: { policy?: string }): Promise<void> {
  const cases = await readCases(file);
  const household = compileHousehold(await readDocument(documentOf(file, cases, options.policy)));
  const lines = tapOf(household, cases);
  print("TAP version 14");
  print(`1..${cases.cases.length}`);
  for (const { text, passed } of lines) {
    print(text);
    if (!passed) process.exitCode = 1;
  }
}

async function readCases(file: string): Promise<Cases> {
  const json = await readJson(file, MAX_FILE_BYTES, wrongFile);
  return orWrongFile(() => parseCases(json));
}

const wrongFile = (detail: string): X402Error =>
  new X402Error("USAGE", `these are no cases: ${detail}`, {
    hint: 'docs/policy.md, "Try before you trust", has their form',
  });

function orWrongFile<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw error instanceof CasesInvalid ? wrongFile(error.message) : error;
  }
}

/** Cases name their document as it lies beside them. */
function documentOf(file: string, { policy }: Cases, asked: string | undefined): string {
  if (asked === "-" && file === "-") throw new X402Error("USAGE", "only one of both can be stdin");
  if (asked !== undefined) return asked;
  if (policy === undefined)
    throw new X402Error("USAGE", "which document? The cases name none", { hint: "give --policy FILE" });
  return resolve(file === "-" ? "." : dirname(file), policy);
}

/** All are decided before the first is told: a wrong case is a wrong file, not a result. */
const tapOf = (household: Household, { cases }: Cases): { text: string; passed: boolean }[] =>
  cases.map((one, i) => {
    const verdict = orWrongFile(() => tryCase(household, one));
    const told = `${i + 1} - ${printable(one.name).replaceAll("#", "\\#")}`;
    if (verdict.passed) return { text: `ok ${told}`, passed: true };
    return { text: `not ok ${told}\n  # expected ${one.expect}, got ${describe(verdict)}`, passed: false };
  });

function describe({ got, check }: Verdict): string {
  if (!check) return got;
  const { scope, rule, limit, used } = wireCheck(check);
  const sums = [
    ...(limit === undefined ? [] : [`limit ${limit}`]),
    ...(used === undefined ? [] : [`used ${used}`]),
  ];
  return `${got} (${[printable(`${scope} ${rule}`), ...sums].join(", ")})`;
}
