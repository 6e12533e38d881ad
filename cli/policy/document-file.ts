// A document that the operator names by a file, "-" for stdin.
import { MAX_DOCUMENT_BYTES, parseDocument } from "../../policy/document.ts";
import type { PolicyDocument } from "../../policy/schema.ts";
import { X402Error } from "../../protocol/errors.ts";
import { readJson } from "./read-file.ts";

// White space of an author's own comes on top of what counts.
const MAX_FILE_BYTES = 4 * MAX_DOCUMENT_BYTES;

/** Throws USAGE for a file that cannot be read, POLICY_INVALID for what is not a valid document. */
export async function readDocument(file: string): Promise<PolicyDocument> {
  return parseDocument(
    await readJson(file, MAX_FILE_BYTES, (detail) => new X402Error("POLICY_INVALID", detail)),
  );
}
