import { ed25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { createPrivateKey, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { loadEd25519 } from "../../chains/ed25519.ts";

const own = await loadEd25519();
const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
const message = fc.uint8Array({ maxLength: 1500 });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("Ed25519", () => {
  it("signs the vectors of RFC 8032, section 7.1", () => {
    const vectors = [
      [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
      ],
      [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "72",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
      ],
    ];
    for (const [key = "", text = "", publicKey, signature] of vectors) {
      const bytes = Buffer.from(key, "hex");
      expect(hex(own.publicKey(bytes))).toBe(publicKey);
      expect(hex(own.sign(Buffer.from(text, "hex"), bytes))).toBe(signature);
    }
  });

  it("gives the same as noble and as OpenSSL, for any seed and message", () => {
    fc.assert(
      fc.property(seed, message, (key, text) => {
        const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), key]);
        const openssl = sign(null, text, createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
        expect(hex(own.publicKey(key))).toBe(hex(ed25519.getPublicKey(key)));
        expect(hex(own.sign(text, key))).toBe(hex(openssl));
        expect(hex(own.sign(text, key))).toBe(hex(ed25519.sign(text, key)));
      }),
      { numRuns: 100 },
    );
  });

  it("signs with the expanded form as with the seed that it comes from", () => {
    fc.assert(
      fc.property(seed, message, (key, text) => {
        const expanded = sha512(key);
        expanded[0]! &= 0xf8;
        expanded[31] = (expanded[31]! & 0x7f) | 0x40;
        expect(hex(own.publicKey(expanded))).toBe(hex(own.publicKey(key)));
        expect(hex(own.sign(text, expanded))).toBe(hex(own.sign(text, key)));
      }),
      { numRuns: 100 },
    );
  });

  it("refuses keys of another length and messages that do not fit", () => {
    for (const length of [0, 31, 33, 63, 65, 96]) {
      expect(() => own.sign(new Uint8Array(1), new Uint8Array(length))).toThrow(RangeError);
    }
    expect(() => own.sign(new Uint8Array(20_001), new Uint8Array(32))).toThrow(RangeError);
    expect(hex(own.sign(new Uint8Array(20_000), new Uint8Array(32).fill(7)))).toBe(
      hex(ed25519.sign(new Uint8Array(20_000), new Uint8Array(32).fill(7))),
    );
  });
});

it("a signature is verified for its message and key alone", () => {
  fc.assert(
    fc.property(seed, message, fc.nat({ max: 511 }), (key, text, bit) => {
      const signature = ed25519.sign(text, key);
      const publicKey = ed25519.getPublicKey(key);
      expect(own.verify(text, signature, publicKey)).toBe(true);
      const forged = Uint8Array.from(signature);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expect(own.verify(text, forged, publicKey)).toBe(false);
      expect(own.verify(Buffer.concat([text, Buffer.of(0)]), signature, publicKey)).toBe(false);
      expect(own.verify(text, signature, key)).toBe(false);
      expect(own.verify(text, signature.subarray(1), publicKey)).toBe(false);
      expect(own.verify(text, signature, publicKey.subarray(1))).toBe(false);
    }),
    { numRuns: 200 },
  );
});

it("BLAKE2b is noble's", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      for (const length of [28, 32] as const)
        expect(hex(own.blake2b(bytes, length))).toBe(hex(blake2b(bytes, { dkLen: length })));
    }),
    { numRuns: 200 },
  );
});
