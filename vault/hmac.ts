// HMAC-SHA512 (RFC 2104) of secrets, as key derivations use it: in bytes of its own, piece by piece, so that nothing has
// to be joined before.
import { createHmac } from "node:crypto";
import { Secret } from "./secret.ts";

/** 64 bytes, the caller's to wipe. */
export function hmacSha512(key: Uint8Array, ...pieces: readonly Uint8Array[]): Secret {
  const hmac = createHmac("sha512", key);
  for (const piece of pieces) hmac.update(piece);
  return Secret.take(hmac.digest());
}
