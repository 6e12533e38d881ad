// Solana's addresses, and where a wallet's tokens are: the associated token account, the first of 256 hashes that is no
// point of Ed25519's curve. Sources: Solana's documents, "Program derived addresses"; SPL Associated Token Account.
import { createHash } from "node:crypto";
import { remembering } from "./remember.ts";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const KEY = 32;
/** Longer is no key, and is not worked out. */
const MOST_DIGITS = 44;

/** 32 bytes in base58, in their one spelling; undefined for any other text. */
export const solanaKey = remembering((text: string): Buffer | undefined => {
  if (text.length > MOST_DIGITS) return undefined;
  const digits = Array.from(text, (digit) => ALPHABET.indexOf(digit));
  const value = digits.reduce((sum, digit) => sum * 58n + BigInt(digit), 0n);
  if (digits.includes(-1) || value >> BigInt(8 * KEY) > 0n) return undefined;
  const bytes = Buffer.from(value.toString(16).padStart(2 * KEY, "0"), "hex");
  const leading = bytes.findIndex((byte) => byte !== 0);
  const ones = digits.findIndex((digit) => digit !== 0);
  // Each zero byte in front is a "1", and nothing else is.
  return (leading === -1 ? KEY : leading) === (ones === -1 ? digits.length : ones) ? bytes : undefined;
});

/** Of a text that is one. */
export function knownKey(text: string): Buffer {
  const bytes = solanaKey(text);
  if (!bytes) throw new RangeError("not a key in base58");
  return bytes;
}

const ASSOCIATED_TOKEN = knownKey("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
const MARKER = Buffer.from("ProgramDerivedAddress", "ascii");

/** The account of `owner` for `mint` under a token program: 32 bytes each. */
export const tokenAccount = (owner: Buffer, program: Buffer, mint: Buffer): Buffer =>
  derived(Buffer.concat([owner, program, mint]).toString("hex"));

const derived = remembering((seeds: string): Buffer => {
  for (let bump = 255; bump >= 0; bump--) {
    const text = [Buffer.from(seeds, "hex"), Buffer.from([bump]), ASSOCIATED_TOKEN, MARKER];
    const address = createHash("sha256").update(Buffer.concat(text)).digest();
    if (!isPoint(address)) return address;
  }
  throw new RangeError("no address can be derived"); // one in 2^256
});

const PRIME = (1n << 255n) - 19n;
const D =
  37_095_705_934_669_439_343_138_083_508_754_565_189_542_113_879_843_219_016_388_785_533_085_940_283_555n;

/** RFC 8032, 5.1.3: y is of a point where (y^2 - 1) / (d y^2 + 1) is a square, and so is the product of the two then. */
function isPoint(bytes: Buffer): boolean {
  const y = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`) & ((1n << 255n) - 1n);
  const square = (y * y) % PRIME;
  return isSquare(((square + PRIME - 1n) * (D * square + 1n)) % PRIME);
}

/** The Jacobi symbol, by quadratic reciprocity, is not -1. */
function isSquare(value: bigint): boolean {
  let sign = 1;
  for (let [a, m] = [value, PRIME]; a !== 0n; [a, m] = [m % a, a]) {
    for (; (a & 1n) === 0n; a >>= 1n) if ((m & 7n) === 3n || (m & 7n) === 5n) sign = -sign;
    if ((a & 3n) === 3n && (m & 3n) === 3n) sign = -sign;
  }
  return sign === 1;
}
