import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatUnits,
  formatUsd,
  isAtomic,
  ONE_DOLLAR,
  microUsdAt,
  parseUnits,
  parseUsd,
} from "../../protocol/amount.ts";
import { codeOf } from "./code.ts";

const decimals = fc.integer({ min: 0, max: 30 });
const units = fc.bigInt({ min: 0n, max: 10n ** 30n });

describe("decimal strings", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(units, decimals, fc.integer({ min: 0, max: 6 }), (value, places, least) => {
        const text = formatUnits(value, places, Math.min(least, places));
        expect(parseUnits(text, places)).toBe(value);
        expect(formatUnits(-value, places)).toBe(
          value === 0n ? formatUnits(0n, places) : `-${formatUnits(value, places)}`,
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("have the value that a person reads", () => {
    expect(parseUsd("5")).toBe(5_000_000n);
    expect(parseUsd("0.000001")).toBe(1n);
    expect(formatUsd(5_000_000n)).toBe("5.00");
    expect(formatUsd(1n)).toBe("0.000001");
    expect(formatUsd(-1_500_000n)).toBe("-1.50");
    expect(formatUnits(1n, 0)).toBe("1");
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), (micro) => {
        const [whole, fraction = ""] = formatUsd(micro).split(".");
        expect(BigInt(whole!) * 1_000_000n + BigInt(fraction.padEnd(6, "0"))).toBe(micro);
        expect(fraction.length).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  it.each(["", ".", "1.", ".5", "+1", "-1", "01", "1e6", "0x10", "1_000", "1,5", " 1", "1 ", "1.0000001"])(
    "%j is none",
    (text) => {
      expect(codeOf(() => parseUsd(text))).toBe("INVALID_REQUEST");
    },
  );

  it("take nothing that they do not mean: whatever passes reads back the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from("01259.-+e x_")) }), (text) => {
        if (codeOf(() => parseUsd(text)) !== "no error") return;
        const least = text.includes(".") ? text.split(".")[1]!.length : 0;
        expect(formatUnits(parseUsd(text), 6, least)).toBe(text);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("atomic units", () => {
  it("have one spelling", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (value) => {
        expect(isAtomic(value.toString())).toBe(true);
        expect(isAtomic(`0${value.toString()}`)).toBe(false);
        expect(isAtomic(`-${value.toString()}`)).toBe(false);
        expect(isAtomic(`${value.toString()}n`)).toBe(false);
        expect(isAtomic(`${value.toString()}\n`)).toBe(false);
      }),
    );
    expect(isAtomic("1".repeat(79))).toBe(false);
  });
});

describe("a dollar's worth", () => {
  it("is rounded up: never too low, and by less than a micro-dollar too high", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), decimals, (value, places) => {
        const scale = 10n ** BigInt(places);
        const micro = microUsdAt(value, places, ONE_DOLLAR);
        expect(micro * scale).toBeGreaterThanOrEqual(value * 1_000_000n);
        expect((micro - 1n) * scale).toBeLessThan(value * 1_000_000n);
      }),
      { numRuns: 1000 },
    );
    expect(microUsdAt(1n, 18, ONE_DOLLAR)).toBe(1n);
    expect(microUsdAt(0n, 18, ONE_DOLLAR)).toBe(0n);
  });
});
