// Cardano's keys from a phrase's entropy, and children from keys. Sources: CIP-3 (Icarus master key), BIP32-Ed25519
// ("Hierarchical Deterministic Keys over a Non-linear Keyspace") as Cardano uses it, in its second version (V2).
//
// A node is 96 bytes: kL (the scalar), kR (the prefix of nonces), each little-endian, and the chain code. The sums are
// taken byte by byte: a BigInt could not be wiped.
import { pbkdf2Sync } from "node:crypto";
import { EXTENDED_BYTES, type Ed25519 } from "../chains/ed25519.ts";
import { hmacSha512 } from "./hmac.ts";
import { Secret } from "./secret.ts";

export const NODE_BYTES = 96;
/** Added to the index of a hardened child, which only the private key gives. */
export const HARDENED = 0x8000_0000;

const HALF = 32;
const ROUNDS = 4096;
/** Of Z, what is added to the scalar, eight times over, so that its three lowest bits stay clear. */
const SHIFTED_BYTES = 28;

/** The root of a wallet, from 16 to 32 bytes of BIP-39 entropy, without a passphrase. The caller wipes it. */
export function icarusMaster(entropy: Secret): Secret {
  const node = Secret.take(
    entropy.use((salt) => pbkdf2Sync(new Uint8Array(), salt, ROUNDS, NODE_BYTES, "sha512")),
  );
  node.use((bytes) => {
    bytes[0] = (bytes[0] ?? 0) & 0b1111_1000;
    bytes[31] = ((bytes[31] ?? 0) & 0b0001_1111) | 0b0100_0000;
  });
  return node;
}

/** The node at the end of a path below `parent`. The caller wipes it, and the parent. */
export function descend(parent: Secret, path: readonly number[], ed25519: Ed25519): Secret {
  return path.reduce((above, index) => {
    using node = above;
    return childOf(node, index, ed25519);
  }, parent.copy());
}

/** The extended key of a node: 64 bytes, without the chain code. The caller wipes it. */
export const keyOf = (node: Secret): Secret =>
  node.use((bytes) => Secret.copyOf(bytes.subarray(0, EXTENDED_BYTES)));

/** Whether 64 bytes are an extended key as every node here has one: a multiple of eight with bit 254 as its highest. */
export const isExtended = (key: Uint8Array): boolean =>
  key.length === EXTENDED_BYTES && ((key[0] ?? 1) & 0b111) === 0 && (key[31] ?? 0) >> 6 === 1;

function childOf(node: Secret, index: number, ed25519: Ed25519): Secret {
  return node.use((bytes) => {
    const key = bytes.subarray(0, EXTENDED_BYTES);
    const hardened = index >= HARDENED;
    // A soft child follows from the public key, so that an account's public key shows all its addresses.
    const parent = hardened ? key : ed25519.publicKey(key);
    const chain = bytes.subarray(EXTENDED_BYTES);
    const number = littleEndian(index);
    using z = hmacSha512(chain, Uint8Array.of(hardened ? 0 : 2), parent, number);
    using c = hmacSha512(chain, Uint8Array.of(hardened ? 1 : 3), parent, number);
    return Secret.take(z.use((zBytes) => c.use((cBytes) => sum(key, zBytes, cBytes.subarray(HALF)))));
  });
}

/** kL + 8 * the first 28 bytes of Z, kR + the second half of Z, and the chain code behind them. */
function sum(key: Uint8Array, z: Uint8Array, chain: Uint8Array): Uint8Array {
  const child = new Uint8Array(NODE_BYTES);
  for (let at = 0, carry = 0; at < HALF; at++, carry >>= 8) {
    carry += (key[at] ?? 0) + (at < SHIFTED_BYTES ? 8 * (z[at] ?? 0) : 0);
    child[at] = carry;
  }
  for (let at = HALF, carry = 0; at < EXTENDED_BYTES; at++, carry >>= 8) {
    carry += (key[at] ?? 0) + (z[at] ?? 0);
    child[at] = carry;
  }
  child.set(chain, EXTENDED_BYTES);
  return child;
}

function littleEndian(index: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, index, true);
  return bytes;
}
