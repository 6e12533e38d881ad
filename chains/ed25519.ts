// The one place that calls libsodium (compiled to WASM): Ed25519 in constant time, and BLAKE2b. What a key leaves in its
// memory is overwritten before the call returns, and no secret becomes a BigInt, which could not be.
//
// Keys are of two kinds. A seed of 32 bytes is expanded as RFC 8032 has it. An extended key of 64 bytes (Cardano:
// BIP32-Ed25519) is the expanded form itself, scalar and prefix, and has no seed.
import type { Sodium } from "libsodium-sumo";

export const SEED_BYTES = 32;
export const EXTENDED_BYTES = 64;
const HALF = 32;
const WIDE = 64;
const NOTHING = new Uint8Array();
/** Longer than every transaction of a chain here. */
const MOST_BYTES = 20_000;

let loading: Promise<Ed25519> | undefined;

/** The library, loaded once: 12 MB of memory and some 20 ms, which only who needs it pays. */
export const loadEd25519 = (): Promise<Ed25519> => (loading ??= load());

async function load(): Promise<Ed25519> {
  const { default: loadSodium } = await import("libsodium-sumo");
  return new Ed25519(await loadSodium());
}

export class Ed25519 {
  readonly #sodium: Sodium;
  /** What it writes to on its own stack when it works with a key. */
  readonly #stack: { readonly from: number; readonly to: number };
  /** Where things lie in the library's memory: everything from `scalar` to the end of `text` is wiped after use. */
  readonly #at;

