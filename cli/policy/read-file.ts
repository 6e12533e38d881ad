// A file that the operator names, "-" for stdin: read whole, and never more of it than it may have.
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { X402Error, entryOf } from "../../protocol/errors.ts";
import { type Json, parseJson } from "../../protocol/json.ts";

/** What the caller throws for a file that is not what it should be. */
export type Wrong = (detail: string) => X402Error;

/** Strict JSON. Throws USAGE for a file that cannot be read, and what `wrong` makes for one that is no such JSON. */
export async function readJson(file: string, maxBytes: number, wrong: Wrong): Promise<Json> {
  const text = await readText(file, maxBytes, wrong);
  assertJson(text, wrong);
  try {
    return parseJson(text, "the file");
  } catch (error) {
    if (!(error instanceof X402Error)) throw error;
    // What the file is, not that a request is malformed: there is none.
    throw wrong(error.message.replace(`${entryOf(error.code).text}: `, ""));
  }
}

/** For the place of a missing comma, which only the engine's own error tells. */
function assertJson(text: string, wrong: Wrong): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw wrong(`the file is not JSON: ${(error as Error).message}`);
  }
}

async function readText(file: string, maxBytes: number, wrong: Wrong): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    const stream = file === "-" ? process.stdin : createReadStream(file);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) break;
    }
  } catch (error) {
    throw cannotRead(file, error);
  }
  if (length > maxBytes) throw wrong(`more than ${maxBytes} bytes`);
  const bytes = Buffer.concat(chunks);
  if (!isUtf8(bytes)) throw wrong("the file is not UTF-8");
  return bytes.toString("utf8");
}

export const cannotRead = (file: string, error: unknown): X402Error =>
  new X402Error("USAGE", `cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? "error"})`);
