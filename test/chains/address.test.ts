import { keccak_256 } from "@noble/hashes/sha3.js";
import fc from "fast-check";
import { getAddress, isAddress } from "viem";
import { describe, expect, it } from "vitest";
import { isZeroAddress, parseAddress, sameAddress, toAddress } from "../../chains/evm/address.ts";
import { keccak256 } from "../../chains/evm/keccak.ts";

const account = fc.uint8Array({ minLength: 20, maxLength: 20 });

describe("Keccak-256", () => {
  it("of OpenSSL is the one of noble, at every length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(Buffer.from(keccak256(bytes))).toEqual(Buffer.from(keccak_256(bytes)));
      }),
      { numRuns: 2000 },
    );
    const empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    expect(Buffer.from(keccak256(new Uint8Array())).toString("hex")).toBe(empty);
  });

  it("gives a value of its own each time", () => {
    const first = keccak256(new Uint8Array([1]));
    const copy = Uint8Array.from(first);
    for (let i = 0; i < 2000; i++) keccak256(new Uint8Array([2, i & 255]));
    expect(Uint8Array.from(first)).toEqual(copy);
  });
});

describe("addresses", () => {
  it("carry the checksum that viem gives them", () => {
    fc.assert(
      fc.property(account, (bytes) => {
        const address = toAddress(bytes);
        expect(address).toBe(getAddress(`0x${Buffer.from(bytes).toString("hex")}`));
        expect(Buffer.from(parseAddress(address)!)).toEqual(Buffer.from(bytes));
        expect(toAddress(bytes)).toBe(address);
      }),
      { numRuns: 2000 },
    );
  });

  it("in mixed case have the right checksum or are none; in one case they carry none", () => {
    fc.assert(
      fc.property(account, fc.nat(39), (bytes, at) => {
        const address = toAddress(bytes);
        const digit = address.charAt(at + 2);
        const other = digit === digit.toLowerCase() ? digit.toUpperCase() : digit.toLowerCase();
        const changed = address.slice(0, at + 2) + other + address.slice(at + 3);
        expect(parseAddress(changed) !== undefined).toBe(isAddress(changed) || oneCase(changed));
        expect(parseAddress(`0x${address.slice(2).toUpperCase()}`)).toEqual(parseAddress(address));
        expect(parseAddress(address.toLowerCase())).toEqual(parseAddress(address));
      }),
      { numRuns: 2000 },
    );
  });

  it.each(["", "0x", "1".repeat(42), `0x${"1".repeat(39)}`, `0x${"1".repeat(41)}`, `0X${"1".repeat(40)}`])(
    "%j is none",
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );

  it("with a letter that is no digit, or a line break, are none", () => {
    const digits = "1".repeat(39);
    for (const letter of ["g", " ", "\n", "-", "\u0661"])
      expect(parseAddress(`0x${digits}${letter}`)).toBeUndefined();
    expect(parseAddress(`0x${digits}1\n`)).toBeUndefined();
  });

  it("are compared without their case", () => {
    expect(isZeroAddress(`0x${"0".repeat(40)}`)).toBe(true);
    expect(isZeroAddress(`0x${"0".repeat(39)}1`)).toBe(false);
    expect(sameAddress("0xAb", "0xaB")).toBe(true);
    expect(sameAddress("0xAb", "0xAc")).toBe(false);
  });
});

const oneCase = (text: string): boolean => {
  const digits = text.slice(2);
  return digits === digits.toLowerCase() || digits === digits.toUpperCase();
};
