// The text of a Cardano address: its bytes in bech32. Sources: CIP-19 (bytes), CIP-5 (prefixes), BIP-173 (bech32).
import { remembering } from "./remember.ts";

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** The network id is the lower half of the first byte: 1 on mainnet, 0 elsewhere. */
export const networkIdOf = (address: Buffer): number => (address[0] ?? 0xff) & 0x0f;

/** The same account on another network. */
export function onNetwork(address: Buffer, id: number): Buffer {
  const other = Buffer.from(address);
  other[0] = ((address[0] ?? 0) & 0xf0) | id;
  return other;
}

export const addressText = (address: Buffer): string => textOfHex(address.toString("hex"));

const textOfHex = remembering((hex: string): string => {
  const address = Buffer.from(hex, "hex");
  const prefix = networkIdOf(address) === 1 ? "addr" : "addr_test";
  const codes = Array.from(prefix, (letter) => letter.charCodeAt(0));
  const words = inFives(address);
  const sum = polymod([...codes.map((c) => c >> 5), 0, ...codes.map((c) => c & 31), ...words, ...ZEROS]) ^ 1;
  const checksum = ZEROS.map((_, i) => (sum >> (5 * (5 - i))) & 31);
  return `${prefix}1${[...words, ...checksum].map((word) => ALPHABET.charAt(word)).join("")}`;
});

const ZEROS = [0, 0, 0, 0, 0, 0];

/** Groups of five bits, the last one filled up with zeros. */
function inFives(bytes: Buffer): number[] {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? []).map((group) => parseInt(group.padEnd(5, "0"), 2));
}

function polymod(words: readonly number[]): number {
  return words.reduce((sum, word) => {
    const top = sum >>> 25;
    const next = ((sum & 0x1ffffff) << 5) ^ word;
    return GENERATOR.reduce((mixed, by, i) => ((top >> i) & 1 ? mixed ^ by : mixed), next);
  }, 1);
}
