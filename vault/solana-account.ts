// Solana accounts: Ed25519 seeds of 32 bytes; the public key is the address. Sources: SLIP-0010, BIP-44 (coin type 501).
import { type Ed25519, SEED_BYTES } from "../chains/ed25519.ts";
import { X402Error } from "../protocol/errors.ts";
import { solanaText } from "../protocol/solana-address.ts";
import type { Derivation } from "./accounts.ts";
import { seedOf } from "./phrase.ts";
import type { Secret } from "./secret.ts";
import { slip10 } from "./slip10.ts";

/** m/44'/501'/i'/0': what Phantom, Solflare and the Solana CLI (with that path) show for a phrase. */
export function solanaAccounts(ed25519: Ed25519): Derivation {
  const addressOf = (key: Secret): string => {
    if (key.length !== SEED_BYTES) throw new X402Error("PHRASE_INVALID", "a Solana key has 32 bytes");
    return solanaText(key.use((bytes) => ed25519.publicKey(bytes)));
  };
  return {
    branch: ["m/44'/501'/", "'/0'"],
    fromPhrase(entropy, index) {
      using seed = seedOf(entropy);
      const key = slip10(seed, [44, 501, index, 0]);
      return { key, address: addressOf(key) };
    },
    addressOf,
    owns: (key, address) => addressOf(key) === address,
  };
}
