// Ed25519 keys from a seed. Source: SLIP-0010, curve "ed25519", which knows hardened children only.
import { hmacSha512 } from "./hmac.ts";
import { Secret } from "./secret.ts";

const CURVE = Buffer.from("ed25519 seed");
const HARDENED = 0x8000_0000;
const KEY_BYTES = 32;

/** The 32-byte key at a path of indexes below 2^31, each of them hardened. The caller wipes it. */
export function slip10(seed: Secret, path: readonly number[]): Secret {
  const master = seed.use((bytes) => hmacSha512(CURVE, bytes));
  using node = path.reduce(childOf, master);
  return node.use((bytes) => Secret.copyOf(bytes.subarray(0, KEY_BYTES)));
}

/** Key and chain code, 64 bytes. Wipes the parent. */
function childOf(parent: Secret, index: number): Secret {
  using node = parent;
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, HARDENED + index);
  return node.use((bytes) =>
    hmacSha512(bytes.subarray(KEY_BYTES), Uint8Array.of(0), bytes.subarray(0, KEY_BYTES), number),
  );
}
