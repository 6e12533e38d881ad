// EVM addresses as people write them into a policy: a wrong letter must be caught where a checksum allows it.
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** The mixed-case form of a lower-case address. Source: EIP-55. */
function checksummed(lower: string): string {
  const digits = lower.slice(2);
  const digest = bytesToHex(keccak_256(utf8ToBytes(digits)));
  const cased = Array.from(digits, (c, i) => (parseInt(digest.charAt(i), 16) >= 8 ? c.toUpperCase() : c));
  return `0x${cased.join("")}`;
}

/**
 * The address in EIP-55 form. Text in one case carries no checksum and is taken as it is; text in mixed case must
 * have the right one. Undefined for everything else.
 */
export function evmAddress(text: string): string | undefined {
  if (!ADDRESS.test(text)) return undefined;
  const digits = text.slice(2);
  const canonical = checksummed(text.toLowerCase());
  const oneCase = digits === digits.toLowerCase() || digits === digits.toUpperCase();
  return oneCase || text === canonical ? canonical : undefined;
}
