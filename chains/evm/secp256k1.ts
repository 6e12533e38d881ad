// The one place that calls libsecp256k1 (compiled to WASM): constant time, RFC 6979 nonces, low s.
import { recover, signRecoverable, pointFromScalar } from "tiny-secp256k1";
import { keccak256 } from "./keccak.ts";

/** 65 bytes: r, s, and v as 27 or 28. `digest` and `key` are 32 bytes. */
export function sign(digest: Uint8Array, key: Uint8Array): Uint8Array {
  const { signature, recoveryId } = signRecoverable(digest, key);
  const out = Buffer.allocUnsafe(65);
  out.set(signature);
  out[64] = 27 + recoveryId;
  return out;
}

/** The uncompressed public key that made a signature over `digest`, or undefined when there is none. */
export function recoverPublicKey(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  const v = signature[64];
  if (signature.length !== 65 || (v !== 27 && v !== 28)) return undefined;
  return recover(digest, signature.subarray(0, 64), v === 27 ? 0 : 1, false) ?? undefined;
}

/** The uncompressed public key of a private key; throws when the key is not one. */
export function publicKeyOf(key: Uint8Array): Uint8Array {
  const point = pointFromScalar(key, false);
  if (!point) throw new RangeError("not a private key");
  return point;
}

/** The 20-byte account of an uncompressed public key: the tail of its Keccak-256. */
export const accountOf = (publicKey: Uint8Array): Uint8Array => keccak256(publicKey.subarray(1)).subarray(12);
