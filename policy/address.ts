// Addresses as people write them into a policy: a wrong letter must be caught where a checksum allows it.
import { hash } from "node:crypto";
import { LOVELACE } from "../protocol/assets.ts";
import { parseCardanoAddress } from "../protocol/cardano-address.ts";
import type { RailName } from "../protocol/networks.ts";
import { solanaBytes } from "../protocol/solana-address.ts";

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

/** An address of any rail in its one spelling; undefined for everything else. */
export const recipientAddress = (text: string): string | undefined =>
  evmAddress(text) ?? (parseCardanoAddress(text) || solanaBytes(text) ? text : undefined);

/** The address of an asset on a rail in its one spelling; undefined for everything else. */
export function assetAddress(rail: RailName, text: string): string | undefined {
  if (rail === "evm") return evmAddress(text);
  if (rail === "solana") return solanaBytes(text) ? text : undefined;
  return text === LOVELACE || CARDANO_TOKEN.test(text) ? text : undefined;
}

// Policy id (28 bytes) and asset name (up to 32), in hex.
const CARDANO_TOKEN = /^[0-9a-f]{56}\.([0-9a-f]{2}){0,32}$/;
