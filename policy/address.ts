// EVM addresses as people write them into a policy: a wrong letter must be caught where a checksum allows it.
import { hash } from "node:crypto";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** The mixed-case form of a lower-case address. Source: EIP-55. */
function checksummed(lower: string): string {
  const digits = lower.slice(2);
  const digest = hash("keccak-256", digits);
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
