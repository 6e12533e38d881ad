// What a key leaves in libsecp256k1's memory: all of it, and the nonce that gives it away, until the library has worked
// with another one. So a signer that locks has it work with a worthless one (signer/keyring.ts).
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { evmRail } from "../../chains/evm/rail.ts";
import { publicKeyOf, sign } from "../../chains/evm/secp256k1.ts";
// Not a part of the package's interface; the memory is not otherwise to be seen.
import wasm from "../../node_modules/tiny-secp256k1/lib/wasm_loader.js";

const ORDER = 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_fffe_baae_dce6_af48_a03b_bfd2_5e8c_d036_4141n;
const WINDOW = 6;
const { memory } = wasm as unknown as { memory: { buffer: ArrayBuffer } };

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const mod = (number: bigint): bigint => ((number % ORDER) + ORDER) % ORDER;
/** Fermat: the order is prime. */
function inverse(number: bigint): bigint {
  let [result, base] = [1n, mod(number)];
  for (let exponent = ORDER - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = mod(result * base);
    base = mod(base * base);
  }
  return result;
}

/** How many pieces of a number, or of its negative, lie in memory, in either order of bytes. */
function piecesOf(number: bigint): number {
  const bytes = Buffer.from(memory.buffer);
  const forms = [mod(number), mod(-number)].flatMap((form) => {
    const forwards = Buffer.from(form.toString(16).padStart(64, "0"), "hex");
    return [forwards, Buffer.from(forwards).reverse()];
  });
  const starts = Array.from({ length: 32 - WINDOW + 1 }, (_, at) => at);
  return forms.flatMap((form) => starts.filter((at) => bytes.includes(form.subarray(at, at + WINDOW))))
    .length;
}

/** All that is secret in a signature: key, nonce, and what is between them. */
function secretsOf(key: Uint8Array, digest: Uint8Array, signature: Uint8Array): bigint[] {
  const [r, s] = [numberOf(signature.subarray(0, 32)), numberOf(signature.subarray(32, 64))];
  const sum = numberOf(digest) + r * numberOf(key);
  const nonce = mod(inverse(s) * sum);
  return [numberOf(key), nonce, inverse(nonce), r * numberOf(key), sum];
}

const coverWith = (key: Uint8Array): boolean => evmRail.selfTest({ use: (fn) => fn(key) }, "");

it.each([1, 2, 3, 4])("work with another key leaves nothing of the last one (%i)", () => {
  const [key, digest] = [randomBytes(32), randomBytes(32)];
  const signature = sign(digest, key);
  const secrets = secretsOf(key, digest, signature);
  // Or this would look for the wrong thing.
  expect(secrets.map(piecesOf).some((pieces) => pieces > 20)).toBe(true);
  coverWith(new Uint8Array(32).fill(1));
  expect(secrets.map(piecesOf)).toEqual(secrets.map(() => 0));
});

it("a public key that was worked out is covered too", () => {
  const key = randomBytes(32);
  publicKeyOf(key);
  coverWith(new Uint8Array(32).fill(1));
  expect(piecesOf(numberOf(key))).toBe(0);
});
