// x402-policy check FILE: is this document valid, and what would a careful reader ask? Needs no signer.
import type { Command } from "commander";
import { review } from "../../policy/check.ts";
import { compileHousehold } from "../../policy/document.ts";
import { X402Error } from "../../protocol/errors.ts";
import { print, printable } from "../terminal.ts";
import { readDocument } from "./document-file.ts";

export const addCheck = (policy: Command): Command =>
  policy
    .command("check")
    .description("say whether a document is valid (exit status 1 when not), and what is odd about it")
    .argument("<file>", "the document, - for stdin")
    .action(check);

async function check(file: string): Promise<void> {
  try {
    const document = await readDocument(file);
    print(`valid, hash ${compileHousehold(document).hash}`);
    for (const { path, text } of review(document, Date.now())) print(`${path}: ${printable(text)}`);
  } catch (error) {
    if (!(error instanceof X402Error) || error.code !== "POLICY_INVALID") throw error;
    print(`invalid: ${printable(error.message)}`);
    process.exitCode = 1;
  }
}
