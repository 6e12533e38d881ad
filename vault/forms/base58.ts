// Base58 (the alphabet of Bitcoin, without a checksum) of secrets: a big-endian number in digits of 58, a zero digit for
// each zero byte in front. In bytes throughout: neither a string nor a BigInt of a key could be wiped.
import { Secret, unmoved } from "../secret.ts";

const ALPHABET = Buffer.from("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz");

/** Undefined for what is not `length` bytes in base58. */
export function fromBase58(text: Uint8Array, length: number): Secret | undefined {
  // A byte is 1.37 digits: longer texts cannot be right and are not worth the work.
  if (text.length > 2 * length) return undefined;
  const bytes = Secret.take(unmoved(length));
  const fits = bytes.use((out) => {
    return (
      text.every((char) => append(out, 256, 58, ALPHABET.indexOf(char))) &&
      zeros(out, 0) === zeros(text, ALPHABET[0])
    );
  });
  if (fits) return bytes;
  bytes.wipe();
  return undefined;
}

/** The one text, the caller's to wipe. */
export function toBase58(bytes: Uint8Array): Secret {
  using digits = Secret.take(unmoved(2 * bytes.length));
  return digits.use((out) => {
    for (const byte of bytes) append(out, 58, 256, byte);
    const text = out.subarray(zeros(out, 0) - zeros(bytes, 0));
    const chars = Secret.take(unmoved(text.length));
    chars.use((to) => {
      for (const [at, digit] of text.entries()) to[at] = ALPHABET[digit] ?? 0;
    });
    return chars;
  });
}

/** number := number * factor + value, its digits to `base`. False when it grows too long or `value` is no digit. */
function append(number: Uint8Array, base: number, factor: number, value: number): boolean {
  if (value < 0) return false;
  let carry = value;
  for (let at = number.length - 1; at >= 0; at--) {
    carry += factor * (number[at] ?? 0);
    number[at] = carry % base;
    carry = Math.floor(carry / base);
  }
  return carry === 0;
}

function zeros(digits: Uint8Array, zero = 0): number {
  const first = digits.findIndex((digit) => digit !== zero);
  return first === -1 ? digits.length : first;
}
