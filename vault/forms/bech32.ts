// Bech32 (BIP-173, without its limit of 90 characters, as CIP-5 has it) of secrets, in bytes throughout: a string of a key
// could not be wiped. Lower case only.
import { Secret, unmoved } from "../secret.ts";

const ALPHABET = Buffer.from("qpzry9x8gf2tvdw0s3jn54khce6mua7l");
const SEPARATOR = "1".charCodeAt(0);
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_DIGITS = 6;

export interface Bech32 {
  readonly prefix: string;
  /** The caller wipes it. */
  readonly bytes: Secret;
}

/** Undefined for another checksum, another alphabet, or bits left over. */
export function fromBech32(text: Uint8Array): Bech32 | undefined {
  const separator = text.lastIndexOf(SEPARATOR);
  if (separator < 1 || text.length - separator - 1 < CHECKSUM_DIGITS) return undefined;
  const prefix = Buffer.from(text.subarray(0, separator)).toString("latin1");
  if (!/^[a-z0-9_]+$/.test(prefix)) return undefined;
  using digits = Secret.take(unmoved(text.length - separator - 1));
  const bytes = digits.use((out) => {
    for (const [at, char] of text.subarray(separator + 1).entries()) out[at] = ALPHABET.indexOf(char);
    if (out.includes(255) || polymod(prefix, out) !== 1) return undefined;
    return joined(out.subarray(0, -CHECKSUM_DIGITS));
  });
  return bytes && { prefix, bytes };
}

/** The one text, the caller's to wipe. */
export function toBech32(prefix: string, bytes: Uint8Array): Secret {
  const data = Math.ceil((bytes.length * 8) / 5);
  const text = unmoved(prefix.length + 1 + data + CHECKSUM_DIGITS);
  const digits = text.subarray(prefix.length + 1);
  split(bytes, digits);
  const check = polymod(prefix, digits) ^ 1;
  for (let at = 0; at < CHECKSUM_DIGITS; at++)
    digits[data + at] = (check >>> (5 * (CHECKSUM_DIGITS - 1 - at))) & 31;
  for (const [at, digit] of digits.entries()) digits[at] = ALPHABET[digit] ?? 0;
  text.set(Buffer.from(`${prefix}1`, "latin1"));
  return Secret.take(text);
}

/** The checksum's remainder over prefix and digits. */
function polymod(prefix: string, digits: Uint8Array): number {
  let sum = 1;
  const take = (digit: number): void => {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ digit;
    for (const [bit, value] of GENERATOR.entries()) if (((top >>> bit) & 1) === 1) sum ^= value;
  };
  for (const char of Buffer.from(prefix, "latin1")) take(char >> 5);
  take(0);
  for (const char of Buffer.from(prefix, "latin1")) take(char & 31);
  for (const digit of digits) take(digit);
  return sum;
}

/** Five bits a digit to eight bits a byte; what is left over must be less than a digit, and zero. */
function joined(digits: Uint8Array): Secret | undefined {
  const bytes = Secret.take(unmoved(Math.floor((digits.length * 5) / 8)));
  const whole = bytes.use((out) => {
    let [held, bits, at] = [0, 0, 0];
    for (const digit of digits) {
      held = ((held << 5) | digit) & 0xfff;
      bits += 5;
      if (bits < 8) continue;
      bits -= 8;
      out[at++] = held >> bits;
    }
    return bits < 5 && (held & ((1 << bits) - 1)) === 0;
  });
  if (whole) return bytes;
  bytes.wipe();
  return undefined;
}

function split(bytes: Uint8Array, digits: Uint8Array): void {
  let [held, bits, at] = [0, 0, 0];
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) digits[at++] = (held >> (bits - 5)) & 31;
  }
  if (bits > 0) digits[at] = (held << (5 - bits)) & 31;
}
