// Room on the disk. A full disk ends the signer at its next row; what an agent can cause for free (declines, sessions)
// must not bring that about, so the last of the room is kept for payments that are allowed.
import { statfsSync } from "node:fs";

/** Bytes: room for some ten thousand payments and the log that they are written to first. */
export const KEPT_BYTES = 64 * 1024 * 1024;
const LOOK_AGAIN_MS = 1000;

export class Space {
  readonly #free: () => number;
  #looked = -Infinity;
  #low = false;

  /** `free`: bytes that this user may still write. */
  constructor(free: () => number) {
    this.#free = free;
  }

  /** As of at most a second before `now` (unix ms). */
  isLow(now: number): boolean {
    if (Math.abs(now - this.#looked) < LOOK_AGAIN_MS) return this.#low;
    this.#looked = now;
    this.#low = this.#free() < KEPT_BYTES;
    return this.#low;
  }
}

/** Where it cannot be asked, there is room until a write fails. */
export function freeBytesAt(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}
