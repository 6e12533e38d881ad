// Solana addresses: 32 bytes in base58 (the alphabet of Bitcoin, without a checksum).
import { base58 } from "@scure/base";

const BYTES = 32;
const TEXT = /^[1-9A-HJ-NP-Za-km-z]{32,44}$/;

/** The 32 bytes of an address; undefined when it is not one. Any 32 bytes are, whether or not a key is behind them. */
export function solanaBytes(text: string): Uint8Array | undefined {
  if (!TEXT.test(text)) return undefined;
  const bytes = base58.decode(text);
  return bytes.length === BYTES ? bytes : undefined;
}

/** The one text of 32 bytes. */
export const solanaText = (bytes: Uint8Array): string => base58.encode(bytes);
