// A document that the operator names by a file, "-" for stdin.
import { createReadStream } from "node:fs";
import { MAX_DOCUMENT_BYTES, parseDocument } from "../../policy/document.ts";
import type { PolicyDocument } from "../../policy/schema.ts";
import { X402Error, entryOf } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/json.ts";

// White space of an author's own comes on top of what counts.
const MAX_FILE_BYTES = 4 * MAX_DOCUMENT_BYTES;

/** Throws USAGE for a file that cannot be read, POLICY_INVALID for what is not a valid document. */
export async function readDocument(file: string): Promise<PolicyDocument> {
  const text = await readText(file);
  assertJson(text);
  try {
    return parseDocument(parseJson(text, "the file"));
  } catch (error) {
    if (!(error instanceof X402Error) || error.code === "POLICY_INVALID") throw error;
    // What the file is, not that a request is malformed: there is none.
    throw new X402Error("POLICY_INVALID", error.message.replace(`${entryOf(error.code).text}: `, ""));
  }
}

/** For the place of a missing comma, which only the engine's own error tells. */
function assertJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new X402Error("POLICY_INVALID", `the file is not JSON: ${(error as Error).message}`);
  }
}

async function readText(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    const stream = file === "-" ? process.stdin : createReadStream(file);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_FILE_BYTES) break;
    }
  } catch (error) {
    throw new X402Error("USAGE", `cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? "error"})`);
  }
  if (length > MAX_FILE_BYTES) throw new X402Error("POLICY_INVALID", `more than ${MAX_FILE_BYTES} bytes`);
  return Buffer.concat(chunks).toString("utf8");
}
