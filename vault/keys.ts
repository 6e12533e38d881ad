// The subkeys of a vault's data key: one per purpose, so that a key which leaves the command opens one part only.
import { createHmac, hkdfSync } from "node:crypto";
import { Secret } from "./secret.ts";

export const KEY_BYTES = 32;

/** `signing` travels to the signer; `recovery` and `seal` (the file's MAC) never leave the command. */
export type Purpose = "signing" | "recovery" | "seal";

/** What a part's seal authenticates besides the part, and what its subkey is derived with. */
export const label = (purpose: Purpose): Uint8Array => Buffer.from(`x402-vault/1/${purpose}`);

/** HKDF-SHA256 (RFC 5869): the data key as input, the vault's id as salt, the purpose's label as info. */
export const subkey = (dataKey: Secret, vaultId: string, purpose: Purpose): Secret =>
  dataKey.use((key) => {
    const derived = hkdfSync("sha256", key, Buffer.from(vaultId, "hex"), label(purpose), KEY_BYTES);
    return Secret.take(new Uint8Array(derived));
  });

/** HMAC-SHA256 of everything in the file before it. */
export function macOf(dataKey: Secret, vaultId: string, body: Uint8Array): Uint8Array {
  using key = subkey(dataKey, vaultId, "seal");
  return key.use((bytes) => createHmac("sha256", bytes).update(body).digest());
}
