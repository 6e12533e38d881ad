// What is hashed and signed, against viem (another implementation of EIP-712) and noble (another of secp256k1).
import { secp256k1 } from "@noble/curves/secp256k1.js";
import fc from "fast-check";
import { type Hex, hashDomain, hashTypedData, recoverTypedDataAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import {
  decodeAuthorization,
  digestOf,
  domainSeparator,
  encodeAuthorization,
  isFor,
  wireAuthorization,
} from "../../chains/evm/eip3009.ts";
import { evmRail } from "../../chains/evm/rail.ts";
import { publicKeyOf, recoverPublicKey, sign } from "../../chains/evm/secp256k1.ts";
import type { KeyHolder } from "../../chains/rail.ts";
import { PINNED_ASSETS, type PinnedAsset } from "../../protocol/assets.ts";
import { SECP256K1_ORDER, asset, authorization, hex, privateKey, typedData, PAYER } from "./orders.ts";

const DOMAIN = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
] as const;

const holder = (key: Uint8Array): KeyHolder => ({ use: (fn) => fn(key) });

describe("the domain separator", () => {
  it("is viem's, for every pinned token and for any other", () => {
    const viems = (token: PinnedAsset) =>
      hashDomain({ domain: typedData(token, none).domain, types: { EIP712Domain: DOMAIN } });
    for (const token of PINNED_ASSETS.filter(({ name }) => name !== undefined))
      expect(hex(domainSeparator(token))).toBe(viems(token));
    fc.assert(
      fc.property(asset, (token) => {
        expect(hex(domainSeparator(token))).toBe(viems(token));
        expect(hex(domainSeparator(token))).toBe(viems(token)); // from the cache
      }),
      { numRuns: 500 },
    );
  });
});

const none = {
  from: new Uint8Array(20),
  to: new Uint8Array(20),
  value: 0n,
  validAfter: 0n,
  validBefore: 0n,
  nonce: new Uint8Array(32),
};

