// BIP-39 with the English list, in bytes: a phrase is never one string, only its words are, and those are a public list.
import { createHash, pbkdf2Sync } from "node:crypto";
import { wordlist } from "@scure/bip39/wordlists/english";
import { X402Error } from "../protocol/errors.ts";
import { concat } from "./bytes.ts";
import { Secret } from "./secret.ts";

const INDEX = new Map(wordlist.map((word, index) => [word, index]));
const WORD_COUNTS = [12, 15, 18, 21, 24];
const WORD_BITS = 11;
const SPACE = " ".charCodeAt(0);
const SEED_BYTES = 64;
const SEED_ROUNDS = 2048;

/** 16-32 bytes of entropy as its 12-24 words in ASCII, one space between them. */
export function phraseOf(entropy: Secret): Secret {
  const indexes = entropy.use((bytes) => indexesOf(bytes));
  const words = indexes.map((index, at) =>
    Buffer.from((at === 0 ? "" : " ") + (wordlist[index] ?? ""), "latin1"),
  );
  return Secret.take(concat(...words));
}

/**
 * The entropy of a typed phrase: any case, any white space. Throws PHRASE_INVALID, which names the position of what
 * is wrong and never a word.
 */
export function entropyOf(phrase: Secret): Secret {
  const indexes = phrase.use((bytes) => words(bytes).map((word, at) => indexOf(word, at)));
  if (!WORD_COUNTS.includes(indexes.length)) {
    throw new X402Error("PHRASE_INVALID", `it has ${indexes.length} words, not 12, 15, 18, 21 or 24`);
  }
  const entropy = Secret.take(new Uint8Array((indexes.length / 3) * 4));
  const check = entropy.use((bytes) => fill(bytes, indexes));
  if (check !== entropy.use(checksum)) {
    entropy.wipe();
    throw new X402Error("PHRASE_INVALID", "the words are known, but they do not belong together");
  }
  return entropy;
}

/** BIP-39's 64-byte seed, without a BIP-39 passphrase. */
export function seedOf(entropy: Secret): Secret {
  using phrase = phraseOf(entropy);
  return phrase.use((bytes) => Secret.take(pbkdf2Sync(bytes, "mnemonic", SEED_ROUNDS, SEED_BYTES, "sha512")));
}

/** The first entropy bits / 32 bits of SHA-256. */
function checksum(entropy: Uint8Array): number {
  const first = createHash("sha256").update(entropy).digest()[0] ?? 0;
  return first >> (8 - entropy.length / 4);
}

/** The bits of entropy || checksum, eleven at a time. */
function indexesOf(entropy: Uint8Array): number[] {
  const indexes: number[] = [];
  let bits = 0;
  let held = 0;
  const push = (value: number, width: number) => {
    held = (held << width) | value;
    bits += width;
    if (bits < WORD_BITS) return;
    bits -= WORD_BITS;
    indexes.push(held >> bits);
    held &= (1 << bits) - 1;
  };
  for (const byte of entropy) push(byte, 8);
  push(checksum(entropy), entropy.length / 4);
  return indexes;
}

/** The reverse: fills `entropy` and returns the checksum that the last word carries. */
function fill(entropy: Uint8Array, indexes: readonly number[]): number {
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const index of indexes) {
    held = (held << WORD_BITS) | index;
    bits += WORD_BITS;
    while (bits >= 8 && at < entropy.length) {
      bits -= 8;
      entropy[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  return held;
}

/** Splits at anything that is not printable ASCII. */
function words(bytes: Uint8Array): string[] {
  const found: string[] = [];
  let start = 0;
  for (let at = 0; at <= bytes.length; at++) {
    if (at < bytes.length && (bytes[at] ?? 0) > SPACE) continue;
    if (at > start) found.push(Buffer.from(bytes.subarray(start, at)).toString("latin1").toLowerCase());
    start = at + 1;
  }
  return found;
}

function indexOf(word: string, at: number): number {
  const index = INDEX.get(word);
  if (index === undefined) throw new X402Error("PHRASE_INVALID", `word ${at + 1} is not in the list`);
  return index;
}
