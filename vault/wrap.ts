// The data key, wrapped under the passphrase.
//
// A random data key seals the parts, so that a new passphrase re-wraps 32 bytes and every other change of the vault
// needs no key derivation.
import { randomBytes } from "node:crypto";
import { X402Error } from "../protocol/errors.ts";
import { type Kdf, type VaultFile, wrapAad } from "./format.ts";
import { type KdfCost, SALT_BYTES, deriveKey } from "./kdf.ts";
import { KEY_BYTES } from "./keys.ts";
import { open, seal } from "./seal.ts";
import type { Secret } from "./secret.ts";

export interface Wrapped {
  readonly kdf: Kdf;
  readonly wrappedKey: Uint8Array;
}

/** Under a fresh salt. Throws VAULT_KDF_COST. */
export async function wrap(
  dataKey: Secret,
  vaultId: string,
  passphrase: Secret,
  cost: KdfCost,
): Promise<Wrapped> {
  const kdf = { ...cost, salt: Uint8Array.from(randomBytes(SALT_BYTES)) };
  using key = await deriveKey(passphrase, kdf.salt, kdf);
  return { kdf, wrappedKey: dataKey.use((bytes) => seal(key, bytes, wrapAad(vaultId, kdf))) };
}

/** The data key. Throws VAULT_PASSPHRASE, which is also what a forged wrapped key looks like. */
export async function unwrap({ header, wrappedKey }: VaultFile, passphrase: Secret): Promise<Secret> {
  using key = await deriveKey(passphrase, header.kdf.salt, header.kdf);
  const dataKey = open(key, wrappedKey, wrapAad(header.vaultId, header.kdf));
  if (dataKey?.length !== KEY_BYTES) throw new X402Error("VAULT_PASSPHRASE");
  return dataKey;
}
