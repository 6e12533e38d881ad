// From a phrase or a key to accounts. Here, and only here, is a rail's derivation known.
import { HDKey } from "@scure/bip32";
import { toAddress } from "../chains/evm/address.ts";
import { accountOf, publicKeyOf } from "../chains/evm/secp256k1.ts";
import { X402Error } from "../protocol/errors.ts";
import { seedOf } from "./phrase.ts";
import { Secret } from "./secret.ts";

/** BIP-44, coin type 60: what every common EVM wallet shows for a phrase, first, second and so on. */
export const evmPath = (index: number): string => `${EVM_BRANCH}${index}`;
export const IMPORTED = "imported";

const EVM_BRANCH = "m/44'/60'/0'/0/";
const INDEX = /^(0|[1-9][0-9]{0,8})$/;

export interface Keyed {
  readonly rail: string;
  readonly address: string;
  readonly origin: string;
  readonly key: Secret;
}

/** Which account of the phrase an origin names; undefined for one that no phrase recovers. */
export function evmIndex(origin: string): number | undefined {
  const index = origin.startsWith(EVM_BRANCH) ? origin.slice(EVM_BRANCH.length) : "";
  return INDEX.test(index) ? Number(index) : undefined;
}

/**
 * An EVM account of a phrase, the first unless told otherwise. @scure/bip32 leaves the keys on the path to the garbage
 * collector: SECURITY.md.
 */
export function evmFromPhrase(entropy: Secret, index = 0): Keyed {
  using seed = seedOf(entropy);
  const master = seed.use((bytes) => HDKey.fromMasterSeed(bytes));
  const origin = evmPath(index);
  const child = master.derive(origin);
  const bytes = child.privateKey;
  if (bytes === null) throw new Error("a private path gives a private key");
  const key = Secret.copyOf(bytes);
  master.wipePrivateData();
  child.wipePrivateData();
  return { rail: "evm", address: evmAddress(key), origin, key };
}

/** An account from a bare 32-byte key, which it adopts. Throws PHRASE_INVALID. */
export const evmFromKey = (key: Secret): Keyed => ({
  rail: "evm",
  address: evmAddress(key),
  origin: IMPORTED,
  key,
});

/** The EIP-55 address of a private key. Throws PHRASE_INVALID for what is not a secp256k1 key. */
export const evmAddress = (key: Secret): string => toAddress(accountOf(key.use(publicKey)));

function publicKey(key: Uint8Array): Uint8Array {
  try {
    return publicKeyOf(key);
  } catch {
    throw new X402Error("PHRASE_INVALID", "a private key is 32 bytes, not zero and below the curve's order");
  }
}
