// EVM addresses: 20 bytes, written with the checksum of EIP-55.
import { keccak256 } from "./keccak.ts";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const ZERO = `0x${"0".repeat(40)}`;

// Checksums of addresses seen lately: a wallet pays from one account, and mostly to the same payees.
const checksums = new Map<string, string>();
const MOST_CHECKSUMS = 4096;

/** EIP-55 form of 20 bytes. */
export function toAddress(bytes: Uint8Array): string {
  const lower = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  const known = checksums.get(lower);
  if (known !== undefined) return known;
  if (checksums.size >= MOST_CHECKSUMS) checksums.clear();
  const address = withChecksum(lower);
  checksums.set(lower, address);
  return address;
}

function withChecksum(lower: string): string {
  const digest = Buffer.from(keccak256(Buffer.from(lower, "ascii"))).toString("hex");
  let out = "0x";
  for (let i = 0; i < 40; i++) {
    const digit = lower.charAt(i);
    out += digest.charCodeAt(i) >= 56 ? digit.toUpperCase() : digit; // "8".."f" as the digest's digit
  }
  return out;
}

/**
 * The 20 bytes of an address; undefined when it is not one. All lower or all upper case is taken as it is; mixed case
 * must carry the right checksum (EIP-55), because a wrong one is a typing error or an attack.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  if (!ADDRESS.test(text)) return undefined;
  const bytes = Buffer.from(text.slice(2), "hex");
  const digits = text.slice(2);
  if (digits === digits.toLowerCase() || digits === digits.toUpperCase()) return bytes;
  return toAddress(bytes) === text ? bytes : undefined;
}

export const isZeroAddress = (text: string): boolean => text === ZERO;
export const sameAddress = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
