// The only use of AES-256-GCM in the project.
//
// Nonces. GCM falls apart if a key ever meets the same nonce twice, so a nonce is never chosen by a caller who could
// repeat one: 96 bits from the system's generator, per seal. With random nonces a key is good for 2^32 seals
// (NIST SP 800-38D, 8.3). The busiest key here, a part's, seals once per change of the vault; the keys of a hand-off
// and of a passphrase seal once in their life. Only the published vectors pass a nonce.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { Secret } from "./secret.ts";

const ALGORITHM = "aes-256-gcm";
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** What sealing adds to the length of its plaintext. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES;

/** nonce (12) || ciphertext || tag (16). `key` is 32 bytes; `aad` is authenticated and not contained. */
export const seal = (
  key: Secret,
  plaintext: Uint8Array,
  aad: Uint8Array,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): Uint8Array =>
  key.use((bytes) => {
    const cipher = createCipheriv(ALGORITHM, bytes, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(aad);
    const body = [cipher.update(plaintext), cipher.final()];
    return Uint8Array.from(Buffer.concat([nonce, ...body, cipher.getAuthTag()]));
  });

/** The plaintext, or undefined if the key, the additional data or a single bit is not what it was. */
export function open(key: Secret, sealed: Uint8Array, aad: Uint8Array): Secret | undefined {
  if (sealed.length < SEAL_BYTES) return undefined;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const body = sealed.subarray(NONCE_BYTES, -TAG_BYTES);
  const decipher = key.use((bytes) =>
    createDecipheriv(ALGORITHM, bytes, nonce, { authTagLength: TAG_BYTES }),
  );
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plaintext = decipher.update(body);
  try {
    decipher.final();
    return Secret.take(plaintext);
  } catch {
    plaintext.fill(0);
    return undefined;
  }
}