describe("the digest", () => {
  it("is viem's", () => {
    fc.assert(
      fc.property(asset, authorization, (token, a) => {
        const bytes = encodeAuthorization(token, a);
        expect(hex(digestOf(bytes))).toBe(hashTypedData(typedData(token, a)));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("the bytes of a draft", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(asset, authorization, (token, a) => {
        const bytes = encodeAuthorization(token, a);
        const decoded = decodeAuthorization(bytes)!;
        expect(decoded.value).toBe(a.value);
        expect(decoded.validAfter).toBe(a.validAfter);
        expect(decoded.validBefore).toBe(a.validBefore);
        for (const field of ["from", "to", "nonce"] as const) expect(hex(decoded[field])).toBe(hex(a[field]));
        expect(hex(encodeAuthorization(token, decoded))).toBe(hex(bytes));
        expect(isFor(bytes, token)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("changed at any byte are refused, or are exactly another authorization that says so", () => {
    fc.assert(
      fc.property(
        asset,
        authorization,
        fc.nat(255),
        fc.integer({ min: 1, max: 255 }),
        (token, a, at, flip) => {
          const bytes = Uint8Array.from(encodeAuthorization(token, a));
          bytes[at]! ^= flip;
          const decoded = decodeAuthorization(bytes);
          if (at < 32) {
            expect(isFor(bytes, token)).toBe(false);
            expect(evmRail.decode(bytes, token, PAYER)).toEqual({ refused: "INTERNAL" });
          } else if (at < 64 || (at < 128 && at % 32 < 12)) {
            // The type hash, and the twelve zero bytes in front of each account.
            expect(decoded).toBeUndefined();
          } else {
            expect(hex(encodeAuthorization(token, decoded!))).toBe(hex(bytes));
            expect(hex(digestOf(bytes))).toBe(hashTypedData(typedData(token, decoded!)));
            expect(evmRail.decode(bytes, token, PAYER)).toEqual(
              decoded!.validAfter === 0n
                ? [{ asset: token, amount: decoded!.value, why: "payment" }]
                : { refused: "INTERNAL" },
            );
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("of any other length are refused", () => {
    fc.assert(
      fc.property(asset, fc.uint8Array({ maxLength: 300 }), (token, bytes) => {
        expect(decodeAuthorization(bytes)).toBeUndefined();
        expect(evmRail.decode(bytes, token, PAYER)).toEqual({ refused: "INTERNAL" });
      }),
    );
    const whole = encodeAuthorization(PINNED_ASSETS[0]!, none);
    for (const bytes of [whole.subarray(0, 255), Buffer.concat([whole, Buffer.from([0])])])
      expect(decodeAuthorization(bytes)).toBeUndefined();
  });

  it("may lie anywhere in a larger buffer", () => {
    const whole = encodeAuthorization(PINNED_ASSETS[0]!, { ...none, value: 77n });
    const view = Buffer.concat([Buffer.alloc(13, 0xff), whole, Buffer.alloc(5, 0xff)]).subarray(13, 13 + 256);
    expect(decodeAuthorization(view)?.value).toBe(77n);
    expect(hex(digestOf(view))).toBe(hex(digestOf(whole)));
  });
});

describe("the signature", () => {
  it("is viem's, byte for byte (RFC 6979, low s), and everyone's who verifies", async () => {
    await fc.assert(
      fc.asyncProperty(asset, authorization, privateKey, async (token, a, key) => {
        const account = privateKeyToAccount(hex(key));
        const bytes = encodeAuthorization(token, a);
        const digest = digestOf(bytes);
        const { signature, authorization: wire } = evmRail.sign(bytes, holder(key)) as {
          signature: Hex;
          authorization: object;
        };
        expect(wire).toEqual(wireAuthorization(a));
        expect(signature).toBe(await account.signTypedData(typedData(token, a)));
        expect(evmRail.sign(bytes, holder(key))).toEqual({ signature, authorization: wire });
        expect(await recoverTypedDataAddress({ ...typedData(token, a), signature })).toBe(account.address);
        expect(evmRail.addressOf(holder(key))).toBe(account.address);

        const compact = Buffer.from(signature.slice(2), "hex").subarray(0, 64);
        const options = { prehash: false, lowS: true };
        expect(secp256k1.verify(compact, digest, secp256k1.getPublicKey(key), options)).toBe(true);
        expect(BigInt(hex(compact.subarray(32)))).toBeLessThanOrEqual(SECP256K1_ORDER / 2n);
        const recovered = recoverPublicKey(digest, Buffer.from(signature.slice(2), "hex"));
        expect(hex(recovered!)).toBe(hex(publicKeyOf(key)));
      }),
      { numRuns: 150 },
    );
  });

  it("of a key that is none is not made", () => {
    const order = Buffer.from(SECP256K1_ORDER.toString(16), "hex");
    for (const key of [new Uint8Array(32), order, new Uint8Array(32).fill(255), new Uint8Array(31).fill(1)]) {
      expect(() => publicKeyOf(key)).toThrow();
      expect(() => sign(new Uint8Array(32), key)).toThrow();
    }
    expect(() => sign(new Uint8Array(31), new Uint8Array(32).fill(1))).toThrow();
  });

  it("is not recovered from what is none", () => {
    const digest = new Uint8Array(32).fill(1);
    const signature = sign(digest, new Uint8Array(32).fill(1));
    expect(recoverPublicKey(digest, signature)).toBeDefined();
    expect(recoverPublicKey(digest, signature.subarray(0, 64))).toBeUndefined();
    for (const v of [0, 1, 26, 29]) {
      expect(recoverPublicKey(digest, Uint8Array.from([...signature.subarray(0, 64), v]))).toBeUndefined();
    }
  });
});

describe("the test of a key at unlock", () => {
  it("passes for its own address only", () => {
    fc.assert(
      fc.property(privateKey, privateKey, (key, other) => {
        const address = evmRail.addressOf(holder(key));
        expect(evmRail.selfTest(holder(key), address)).toBe(true);
        expect(evmRail.selfTest(holder(key), address.toLowerCase())).toBe(address === address.toLowerCase());
        if (!key.equals(other)) expect(evmRail.selfTest(holder(other), address)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
