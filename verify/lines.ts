// Lines of a file of any size, one at a time, in memory that does not grow with it.
import { isUtf8 } from "node:buffer";
import { readSync } from "node:fs";
import { Untrue } from "./untrue.ts";

const CHUNK = 1 << 20;
const MAX_LINE = 1 << 28;
const NEWLINE = 10;

/** Text of each line, without its end. Throws Untrue for what is not UTF-8 and for a last line without an end. */
export function* linesOf(fd: number): Iterable<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK);
    const read = readSync(fd, chunk, 0, CHUNK, null);
    if (read === 0) break;
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1 && end < read; end = chunk.indexOf(NEWLINE, from)) {
      yield textOf([...parts, chunk.subarray(from, end)]);
      parts = [];
      length = 0;
      from = end + 1;
    }
    parts.push(chunk.subarray(from, read));
    length += read - from;
    if (length > MAX_LINE) throw new Untrue("the file has a line that no export has");
  }
  if (length > 0) throw new Untrue("the file was cut off: its last line has no end");
}

function textOf(parts: readonly Buffer[]): string {
  const [only] = parts;
  const bytes = parts.length === 1 && only ? only : Buffer.concat(parts);
  if (!isUtf8(bytes)) throw new Untrue("the file is not UTF-8");
  return bytes.toString("utf8");
}
