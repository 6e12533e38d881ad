// What a key leaves in libsodium's memory, its stack too: no six bytes in a row of it, nor of what a signature is made
// of. The nonce scalar counts as the key does: out of it and the signature the key can be worked out.
import { createHash, randomBytes } from "node:crypto";
import loadSodium from "libsodium-sumo";
import { expect, it } from "vitest";
import { Ed25519 } from "../../chains/ed25519.ts";
import { digitsOf } from "../signer/key-parts.ts";

const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const WINDOW = 6;

const sodium = await loadSodium();
const ed25519 = new Ed25519(sodium);

const sha512 = (...parts: readonly Buffer[]): Buffer =>
  createHash("sha512").update(Buffer.concat(parts)).digest();

function clamped(key: Buffer): Buffer {
  const copy = Buffer.from(key);
  copy[0]! &= 0xf8;
  copy[31] = (copy[31]! & 0x7f) | 0x40;
  return copy;
}

/** Little-endian, below the order of the group. */
function reduced(hash: Buffer): Buffer {
  const number = BigInt(`0x${Buffer.from(hash).reverse().toString("hex")}`) % ORDER;
  return Buffer.from(number.toString(16).padStart(64, "0"), "hex").reverse();
}

/** Where pieces of it lie: "from which of its bytes @ where". */
function piecesOf(needle: Buffer): string[] {
  const memory = Buffer.from(sodium.HEAPU8);
  const windows = Array.from({ length: needle.length - WINDOW + 1 }, (_, at) => at);
  return windows.flatMap((at) => {
    const place = memory.indexOf(needle.subarray(at, at + WINDOW));
    return place === -1 ? [] : [`${at}@${place}`];
  });
}

const words = (bytes: Buffer): Buffer => Buffer.from(bytes).swap64();

it.each([
  [32, "its public key", undefined],
  [32, "a signature over 10 bytes", 10],
  [32, "a signature over 400 bytes", 400],
  [64, "its public key", undefined],
  [64, "a signature over 32 bytes", 32],
  [64, "a signature over 16,000 bytes", 16_000],
])("nothing of a key of %i bytes, after %s", (size, _, length) => {
  const key = size === 64 ? clamped(randomBytes(64)) : randomBytes(32);
  const expanded = size === 64 ? key : clamped(sha512(key));
  const message = randomBytes(length ?? 0);
  const [scalar, prefix] = [expanded.subarray(0, 32), expanded.subarray(32)];
  const wide = sha512(prefix, message);
  if (length === undefined) ed25519.publicKey(key);
  else ed25519.sign(message, key);
  for (const secret of [key, words(key), scalar, words(scalar), prefix, words(prefix), digitsOf(scalar)])
    expect(piecesOf(secret)).toEqual([]);
  for (const secret of [wide, words(wide), reduced(wide), digitsOf(reduced(wide))])
    expect(piecesOf(secret)).toEqual([]);
});

it("is looked for rightly: the bare library leaves digits of a scalar and a summand on its stack", () => {
  const scalar = reduced(randomBytes(64));
  const [at, other, to] = [0, 1, 2].map(() => sodium._malloc(64)) as [number, number, number];
  sodium.HEAPU8.set(scalar, at);
  sodium._crypto_scalarmult_ed25519_base_noclamp(to, at);
  expect(piecesOf(digitsOf(scalar))).not.toEqual([]);
  sodium._crypto_core_ed25519_scalar_add(to, other, at);
  sodium.HEAPU8.fill(0, at, at + 64);
  expect(piecesOf(scalar)).not.toEqual([]);
});
