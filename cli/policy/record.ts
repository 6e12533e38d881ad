// The record for a reader that wants some kinds of rows: from a running signer, or from a file that `audit export`
// wrote. A file is streamed, and its rows are not verified: x402-audit-verify does that.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { SignerConnection } from "../../client/signer.ts";
import { X402Error } from "../../protocol/errors.ts";
import { readAudit } from "./audit-rows.ts";
import { cannotRead } from "./read-file.ts";

/** Hands over bodies of the rows whose kind is in `kinds`, oldest first. The same rows each time it is called. */
export type ReadRecord = (
  kinds: ReadonlySet<string>,
  each: (body: string, seq: number) => void,
) => Promise<void>;

const KIND = /^\{"kind":"([a-z.]+)"/;

/** Of a signer, as it stood when it was first read to its end. */
export function recordOf(signer: SignerConnection): ReadRecord {
  let end = Infinity;
  return async (kinds, each) => {
    const { head } = await readAudit(signer, ({ seq, body }) => {
      if (seq <= end && kinds.has(KIND.exec(body)?.[1] ?? "")) each(body, seq);
    });
    end = Math.min(end, head.seq);
  };
}

const CHUNK = 1 << 20;
// No payment's row is nearly as long. Longer lines (a checkpoint's, the counters at the end) are passed over.
const MAX_LINE = 1 << 20;
const ROW = /^\{"seq":([0-9]{1,16}),"hash":"[0-9a-f]{64}","body":"\{\\"kind\\":\\"([a-z.]+)\\"/;
const PREFIX = 200;

/** Of an export. Throws USAGE for a file that cannot be read, or is none, or was cut off. */
export const recordFile =
  (file: string): ReadRecord =>
  (kinds, each) => {
    const reader = new ExportReader(kinds, each);
    const fd = open(file);
    try {
      const chunk = Buffer.alloc(CHUNK);
      for (let length: number; (length = readSync(fd, chunk)) > 0;) reader.take(chunk.subarray(0, length));
      reader.end();
    } finally {
      closeSync(fd);
    }
    return Promise.resolve();
  };

function open(file: string): number {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch (error) {
    throw cannotRead(file, error);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new X402Error("USAGE", `${file} is no plain file: it is read twice`);
}

/** Lines out of chunks. A long line is kept to its beginning, which is enough to pass over it. */
class ExportReader {
  readonly #kinds: ReadonlySet<string>;
  readonly #each: (body: string, seq: number) => void;
  #rest: Buffer[] = [];
  #length = 0;
  #line = 0;
  #ended = false;

  constructor(kinds: ReadonlySet<string>, each: (body: string, seq: number) => void) {
    this.#kinds = kinds;
    this.#each = each;
  }

  take(chunk: Buffer): void {
    let from = 0;
    for (let to = chunk.indexOf(10); to !== -1; to = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, to));
      this.#endLine();
      from = to + 1;
    }
    // The chunk is filled anew.
    if (from < chunk.length) this.#keep(Buffer.from(chunk.subarray(from)));
  }

  end(): void {
    if (!this.#ended || this.#length > 0) throw this.#wrong("it was cut off: it has no end");
  }

  #keep(part: Buffer): void {
    if (this.#length <= MAX_LINE) this.#rest.push(part);
    this.#length += part.length;
  }

  #endLine(): void {
    const line = this.#rest.length === 1 ? this.#rest[0] : Buffer.concat(this.#rest);
    const isLong = this.#length > MAX_LINE;
    this.#rest = [];
    this.#length = 0;
    this.#line++;
    if (line) this.#read(line, isLong);
  }

  #read(line: Buffer, isLong: boolean): void {
    const prefix = line.toString("latin1", 0, PREFIX);
    if (this.#ended) throw this.#wrong("it goes on after its end");
    if (this.#line === 1) {
      if (!prefix.startsWith('{"x402-audit":1,'))
        throw this.#wrong("its first line is not that of an export");
      return;
    }
    if (prefix.startsWith('{"head":')) {
      this.#ended = true;
      return;
    }
    const [, seq, kind] = ROW.exec(prefix) ?? [];
    if (seq === undefined || kind === undefined) throw this.#wrong("this is no row");
    if (!this.#kinds.has(kind)) return;
    if (isLong) throw this.#wrong("this row is too long");
    this.#each(this.#bodyOf(line), Number(seq));
  }

  #bodyOf(line: Buffer): string {
    try {
      const { body } = JSON.parse(line.toString("utf8")) as { body: unknown };
      if (typeof body === "string") return body;
    } catch {
      // as below
    }
    throw this.#wrong("this is no row");
  }

  #wrong(detail: string): X402Error {
    return new X402Error("USAGE", `line ${this.#line}: ${detail}`, {
      hint: "give a file that x402-policy audit export wrote",
    });
  }
}
