// Cardano accounts: a payment key, and an address made of its hash and mostly a stake key's. Sources: CIP-1852 (paths),
// CIP-19 (addresses).
//
// The vault keeps the payment key alone: what it signs is payments. The address is kept in its mainnet form.
import { EXTENDED_BYTES, type Ed25519, SEED_BYTES } from "../chains/ed25519.ts";
import { cardanoText, parseCardanoAddress } from "../protocol/cardano-address.ts";
import { X402Error } from "../protocol/errors.ts";
import type { Derivation, DerivedKey } from "./accounts.ts";
import { HARDENED, descend, icarusMaster, isExtended, keyOf } from "./bip32-ed25519.ts";
import { type Secret } from "./secret.ts";

const HASH_BYTES = 28;
/** Header bytes on mainnet: payment and stake key; payment key alone. */
const BASE = 0x01;
const ENTERPRISE = 0x61;
const PURPOSE = HARDENED + 1852;
const COIN = HARDENED + 1815;
/** Below an account: the role (0 payment, 2 stake) and the first address. */
const PAYMENT = [0, 0];
const STAKE = [2, 0];

/** m/1852'/1815'/i'/0/0, at the base address with the stake key m/1852'/1815'/i'/2/0, as Lace, Eternl and Yoroi have it. */
export function cardanoAccounts(ed25519: Ed25519): Derivation {
  const hashOf = (key: Secret): Uint8Array => keyHash(key, ed25519);
  return {
    branch: ["m/1852'/1815'/", "'/0/0"],
    fromPhrase(entropy, index) {
      using master = icarusMaster(entropy);
      return fromRoot(master, ed25519, index);
    },
    addressOf: (key) => addressOf(ENTERPRISE, hashOf(key)),
    owns(key, address) {
      const paymentHash = parseCardanoAddress(address)?.paymentHash;
      return paymentHash !== undefined && Buffer.compare(paymentHash, hashOf(key)) === 0;
    },
  };
}

/** The account of a wallet's root node. The caller wipes both. */
export function fromRoot(root: Secret, ed25519: Ed25519, index = 0): DerivedKey {
  using account = descend(root, [PURPOSE, COIN, HARDENED + index], ed25519);
  return fromAccount(account, ed25519);
}

/** The account of its own node, m/1852'/1815'/i'. The caller wipes both. */
export function fromAccount(account: Secret, ed25519: Ed25519): DerivedKey {
  using payment = descend(account, PAYMENT, ed25519);
  using stake = descend(account, STAKE, ed25519);
  using stakeKey = keyOf(stake);
  const key = keyOf(payment);
  return { key, address: addressOf(BASE, keyHash(key, ed25519), keyHash(stakeKey, ed25519)) };
}

const addressOf = (header: number, ...hashes: readonly Uint8Array[]): string =>
  cardanoText(Uint8Array.from([header, ...hashes.flatMap((hash) => [...hash])]));

/** BLAKE2b-224 of the public key. Throws PHRASE_INVALID for what is no key. */
function keyHash(key: Secret, ed25519: Ed25519): Uint8Array {
  const publicKey = key.use((bytes) => {
    if (bytes.length !== SEED_BYTES && !isExtended(bytes)) {
      throw new X402Error(
        "PHRASE_INVALID",
        `a Cardano key has ${SEED_BYTES} bytes, or ${EXTENDED_BYTES} whose first half is a scalar of BIP32-Ed25519`,
      );
    }
    return ed25519.publicKey(bytes);
  });
  return ed25519.blake2b(publicKey, HASH_BYTES);
}
