// Seeded randomness, so that what failed can be asked again. sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state.

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** The same seed and label give the same sequence. */
  constructor(seed: number, label = "") {
    let mixed = 0x811c9dc5;
    for (const character of label) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193);
    [this.#a, this.#b, this.#c] = [seed | 0, Math.floor(seed / 2 ** 32) | 0, mixed | 0];
    for (let i = 0; i < 15; i++) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit);
  }

  /** Both ends included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at++) bytes[at] = this.uint32() >>> 13;
    return bytes;
  }
}

/** X402_SEED, or a new one. */
export function chosenSeed(): number {
  const given = process.env["X402_SEED"];
  if (given === undefined) return Math.floor(Math.random() * 2 ** 32);
  if (!/^\d{1,15}$/.test(given)) throw new RangeError("X402_SEED is a whole number");
  return Number(given);
}
