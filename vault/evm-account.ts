// EVM accounts: secp256k1 keys of 32 bytes. Sources: BIP-32, BIP-44 (coin type 60), EIP-55.
import { HDKey } from "@scure/bip32";
import { toAddress } from "../chains/evm/address.ts";
import { accountOf, publicKeyOf } from "../chains/evm/secp256k1.ts";
import { X402Error } from "../protocol/errors.ts";
import type { Derivation } from "./accounts.ts";
import { seedOf } from "./phrase.ts";
import { Secret } from "./secret.ts";

/** m/44'/60'/0'/0/i: what every common EVM wallet shows for a phrase, first, second and so on. */
export const evmAccounts: Derivation = {
  branch: ["m/44'/60'/0'/0/", ""],
  // @scure/bip32 leaves the keys on the path to the garbage collector: SECURITY.md.
  fromPhrase(entropy, index) {
    using seed = seedOf(entropy);
    const master = seed.use((bytes) => HDKey.fromMasterSeed(bytes));
    const child = master.derive(`m/44'/60'/0'/0/${index}`);
    const bytes = child.privateKey;
    if (bytes === null) throw new Error("a private path gives a private key");
    const key = Secret.copyOf(bytes);
    master.wipePrivateData();
    child.wipePrivateData();
    return { key, address: addressOf(key) };
  },
  addressOf,
  owns: (key, address) => addressOf(key) === address,
};

function addressOf(key: Secret): string {
  return toAddress(accountOf(key.use(publicKey)));
}

function publicKey(key: Uint8Array): Uint8Array {
  try {
    return publicKeyOf(key);
  } catch {
    throw new X402Error("PHRASE_INVALID", "a private key is 32 bytes, not zero and below the curve's order");
  }
}
