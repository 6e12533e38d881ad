// The audit key while the signer is unlocked. It signs what the signer says of its own record (checkpoints, receipts,
// the seal of an export) and nothing else: no payment can be made with it.
import { type KeyObject, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import {
  type Attestation,
  type AttestationType,
  attestationText,
  keyId,
  readAttestation,
} from "../protocol/audit-jws.ts";
import { X402Error } from "../protocol/errors.ts";
import type { Secret } from "../vault/secret.ts";

export class AuditKey {
  /** 32 bytes in base64url: the `x` of RFC 8037. */
  readonly publicKey: string;
  readonly #keyId: string;
  #key: KeyObject | undefined;

  /** Takes the 32-byte seed over and wipes it: from here on the only copy is OpenSSL's. */
  constructor(seed: Secret) {
    this.#key = seed.use((key) =>
      createPrivateKey({ key, format: "raw-private", asymmetricKeyType: "ed25519" }),
    );
    seed.wipe();
    this.publicKey = createPublicKey(this.#key).export({ format: "jwk" }).x ?? "";
    this.#keyId = keyId(this.publicKey);
  }

  /** Deterministic (RFC 8032): the same payload gives the same bytes. Throws SIGNER_LOCKED after `drop`. */
  attest(type: AttestationType, payload: object): string {
    if (!this.#key) throw new X402Error("SIGNER_LOCKED");
    const text = attestationText(type, this.#keyId, payload);
    return `${text}.${sign(null, Buffer.from(text), this.#key).toString("base64url")}`;
  }

  /** OpenSSL wipes its copy when the handle is collected: at once where the process may ask for that. */
  drop(): void {
    this.#key = undefined;
    globalThis.gc?.();
  }
}

/** An attestation of this type by this key. Throws INVALID_REQUEST for any other, and for text that is none. */
export function verifyAttestation(jws: string, type: AttestationType, publicKey: string): Attestation {
  const attestation = readAttestation(jws);
  const known = attestation.type === type && attestation.keyId === keyId(publicKey);
  const key = { key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" } as const;
  if (!known || !verify(null, Buffer.from(attestation.signed), createPublicKey(key), attestation.signature)) {
    throw new X402Error("INVALID_REQUEST", "attestation is not by this signer's audit key");
  }
  return attestation;
}
