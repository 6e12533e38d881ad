// CBOR as far as a transaction's body has it: unsigned integers, byte strings, arrays and maps of definite length, in
// the one encoding that each can have (RFC 8949, 4.2.1): the shortest heads, the keys of maps in order.

export class CborMap {
  readonly entries: readonly (readonly [key: Cbor, value: Cbor])[];

  constructor(entries: CborMap["entries"]) {
    this.entries = entries;
  }
}

export type Cbor = bigint | Buffer | readonly Cbor[] | CborMap;

class NotCbor extends Error {}

const MOST_DEPTH = 8;

/** Undefined for anything else, and for bytes behind the end. */
export function readCbor(bytes: Buffer): Cbor | undefined {
  const reader = new Reader(bytes);
  try {
    const value = reader.item(0);
    return reader.at === bytes.length ? value : undefined;
  } catch (error) {
    if (error instanceof NotCbor) return undefined;
    throw error;
  }
}

class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  item(depth: number): Cbor {
    if (depth > MOST_DEPTH) throw new NotCbor();
    const [major, value] = this.#head();
    if (major === 0) return value;
    // No item is shorter than a byte.
    const length = value > BigInt(this.#bytes.length - this.at) ? undefined : Number(value);
    if (length === undefined) throw new NotCbor();
    if (major === 2) return this.#bytes.subarray(this.at, (this.at += length));
    if (major === 4) return Array.from({ length }, () => this.item(depth + 1));
    if (major === 5) return this.#map(length, depth);
    throw new NotCbor();
  }

  #map(length: number, depth: number): CborMap {
    let last: Buffer = Buffer.alloc(0);
    const entries = Array.from({ length }, () => {
      const start = this.at;
      const key = this.item(depth + 1);
      const written = this.#bytes.subarray(start, this.at);
      if (Buffer.compare(last, written) >= 0) throw new NotCbor();
      last = written;
      return [key, this.item(depth + 1)] as const;
    });
    return new CborMap(entries);
  }

  #head(): [major: number, value: bigint] {
    const first = this.#bytes[this.at++] ?? 0xff;
    const kind = first & 0x1f;
    if (kind < 24) return [first >> 5, BigInt(kind)];
    const width = 1 << (kind - 24);
    const digits = kind > 27 ? "" : this.#bytes.toString("hex", this.at, (this.at += width));
    if (digits.length !== 2 * width) throw new NotCbor();
    const value = BigInt(`0x${digits}`);
    const least = width === 1 ? 24n : 1n << BigInt(4 * width);
    if (value < least) throw new NotCbor();
    return [first >> 5, value];
  }
}
