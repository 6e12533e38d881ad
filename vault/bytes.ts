// Reading and writing the vault's binary codecs: big-endian integers and length-prefixed fields, nothing optional.
//
// Strict on both sides: a field outside its bounds, a text outside its alphabet or bytes after the end is an error, so
// that there is one encoding of a value.
import { X402Error } from "../protocol/errors.ts";
import { Secret } from "./secret.ts";

/** `what` names the field, never its value. */
export const damaged = (what: string): X402Error => new X402Error("VAULT_DAMAGED", what);

/** Reads fields from the front of `bytes`; every slice it hands out is a view, not a copy. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number, what: string): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw damaged(`${what} is cut short`);
    const field = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return field;
  }

  /** An unsigned integer of `width` bytes, at most `max` (and never above what a number holds exactly). */
  uint(width: number, what: string, max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0n;
    for (const byte of this.take(width, what)) value = (value << 8n) | BigInt(byte);
    if (value > BigInt(max)) throw damaged(`${what} is out of range`);
    return Number(value);
  }

  /** A length of `width` bytes, then that many bytes. */
  field(width: number, what: string): Uint8Array {
    return this.take(this.uint(width, what), what);
  }

  /** A one-byte length, then ASCII that matches `alphabet`. */
  text(alphabet: RegExp, what: string): string {
    const text = Buffer.from(this.field(1, what)).toString("latin1");
    if (!alphabet.test(text)) throw damaged(`${what} is malformed`);
    return text;
  }

  flag(what: string): boolean {
    return this.uint(1, what, 1) === 1;
  }

  end(what: string): void {
    if (this.#at !== this.#bytes.length) throw damaged(`${what} has bytes after its end`);
  }
}

/** An unsigned integer as `width` big-endian bytes. */
export function uint(width: number, value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** (8 * width))
    throw damaged("number too large");
  const bytes = new Uint8Array(width);
  for (let rest = BigInt(value), at = width - 1; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
}

/** One fresh buffer. Not Buffer.concat, which would leave a copy of a key in Node's shared pool. */
export function concat(...pieces: readonly (Uint8Array | Secret)[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    if (piece instanceof Secret)
      piece.use((bytes) => {
        whole.set(bytes, at);
      });
    else whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export const field = (width: number, bytes: Uint8Array): Uint8Array =>
  concat(uint(width, bytes.length), bytes);

export function text(value: string, alphabet: RegExp, what: string): Uint8Array {
  if (!alphabet.test(value)) throw damaged(`${what} is malformed`);
  return field(1, Buffer.from(value, "latin1"));
}

export const flag = (value: boolean): Uint8Array => uint(1, value ? 1 : 0);
