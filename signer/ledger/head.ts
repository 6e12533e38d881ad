// The mirrored head: a second small file that says how far the ledger had come.
// It is written after each commit and not synced, so it can lag behind the ledger but never lead it: a ledger that does
// not reach it has lost rows (a damaged WAL drops committed rows without a word).
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { X402Error } from "../../protocol/errors.ts";
import { type Head, headSchema } from "../../protocol/shapes.ts";
import { parseJson } from "../../protocol/json.ts";

const LENGTH = 256;

export class HeadFile {
  readonly #fd: number;
  /** Each write to it is synced (O_SYNC): Node's permission model has no fsync. */
  readonly #synced: number;
  readonly #file: string;
  #text: string | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#fd = openSync(file, existsSync(file) ? "r+" : "wx+", 0o600);
    this.#synced = openSync(file, "rs+");
  }

  /** The last head written, or undefined for a new file. Throws LEDGER_DAMAGED for anything else. */
  read(): Head | undefined {
    const text = readFileSync(this.#file, "utf8").trim();
    if (text === "") return undefined;
    try {
      return headSchema.parse(parseJson(text, "head"));
    } catch {
      throw new X402Error("LEDGER_DAMAGED", `${this.#file} cannot be read`);
    }
  }

  /** One write of a fixed length at offset zero: a crash leaves the old text or the new. */
  write(head: Head): void {
    this.#text = JSON.stringify(head).padEnd(LENGTH - 1) + "\n";
    writeSync(this.#fd, this.#text, 0);
  }

  close(): void {
    if (this.#text !== undefined) writeSync(this.#synced, this.#text, 0);
    closeSync(this.#synced);
    closeSync(this.#fd);
  }
}
