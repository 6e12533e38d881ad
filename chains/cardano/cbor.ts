// The part of CBOR that a transaction body is made of: unsigned integers, byte strings, arrays and maps of definite
// length, deterministically encoded. Source: RFC 8949, sections 3 and 4.2.
//
// Pieces are written from the inside out. The reader takes the shortest form of each number only; whether keys stand in
// order is left to who reads, by encoding again what was read.

const UINT = 0;
const BYTES = 2;
const ARRAY = 4;
const MAP = 5;
const UINT64 = 1n << 64n;

export const uint = (value: bigint | number): Uint8Array => head(UINT, BigInt(value));

export const byteString = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([head(BYTES, BigInt(bytes.length)), bytes]);

export const array = (items: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([head(ARRAY, BigInt(items.length)), ...items]);

/** Sorts by the bytes of the keys. */
export function map(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): Uint8Array {
  const sorted = entries.toSorted(([a], [b]) => Buffer.compare(a, b));
  return Buffer.concat([head(MAP, BigInt(entries.length)), ...sorted.flat()]);
}

function head(major: number, value: bigint): Uint8Array {
  if (value < 0n || value >= UINT64) throw new RangeError("a number in CBOR has 64 bits");
  const first = major << 5;
  if (value < 24n) return Uint8Array.of(first | Number(value));
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64BE(value, 1);
  const [length, kind] = widthOf(value);
  bytes[8 - length] = first | kind;
  return bytes.subarray(8 - length);
}

/** Bytes behind the first one, and how the first one says so. */
function widthOf(value: bigint): readonly [length: number, kind: number] {
  if (value < 1n << 8n) return [1, 24];
  if (value < 1n << 16n) return [2, 25];
  return value < 1n << 32n ? [4, 26] : [8, 27];
}

/** Thrown by CborReader for everything that is not what was asked for. */
export class NotCbor extends Error {
  override readonly name: string = "NotCbor";
}

export class CborReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uint(): bigint {
    return this.#head(UINT);
  }

  /** An unsigned integer of at most 2^53 - 1: never money. */
  small(): number {
    const value = Number(this.uint());
    if (!Number.isSafeInteger(value)) throw new NotCbor("too large a number");
    return value;
  }

  /** A view of the input. */
  bytes(): Uint8Array {
    const length = this.#length(BYTES);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** An array of so many items, which are read next. */
  arrayOf(length: number): void {
    if (this.#length(ARRAY) !== length) throw new NotCbor("another length");
  }

  mapOf(length: number): void {
    if (this.#length(MAP) !== length) throw new NotCbor("another length");
  }

  array<T>(read: () => T): T[] {
    return Array.from({ length: this.#length(ARRAY) }, read);
  }

  /** `read` takes a key and its value. */
  map<T>(read: () => T): T[] {
    return Array.from({ length: this.#length(MAP) }, read);
  }

  /** The next byte says that an array comes. */
  get atArray(): boolean {
    return (this.#bytes[this.#at] ?? 0) >> 5 === ARRAY;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new NotCbor("bytes behind the end");
  }

  /** No item is shorter than a byte: a count above what is left is a lie, and allocates nothing. */
  #length(major: number): number {
    const length = this.#head(major);
    if (length > BigInt(this.#bytes.length - this.#at)) throw new NotCbor("cut short");
    return Number(length);
  }

  #head(major: number): bigint {
    const first = this.#bytes[this.#at++];
    if (first === undefined || first >> 5 !== major) throw new NotCbor("another kind of item");
    const kind = first & 0x1f;
    if (kind < 24) return BigInt(kind);
    if (kind > 27) throw new NotCbor("no definite length");
    const length = 1 << (kind - 24);
    const digits = this.#bytes.toString("hex", this.#at, this.#at + length);
    this.#at += length;
    if (digits.length !== 2 * length) throw new NotCbor("cut short");
    const value = BigInt(`0x${digits}`);
    if (value < 24n || widthOf(value)[0] !== length) throw new NotCbor("not the shortest form");
    return value;
  }
}
