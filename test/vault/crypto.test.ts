// The primitives against independent implementations.
import { gcm } from "@noble/ciphers/aes.js";
import { argon2id } from "@noble/hashes/argon2.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { X402Error } from "../../protocol/errors.ts";
import { DEFAULT_COST, type KdfCost, LOWEST_COST, assertCost, deriveKey } from "../../vault/kdf.ts";
import { label, subkey } from "../../vault/keys.ts";
import { NONCE_BYTES, SEAL_BYTES, open, seal } from "../../vault/seal.ts";
import { Secret } from "../../vault/secret.ts";
import { codeOf } from "./code.ts";

const bytes = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max });
const plain = (secret: Secret | undefined) => secret?.use((b) => Uint8Array.from(b));

describe("seal", () => {
  it("is AES-256-GCM as noble computes it, with the nonce in front", () => {
    fc.assert(
      fc.property(bytes(32), bytes(0, 200), bytes(0, 40), bytes(12), (key, text, aad, nonce) => {
        const sealed = seal(Secret.take(Uint8Array.from(key)), text, aad, nonce);
        expect(Buffer.from(sealed.subarray(NONCE_BYTES))).toEqual(
          Buffer.from(gcm(key, nonce, aad).encrypt(text)),
        );
        expect(Buffer.from(sealed.subarray(0, NONCE_BYTES))).toEqual(Buffer.from(nonce));
        expect(plain(open(Secret.take(key), sealed, aad))).toEqual(Uint8Array.from(text));
      }),
    );
  });

  it("opens with nothing changed, or not at all", () => {
    const key = Secret.random(32);
    const aad = Buffer.from("aad");
    const sealed = seal(key, Buffer.from("text"), aad);
    for (let at = 0; at < sealed.length; at++) {
      const flipped = Uint8Array.from(sealed);
      flipped[at]! ^= 1;
      expect(open(key, flipped, aad)).toBeUndefined();
      expect(open(key, sealed.subarray(0, at), aad)).toBeUndefined();
    }
    expect(open(key, sealed, Buffer.from("aae"))).toBeUndefined();
    expect(open(Secret.random(32), sealed, aad)).toBeUndefined();
    expect(open(key, new Uint8Array(SEAL_BYTES), aad)).toBeUndefined();
  });

  it("takes a fresh nonce each time", () => {
    const key = Secret.random(32);
    const nonces = Array.from({ length: 1000 }, () =>
      Buffer.from(seal(key, new Uint8Array(), new Uint8Array()).subarray(0, NONCE_BYTES)).toString("hex"),
    );
    expect(new Set(nonces).size).toBe(1000);
  });
});

describe("subkeys", () => {
  it("are HKDF-SHA256 as noble computes it, one per purpose", () => {
    fc.assert(
      fc.property(
        bytes(32),
        bytes(16),
        fc.constantFrom("signing", "recovery", "seal"),
        (key, id, purpose) => {
          const ours = plain(
            subkey(Secret.take(Uint8Array.from(key)), Buffer.from(id).toString("hex"), purpose),
          );
          expect(ours).toEqual(hkdf(sha256, key, id, label(purpose), 32));
        },
      ),
    );
  });
});

describe("the passphrase's key", () => {
  it("is argon2id as noble computes it", async () => {
    const salt = Uint8Array.from({ length: 16 }, (_, i) => i);
    for (const cost of [LOWEST_COST, { memoryKiB: 20_000, passes: 3, lanes: 4 }]) {
      const ours = await deriveKey(Secret.take(Buffer.from("correct horse")), salt, cost);
      const { memoryKiB: m, passes: t, lanes: p } = cost;
      expect(plain(ours)).toEqual(argon2id(Buffer.from("correct horse"), salt, { m, t, p, dkLen: 32 }));
    }
  });

  it("is refused before any work when its cost is absurd", async () => {
    const absurd: KdfCost[] = [
      { ...LOWEST_COST, memoryKiB: 19 * 1024 - 1 },
      { ...LOWEST_COST, memoryKiB: 2 ** 32 - 1 },
      { ...LOWEST_COST, passes: 0 },
      { ...LOWEST_COST, passes: 1 },
      { ...LOWEST_COST, passes: 17 },
      { ...LOWEST_COST, passes: 2 ** 32 - 1 },
      { ...LOWEST_COST, lanes: 0 },
      { ...LOWEST_COST, lanes: 9 },
      { ...LOWEST_COST, memoryKiB: 1024 * 1024, passes: 9 },
      { ...LOWEST_COST, memoryKiB: Number.NaN },
      { ...LOWEST_COST, passes: 2.5 },
    ];
    for (const cost of absurd) {
      expect(await codeOf(() => deriveKey(Secret.random(8), new Uint8Array(16), cost))).toBe(
        "VAULT_KDF_COST",
      );
    }
    expect(() => {
      assertCost(DEFAULT_COST);
    }).not.toThrow(X402Error);
  });
});
