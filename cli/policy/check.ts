// x402-policy check FILE: is this document valid, and what would a careful reader ask? Needs no signer.
import type { Command } from "commander";
import { review } from "../../policy/check.ts";
import { compileHousehold } from "../../policy/document.ts";
import type { PolicyDocument } from "../../policy/schema.ts";
import { X402Error } from "../../protocol/errors.ts";
import { print, printable } from "../terminal.ts";
import { readDocument } from "./document-file.ts";

export const addCheck = (policy: Command): Command =>
  policy
    .command("check")
    .description("say whether a document is valid (exit status 1 when not), and what is odd about it")
    .argument("<file>", "the document, - for stdin")
    .option("--json", "print it as JSON")
    .action(check);

async function check(file: string, { json }: { json?: true }): Promise<void> {
  try {
    const document = await readDocument(file);
    if (json) print(JSON.stringify(jsonOf(document)));
    else describe(document);
  } catch (error) {
    if (!(error instanceof X402Error) || error.code !== "POLICY_INVALID") throw error;
    const { message } = error;
    print(json ? JSON.stringify({ valid: false, error: message }) : `invalid: ${printable(message)}`);
    process.exitCode = 1;
  }
}

const jsonOf = (document: PolicyDocument) => ({
  valid: true,
  hash: compileHousehold(document).hash,
  remarks: review(document).map(({ path, text }) => ({ path, text })),
});

function describe(document: PolicyDocument): void {
  print(`valid, hash ${compileHousehold(document).hash}`);
  for (const { path, text } of review(document)) print(`${path}: ${printable(text)}`);
}
