// The mirrored head: a second small file that says how far the ledger had come, and by which clock.
// It is written after each commit, and synced with the first one: so it can lag behind the ledger but never lead it.
// A ledger that does not reach it has lost rows (a damaged WAL drops committed rows without a word). Evidence of rows
// that somebody else has seen is written here too, so that a freeze survives a restart and ends when they are back.
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { z } from "zod";
import { X402Error } from "../../protocol/errors.ts";
import { type Head, headSchema } from "../../protocol/shapes.ts";
import { parseJson } from "../../protocol/json.ts";
import type { ClockBase } from "./clock.ts";

/** Within one sector, whatever is in it: a disk writes that whole or not at all. */
const LENGTH = 512;

const mirrorSchema = headSchema.extend({
  // Absent in files of versions before 0.3, which did not compare the clock with the machine's uptime.
  boot: z.string().max(64).optional(),
  base: z.number().optional(),
});
export type Mirror = z.infer<typeof mirrorSchema>;

export class HeadFile {
  readonly #file: string;
  #fd: number | undefined;
  /** Each write to it is synced (O_SYNC): Node's permission model has no fsync. */
  #synced: number | undefined;
  #text: string | undefined;

  constructor(file: string) {
    this.#file = file;
    if (existsSync(file)) this.make();
  }

  /** Opens the file, and makes an empty one if there is none. */
  make(): void {
    this.#fd ??= openSync(this.#file, existsSync(this.#file) ? "r+" : "wx+", 0o600);
    this.#synced ??= openSync(this.#file, "rs+");
  }

  /** What was written last; undefined for no file and for an empty one. Throws LEDGER_DAMAGED for anything else. */
  read(): Mirror | undefined {
    if (this.#fd === undefined) return undefined;
    const text = readFileSync(this.#file, "utf8").trim();
    if (text === "") return undefined;
    try {
      return mirrorSchema.parse(parseJson(text, "head"));
    } catch {
      throw new X402Error("LEDGER_DAMAGED", "the head file cannot be read");
    }
  }

  /** One write of a fixed length at offset zero: a crash leaves the old text or the new. */
  write(head: Head, clock?: ClockBase): void {
    this.#write(head, clock, false);
  }

  /** The same, and on disk when it returns. */
  writeSynced(head: Head, clock?: ClockBase): void {
    this.#write(head, clock, true);
  }

  close(): void {
    if (this.#synced !== undefined && this.#text !== undefined) writeSync(this.#synced, this.#text, 0);
    for (const fd of [this.#fd, this.#synced]) if (fd !== undefined) closeSync(fd);
    this.#fd = this.#synced = undefined;
  }

  #write({ ledger, seq, hash }: Head, clock: ClockBase | undefined, synced: boolean): void {
    this.make();
    this.#text = JSON.stringify({ ledger, seq, hash, ...clock }).padEnd(LENGTH - 1) + "\n";
    const fd = synced ? this.#synced : this.#fd;
    if (fd !== undefined) writeSync(fd, this.#text, 0);
  }
}
