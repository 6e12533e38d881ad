// What the EVM rail drafts, and each thing it refuses.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toAddress } from "../../chains/evm/address.ts";
import { decodeAuthorization } from "../../chains/evm/eip3009.ts";
import { evmRail } from "../../chains/evm/rail.ts";
import type { Draft, Refusal } from "../../chains/rail.ts";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { PAYER, account, hex, orderOf } from "./orders.ts";

const usdc = PINNED_ASSETS[0]!;
const draft = (change: Parameters<typeof orderOf>[1], more = {}) =>
  evmRail.draft({ ...orderOf(usdc, change), ...more }, undefined) as Draft | Refusal;
const refusal = (change: Parameters<typeof orderOf>[1], more = {}) => {
  const drafted = draft(change, more);
  return "refused" in drafted ? drafted.refused : "none";
};

describe("a draft", () => {
  it("says in its bytes what was ordered, and nothing else", () => {
    const amounts = fc.bigInt({ min: 1n, max: 2n ** 256n - 1n });
    const valid = fc.integer({ min: 1, max: 2 ** 40 });
    fc.assert(
      fc.property(account, account, amounts, valid, (from, to, amount, validBefore) => {
        const order = orderOf(usdc, { payTo: toAddress(to), amount });
        const drafted = evmRail.draft({ ...order, from: toAddress(from), validBefore }, undefined) as Draft;
        const read = decodeAuthorization(drafted.bytes)!;
        expect(hex(read.from)).toBe(hex(from));
        expect(hex(read.to)).toBe(hex(to));
        expect(hex(read.nonce)).toBe(hex(order.nonce));
        expect([read.value, read.validAfter, read.validBefore]).toEqual([amount, 0n, BigInt(validBefore)]);
        expect(drafted.outflow).toEqual([{ asset: usdc, amount, why: "payment" }]);
        expect(drafted.expires).toBe(validBefore);
        expect(evmRail.draft({ ...order, from: toAddress(from), validBefore }, { a: "lie" })).toEqual(
          drafted,
        );
      }),
      { numRuns: 500 },
    );
  });

  it("takes an address in one case, and eip3009 by name", () => {
    const payTo = "0xAbCdEf0123456789aBcDeF0123456789AbCdEf01";
    expect(refusal({ payTo: payTo.toLowerCase() })).toBe("none");
    expect(refusal({ payTo: `0x${payTo.slice(2).toUpperCase()}` })).toBe("none");
    expect(refusal({ method: "eip3009" })).toBe("none");
  });
});

describe("no draft is made", () => {
  it.each(["permit2", "erc7710", "", "EIP3009", "eip3009 "])("by the transfer method %j", (method) => {
    expect(refusal({ method })).toBe("TRANSFER_METHOD_NOT_SUPPORTED");
  });

  it.each([
    ["nobody", `0x${"0".repeat(40)}`],
    ["the token itself", usdc.address],
    ["the token itself, in lower case", usdc.address.toLowerCase()],
    ["a bad checksum", "0xabCdEf0123456789aBcDeF0123456789AbCdEf01"],
    ["a short address", "0x1111"],
    ["a name", "vitalik.eth"],
    ["an account elsewhere", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"],
    ["nothing", ""],
  ])("for %s", (_, payTo) => {
    expect(refusal({ payTo })).toBe("INVALID_PAYEE");
  });

  it("for the wallet itself, however it is written", () => {
    const { from } = orderOf(usdc);
    expect(refusal({ payTo: from })).toBe("SELF_PAYMENT");
    const mixed = toAddress(Buffer.from("ab".repeat(20), "hex"));
    expect(refusal({ payTo: mixed.toLowerCase() }, { from: mixed })).toBe("SELF_PAYMENT");
  });

  it("of an amount that is no uint256", () => {
    expect(refusal({ amount: 2n ** 256n - 1n })).toBe("none");
    for (const amount of [2n ** 256n, 2n ** 300n, -1n, -(2n ** 256n)])
      expect(refusal({ amount })).toBe("AMOUNT_TOO_LARGE");
  });

  it("on a network that is not EVM's", () => {
    const { intent } = orderOf(usdc);
    for (const network of [
      "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
      "eip155:08453",
      "cardano:mainnet",
    ] as const)
      expect(refusal({}, { intent: { ...intent, network } })).toBe("NETWORK_NOT_SUPPORTED");
  });
});

describe("bytes that no draft has", () => {
  it("are not decoded for another token, and not signed without being an authorization", () => {
    const drafted = draft({}) as Draft;
    expect(evmRail.decode(drafted.bytes, PINNED_ASSETS[1]!, PAYER)).toEqual({ refused: "INTERNAL" });
    let asked = false;
    const key = {
      use: <T>(fn: (bytes: Uint8Array) => T): T => {
        asked = true;
        return fn(new Uint8Array(32).fill(1));
      },
    };
    for (const bytes of [
      new Uint8Array(32),
      new Uint8Array(256),
      drafted.bytes.subarray(1),
      new Uint8Array(0),
    ])
      expect(() => evmRail.sign(bytes, key)).toThrow(RangeError);
    expect(asked).toBe(false);
  });
});
