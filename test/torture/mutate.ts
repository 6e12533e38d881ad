// Bytes that nearly make sense: samples of a format, changed as accidents and attackers change them.
import { parseJson } from "../../protocol/json.ts";
import type { Random } from "./random.ts";

/** Pieces that parsers trip over. */
const TOKENS = [
  ...[
    "",
    '"',
    "\\",
    "\\u0000",
    "\\ud800",
    "\u0000",
    "\n",
    "\r\n",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
  ],
  ...["0", "-0", "-1", "1e309", "1E-9", "0x10", "00", "9007199254740993", "1".repeat(80), "0.1", "NaN", "."],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "é",
    "\u202e",
    "\ufeff",
    "\u{1f4a9}",
    "e\u0301",
  ],
  ...["/", "..", "%00", "=", "==", "AAAA", "eip155:1", "0x", "'", "<", "${", "A".repeat(300), "[".repeat(40)],
];

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, "", "0", "-1", "1e9", [], {}, [[]], { constructor: 1 }],
  ...["x".repeat(200), "\u0000", "\ud800", "0x", "eip155:0", { toString: "x" }, [null], "9".repeat(79)],
];

export class Mutator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** One to four changes of a sample; `other` is another one to take pieces from. Now and then it is all noise. */
  bytes(sample: Buffer, other: Buffer): Buffer {
    const random = this.#random;
    if (random.oneIn(50)) return random.bytes(random.below(300));
    let bytes = sample;
    for (let times = random.between(1, 4); times > 0; times--) bytes = this.#changed(bytes, other);
    return bytes;
  }

  /** The same for a text that is JSON: as often a value in it is another one as its letters are. */
  json(sample: string, other: string): Buffer {
    if (this.#random.oneIn(2)) return this.bytes(Buffer.from(sample), Buffer.from(other));
    let value: unknown = parseJson(sample, "sample", 64);
    for (let times = this.#random.between(1, 3); times > 0; times--) value = this.#replaced(value);
    return Buffer.from(JSON.stringify(value));
  }

  #changed(bytes: Buffer, other: Buffer): Buffer {
    const random = this.#random;
    const at = random.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + random.below(20));
    switch (random.below(7)) {
      case 0: {
        if (at === bytes.length) return bytes;
        const copy = Buffer.from(bytes);
        copy[at]! ^= 1 << random.below(8);
        return copy;
      }
      case 1:
        return bytes.subarray(0, at);
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
      case 3:
        return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
      case 4:
        return Buffer.concat([
          bytes.subarray(0, at),
          random.bytes(random.between(1, 8)),
          bytes.subarray(end),
        ]);
      case 5:
        return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(TOKENS)), bytes.subarray(end)]);
      default: {
        const from = random.below(other.length + 1);
        return Buffer.concat([
          bytes.subarray(0, at),
          other.subarray(from, from + random.below(60)),
          bytes.subarray(end),
        ]);
      }
    }
  }

  /** One value anywhere in it replaced, taken out or added. */
  #replaced(value: unknown): unknown {
    const random = this.#random;
    if (value === null || typeof value !== "object" || random.oneIn(8)) return random.pick(VALUES);
    if (Array.isArray(value)) {
      const copy: unknown[] = [...(value as unknown[])];
      const at = random.below(copy.length + 1);
      if (at === copy.length) copy.push(random.pick(VALUES));
      else if (random.oneIn(4)) copy.splice(at, 1);
      else copy[at] = this.#replaced(copy[at]);
      return copy;
    }
    const members = Object.entries(value);
    const at = random.below(members.length + 1);
    const member = members[at];
    if (!member) members.push([random.pick(TOKENS), random.pick(VALUES)]);
    else if (random.oneIn(4)) members.splice(at, 1);
    else members[at] = [random.oneIn(10) ? random.pick(TOKENS) : member[0], this.#replaced(member[1])];
    return Object.fromEntries(members);
  }
}