  constructor(sodium: Sodium) {
    this.#sodium = sodium;
    const start = sodium._malloc(8 * WIDE + MOST_BYTES);
    const place = (index: number): number => start + index * WIDE;
    // Prefix follows scalar, and S follows R, as they stand in a key and in a signature.
    const [scalar, R, A, r, k, product, text] = [0, 1, 2, 3, 4, 5, 6].map(place) as [
      ...[number, number, number, number, number, number, number],
    ];
    this.#at = {
      scalar,
      prefix: scalar + HALF,
      R,
      S: R + HALF,
      A,
      r,
      k,
      product,
      text,
      end: place(8) + MOST_BYTES,
    };
    this.#stack = { from: 0, to: 0 };
    this.#stack = this.#stackBelow(start);
  }

  /** 32 bytes: the public key of a seed (32) or an extended key (64). */
  publicKey(key: Uint8Array): Uint8Array {
    return this.#withKey(key, () => this.#copy(this.#publicKey(), HALF));
  }

  /**
   * 64 bytes, deterministic (RFC 8032, section 5.1.6). The public key that is hashed is worked out of the key each time:
   * signatures over one message with two of them would give the key away.
   */
  sign(message: Uint8Array, key: Uint8Array): Uint8Array {
    return this.signed(message, key).signature;
  }

  /** The signature, with the public key that it is made for. */
  signed(message: Uint8Array, key: Uint8Array): { signature: Uint8Array; publicKey: Uint8Array } {
    if (message.length > MOST_BYTES) throw new RangeError("the message is too long to be signed");
    const { scalar, prefix, R, S, r, k, product } = this.#at;
    return this.#withKey(key, () => {
      this.#reducedHash(r, [this.#view(prefix, HALF), message]);
      this.#sodium._crypto_scalarmult_ed25519_base_noclamp(R, r);
      const A = this.#publicKey();
      this.#reducedHash(k, [this.#view(R, HALF), this.#view(A, HALF), message]);
      this.#sodium._crypto_core_ed25519_scalar_mul(product, k, scalar);
      this.#sodium._crypto_core_ed25519_scalar_add(S, product, r);
      return { signature: this.#copy(R, WIDE), publicKey: this.#copy(A, HALF) };
    });
  }

  /** Is this the 64-byte signature that the owner of a 32-byte public key made? */
  verify(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
    if (message.length > MOST_BYTES) throw new RangeError("the message is too long to be verified");
    if (signature.length !== WIDE || publicKey.length !== HALF) return false;
    const { R, A, text } = this.#at;
    const memory = this.#sodium.HEAPU8;
    memory.set(signature, R);
    memory.set(publicKey, A);
    memory.set(message, text);
    return this.#sodium._crypto_sign_ed25519_verify_detached(R, text, message.length, 0, A) === 0;
  }

  /** Do these 32 bytes stand for a point of the curve? Of any order; the top bit is the sign of x. */
  isPoint(bytes: Uint8Array): boolean {
    if (bytes.length !== HALF) return false;
    const { A, R } = this.#at;
    this.#sodium.HEAPU8.set(bytes, A);
    return this.#sodium._crypto_core_ed25519_add(R, A, A) === 0;
  }

  /** BLAKE2b without a key (RFC 7693), with a digest of `length` bytes. */
  blake2b(bytes: Uint8Array, length: 28 | 32): Uint8Array {
    if (bytes.length > MOST_BYTES) throw new RangeError("the text is too long to be hashed");
    const { k, text } = this.#at;
    this.#sodium.HEAPU8.set(bytes, text);
    this.#sodium._crypto_generichash(k, length, text, bytes.length, 0, 0, 0);
    return this.#copy(k, length);
  }

  #withKey<T>(key: Uint8Array, work: () => T): T {
    const { scalar, text, end } = this.#at;
    try {
      if (key.length === EXTENDED_BYTES) this.#sodium.HEAPU8.set(key, scalar);
      else if (key.length === SEED_BYTES) this.#expand(key);
      else throw new RangeError(`a key is 32 or 64 bytes, got ${key.length}`);
      return work();
    } finally {
      // Of the text, what is before the message is secret: it is short, and the message is not.
      this.#sodium.HEAPU8.fill(0, scalar, Math.min(text + WIDE, end));
      // It is left with r, out of which and the signature the key can be worked out, and with digits of the scalar.
      this.#sodium.HEAPU8.fill(0, this.#stack.from, this.#stack.to);
    }
  }

  /** Where its stack is the library does not tell: what is otherwise after another, worthless key is looked for. */
  #stackBelow(start: number): { readonly from: number; readonly to: number } {
    const works = [(key: Uint8Array) => this.publicKey(key), (key: Uint8Array) => this.sign(NOTHING, key)];
    const ranges = works.map((work) => {
      const [before, after] = [1, 2].map((fill) => {
        work(new Uint8Array(SEED_BYTES).fill(fill));
        return this.#copy(0, start);
      }) as [Uint8Array, Uint8Array];
      const isChanged = (byte: number, at: number): boolean => byte !== before[at];
      return { from: after.findIndex(isChanged), to: after.findLastIndex(isChanged) + 1 };
    });
    return {
      from: Math.min(...ranges.map(({ from }) => from)),
      to: Math.max(...ranges.map(({ to }) => to)),
    };
  }

  /** RFC 8032, section 5.1.5, steps 1 and 2. */
  #expand(seed: Uint8Array): void {
    const { scalar } = this.#at;
    this.#hash(scalar, [seed]);
    const memory = this.#sodium.HEAPU8;
    memory[scalar] = (memory[scalar] ?? 0) & 0xf8;
    memory[scalar + 31] = ((memory[scalar + 31] ?? 0) & 0x7f) | 0x40;
  }

  #publicKey(): number {
    const { A, scalar } = this.#at;
    this.#sodium._crypto_scalarmult_ed25519_base_noclamp(A, scalar);
    return A;
  }

  /** SHA-512, as a number below the order of the group: 32 bytes. */
  #reducedHash(to: number, parts: readonly Uint8Array[]): void {
    this.#hash(to, parts);
    this.#sodium._crypto_core_ed25519_scalar_reduce(to, to);
  }

  #hash(to: number, parts: readonly Uint8Array[]): void {
    const { text } = this.#at;
    let length = 0;
    for (const part of parts) {
      this.#sodium.HEAPU8.set(part, text + length);
      length += part.length;
    }
    this.#sodium._crypto_hash_sha512(to, text, length, 0);
  }

  #view(at: number, length: number): Uint8Array {
    return this.#sodium.HEAPU8.subarray(at, at + length);
  }

  #copy(at: number, length: number): Uint8Array {
    return this.#sodium.HEAPU8.slice(at, at + length);
  }
}
