// Bytes that must not be printed, copied by accident or left behind.
//
// What it does not cover: what a callback of `use` copies, what libraries copy inside themselves, and pages that the
// kernel swapped out. SECURITY.md counts the copies that remain.
import { randomFillSync, timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";

const MASK = "[secret]";

/**
 * Bytes that stay where they are until they are wiped. V8 keeps arrays of up to 64 bytes in its own heap, where the
 * collector moves them and leaves what was there; an ArrayBuffer that is made first is outside.
 */
export const unmoved = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(new ArrayBuffer(length));

/** Secret bytes in a private field: every way of printing it gives `[secret]`. Using it after `wipe` throws. */
export class Secret {
  #bytes: Uint8Array | undefined;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Adopts `bytes`: from here on the buffer belongs to the secret, and `wipe` zeroes it. */
  static take(bytes: Uint8Array): Secret {
    return new Secret(bytes);
  }

  /** Bytes of its own; those given stay the caller's to wipe. */
  static copyOf(bytes: Uint8Array): Secret {
    const own = unmoved(bytes.length);
    own.set(bytes);
    return new Secret(own);
  }

  /** `length` bytes from the system's generator. */
  static random(length: number): Secret {
    return new Secret(randomFillSync(unmoved(length)));
  }

  get length(): number {
    return this.#held().length;
  }

  get wiped(): boolean {
    return this.#bytes === undefined;
  }

  /** Lends the bytes to `fn`, which must neither keep nor change them. */
  use<T>(fn: (bytes: Uint8Array) => T): T {
    return fn(this.#held());
  }

  /** A second secret with bytes of its own, for an owner that wipes at another time. */
  copy(): Secret {
    return Secret.copyOf(this.#held());
  }

  /** Compares in constant time; only the lengths may be told apart by timing. */
  equals(other: Secret): boolean {
    const mine = this.#held();
    return other.use((theirs) => mine.length === theirs.length && timingSafeEqual(mine, theirs));
  }

  wipe(): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }

  [Symbol.dispose](): void {
    this.wipe();
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }

  #held(): Uint8Array {
    // A fault of ours, never of an input: no code of the table fits, and it must not be handled.
    if (this.#bytes === undefined) throw new Error("this secret was wiped");
    return this.#bytes;
  }
}
