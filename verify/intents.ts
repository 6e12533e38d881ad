// What is remembered of every intent, in 32 bytes each: a million payments fit beside everything else. Digests are
// salted by chance, so that nobody can choose names that collide.
import { createHash, randomBytes } from "node:crypto";

/** One of these is in every entry that is used. */
export const LIVE = 1;
export const SETTLED = 2;
export const RELEASED = 3;
/** It waits for a person; or has waited, and was not signed. */
export const HELD = 4;
export const LAPSED = 5;
export type State = typeof LIVE | typeof SETTLED | typeof RELEASED | typeof HELD | typeof LAPSED;

export interface Intent {
  /** Stands for what must stay the same in every draft. */
  terms: Digest;
  /** Micro-USD, of its newest draft. */
  usd: bigint;
  /** Unix seconds, of its newest draft. */
  expires: number;
  state: State;
}

export type Digest = readonly [number, number];

const WORDS = 8;
const FIRST_CAPACITY = 1 << 12;

export class Intents {
  readonly #salt = randomBytes(16);
  #slots = new Uint32Array(FIRST_CAPACITY * WORDS);
  #count = 0;

  /** Eight bytes that stand for a text. */
  digest(text: string): Digest {
    const bytes = createHash("sha256").update(this.#salt).update(text).digest();
    return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
  }

  find(name: Digest): Intent | undefined {
    const at = this.#slotOf(name);
    const [, , t0 = 0, t1 = 0, , , expires = 0, state = 0] = this.#slots.subarray(at, at + WORDS);
    if (state === 0) return undefined;
    return { terms: [t0, t1], usd: this.#usd[at / 2 + 2] ?? 0n, expires, state: state as State };
  }

  set(name: Digest, { terms, usd, expires, state }: Intent): void {
    if (this.find(name) === undefined) this.#count += 1;
    // Half empty, so that a search ends soon.
    if (this.#count * 2 * WORDS > this.#slots.length) this.#grow();
    const at = this.#slotOf(name);
    this.#slots.set([...name, ...terms, 0, 0, expires, state], at);
    this.#usd[at / 2 + 2] = usd;
  }

  /** The same memory, in words of eight bytes. */
  get #usd(): BigUint64Array {
    return new BigUint64Array(this.#slots.buffer);
  }

  /** Where this name is, or would be. */
  #slotOf([first, second]: Digest): number {
    const capacity = this.#slots.length / WORDS;
    for (let slot = first % capacity; ; slot = (slot + 1) % capacity) {
      const at = slot * WORDS;
      const isFree = this.#slots[at + 7] === 0;
      if (isFree || (this.#slots[at] === first && this.#slots[at + 1] === second)) return at;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      const [first = 0, second = 0] = old.subarray(at, at + 2);
      if (old[at + 7] !== 0) this.#slots.set(old.subarray(at, at + WORDS), this.#slotOf([first, second]));
    }
  }
}
