// A Solana key with its public key behind it, 64 bytes: as the Solana CLI writes it (id.json, an array of numbers) and as
// Phantom shows it (base58).
import { type Ed25519, SEED_BYTES } from "../../chains/ed25519.ts";
import { X402Error } from "../../protocol/errors.ts";
import { Secret, unmoved } from "../secret.ts";

export const KEYPAIR_BYTES = 64;

/** The 32-byte seed, the caller's to wipe, as `pair` is. Throws PHRASE_INVALID when the public key is another one's. */
export const seedOfPair = (pair: Secret, ed25519: Ed25519): Secret =>
  pair.use((bytes) => {
    const seed = bytes.subarray(0, SEED_BYTES);
    if (Buffer.compare(ed25519.publicKey(seed), bytes.subarray(SEED_BYTES)) !== 0) {
      throw new X402Error("PHRASE_INVALID", "the public half of this Solana key is not its own");
    }
    return Secret.copyOf(seed);
  });

/** The same 64 bytes again, the caller's to wipe. */
export function pairOf(seed: Secret, ed25519: Ed25519): Secret {
  const pair = unmoved(KEYPAIR_BYTES);
  seed.use((bytes) => {
    pair.set(bytes);
    pair.set(ed25519.publicKey(bytes), SEED_BYTES);
  });
  return Secret.take(pair);
}

/**
 * The 64 numbers of an id.json, read digit by digit, because a string or an array of them could not be wiped. Throws
 * PHRASE_INVALID for any other JSON.
 */
export function readKeypairFile(text: Uint8Array): Secret {
  const pair = Secret.take(unmoved(KEYPAIR_BYTES));
  try {
    pair.use((bytes) => {
      const end = bytes.reduce((at, _, index) => readNumber(text, at, bytes, index), 0);
      if (text[skipSpace(text, end)] !== CLOSE || skipSpace(text, skipSpace(text, end) + 1) !== text.length)
        throw malformed();
    });
    return pair;
  } catch (error) {
    pair.wipe();
    throw error;
  }
}

const [OPEN, CLOSE, COMMA, ZERO, NINE] = [91, 93, 44, 48, 57];
const SPACES = [9, 10, 13, 32];

const malformed = (): X402Error =>
  new X402Error(
    "PHRASE_INVALID",
    `a Solana keypair file is an array of ${KEYPAIR_BYTES} numbers from 0 to 255`,
  );

/** Reads `[` or `,` and a number behind it into `bytes[index]`; returns where the number ends. */
function readNumber(text: Uint8Array, from: number, bytes: Uint8Array, index: number): number {
  const start = skipSpace(text, from);
  if (text[start] !== (index === 0 ? OPEN : COMMA)) throw malformed();
  const first = skipSpace(text, start + 1);
  let [at, value] = [first, 0];
  for (; isDigit(text[at]) && at < first + 3; at++) value = 10 * value + (text[at] ?? 0) - ZERO;
  const leadingZero = text[first] === ZERO && at > first + 1;
  if (at === first || leadingZero || value > 255) throw malformed();
  bytes[index] = value;
  return at;
}

const isDigit = (byte = 0): boolean => byte >= ZERO && byte <= NINE;

function skipSpace(text: Uint8Array, from: number): number {
  let at = from;
  while (SPACES.includes(text[at] ?? 0)) at++;
  return at;
}
