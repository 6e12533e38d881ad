// Attestations: JSON that a signer's audit key has signed, as compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037).
// Pure: who signs and who verifies brings the key. docs/ledger.md says what each type attests.
import { hash } from "node:crypto";
import { X402Error } from "./errors.ts";
import { type Json, canonicalJson, parseJson } from "./json.ts";

/** The header's `typ`: a signature of one kind must not pass for another. */
export type AttestationType = "x402-checkpoint" | "x402-receipt" | "x402-seal";

export interface Attestation {
  readonly type: string;
  /** Which key, as keyId gives it. */
  readonly keyId: string;
  readonly payload: Json;
  /** What is signed: ASCII. */
  readonly signed: string;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

const SIGNATURE_BYTES = 64;

/** RFC 7638 thumbprint of an Ed25519 public key, which is given and returned in base64url. */
export const keyId = (publicKey: string): string =>
  hash("sha256", canonicalJson({ crv: "Ed25519", kty: "OKP", x: publicKey }), "base64url");

/** Header and payload as they are signed. The same payload gives the same text: both are canonical JSON. */
export const attestationText = (type: AttestationType, keyId: string, payload: object): string =>
  [{ alg: "EdDSA", kid: keyId, typ: type }, payload]
    .map((part) => Buffer.from(canonicalJson(part)).toString("base64url"))
    .join(".");

/** Takes one apart without verifying it. Throws INVALID_REQUEST for what attestationText cannot have made. */
export function readAttestation(jws: string): Attestation {
  const parts = jws.split(".");
  const [header, payload, signature] = parts.map(fromBase64url);
  if (parts.length !== 3 || !header || !payload || signature?.length !== SIGNATURE_BYTES) throw malformed();
  const { alg, kid, typ, ...others } = readCanonical(header) as Record<string, Json>;
  const named = typeof kid === "string" && typeof typ === "string" && Object.keys(others).length === 0;
  if (alg !== "EdDSA" || !named) throw malformed();
  const signed = jws.slice(0, jws.lastIndexOf("."));
  return { type: typ, keyId: kid, payload: readCanonical(payload), signed, signature };
}

/** The one spelling of these bytes, or undefined: the last character has bits that decoding drops. */
function fromBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

function readCanonical(bytes: Buffer): Json {
  const text = bytes.toString("utf8");
  const value = parseJson(text, "attestation");
  if (canonicalJson(value) !== text || value === null || typeof value !== "object") throw malformed();
  return value;
}

const malformed = (): X402Error =>
  new X402Error("INVALID_REQUEST", "attestation is not of this signer's form");
