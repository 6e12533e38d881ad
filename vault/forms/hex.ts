// Hex digits and bytes, without a string between them: one that held a key could not be wiped.
import { Secret, unmoved } from "../secret.ts";

const DIGITS = Buffer.from("0123456789abcdef");
const NONE = 255;

/** Undefined for what is not `length` bytes in hex, in either case. */
export function fromHex(text: Uint8Array, length: number): Secret | undefined {
  if (text.length !== 2 * length) return undefined;
  const bytes = Secret.take(unmoved(length));
  const whole = bytes.use((out) => {
    let bad = 0;
    for (let at = 0; at < length; at++) {
      const [high, low] = [valueOf(text[2 * at]), valueOf(text[2 * at + 1])];
      bad |= (high | low) & 0xf0;
      out[at] = (high << 4) | low;
    }
    return bad === 0;
  });
  if (whole) return bytes;
  bytes.wipe();
  return undefined;
}

/** Lower-case digits, the caller's to wipe. */
export function toHex(bytes: Uint8Array): Secret {
  const digits = unmoved(2 * bytes.length);
  for (const [at, byte] of bytes.entries()) {
    digits[2 * at] = DIGITS[byte >> 4] ?? 0;
    digits[2 * at + 1] = DIGITS[byte & 15] ?? 0;
  }
  return Secret.take(digits);
}

function valueOf(digit = 0): number {
  if (digit >= 48 && digit <= 57) return digit - 48;
  const lower = digit | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : NONE;
}
