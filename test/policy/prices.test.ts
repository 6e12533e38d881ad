// What a payment counts for in USD: the whole outflow, stablecoins at one dollar or more, everything else at its price.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binding, evaluate } from "../../policy/evaluate.ts";
import { parsePrice } from "../../protocol/amount.ts";
import { type PinnedAsset, PINNED_ASSETS, feeAsset } from "../../protocol/assets.ts";
import { Books, USDC, household, payment } from "./household.ts";

const ADA = feeAsset("cardano:mainnet")!;
const USDM = PINNED_ASSETS.find(({ symbol }) => symbol === "USDM")!;

function decide(rules: object, prices: Record<string, string>, terms: Parameters<typeof payment>[0] = {}) {
  const books = new Books();
  for (const [symbol, usd] of Object.entries(prices)) books.prices.set(symbol, parsePrice(usd));
  const decision = evaluate([household(rules)], payment(terms), books);
  return { ...decision, code: binding(decision)?.code };
}

describe("an asset", () => {
  it("that is pegged counts at one dollar, and at its price only when that is higher", () => {
    expect(decide({}, {}).usd).toBe(1_000_000n);
    expect(decide({}, { USDC: "0.97" }).usd).toBe(1_000_000n);
    expect(decide({}, { USDC: "1.02" }).usd).toBe(1_020_000n);
  });

  it("that is not needs a price", () => {
    expect(decide({}, {}, { asset: ADA })).toMatchObject({
      outcome: "decline",
      code: "NO_PRICE",
      priced: false,
    });
    expect(decide({}, { USDC: "1" }, { asset: ADA }).code).toBe("NO_PRICE");
    expect(decide({}, { ADA: "0.41" }, { asset: ADA })).toMatchObject({ outcome: "allow", usd: 410_000n });
  });

  it("that is cheap is never free", () => {
    const dust: PinnedAsset = { ...ADA, symbol: "DUST", decimals: 8 };
    expect(decide({}, { DUST: "0.000000000001" }, { asset: dust, usd: 1n }).usd).toBe(1n);
    expect(decide({}, { DUST: "0.0000085" }, { asset: dust, usd: 100_000_000_000n }).usd).toBe(8500n);
  });

  it("costs no less with more of it, or at a higher price", () => {
    const any = fc.bigInt({ min: 1n, max: 10n ** 15n });
    fc.assert(
      fc.property(any, any, any, (amount, more, price) => {
        const at = (usd: bigint, of: bigint) => {
          const books = new Books();
          books.prices.set("ADA", of);
          return evaluate([household({})], payment({ asset: ADA, usd }), books).usd;
        };
        expect(at(amount + more, price)).toBeGreaterThanOrEqual(at(amount, price));
        expect(at(amount, price + more)).toBeGreaterThanOrEqual(at(amount, price));
        // Rounded up, by less than a micro-USD.
        const exact = amount * price;
        expect(at(amount, price) * 10n ** 12n).toBeGreaterThanOrEqual(exact);
        expect((at(amount, price) - 1n) * 10n ** 12n).toBeLessThan(exact);
      }),
      { numRuns: 500 },
    );
  });
});

describe("what the network takes", () => {
  const fee = { asset: ADA, amount: 1_370_000n };

  it("counts: against the price of a call, the budgets, and the sum", () => {
    const terms = { asset: USDM, usd: 1_000_000n, fee };
    expect(decide({}, { ADA: "0.50" }, terms)).toMatchObject({ outcome: "allow", usd: 1_685_000n });
    expect(decide({ perCallMax: "1.684999" }, { ADA: "0.50" }, terms).code).toBe(
      "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
    );
    expect(decide({ perCallMax: "1.685" }, { ADA: "0.50" }, terms).outcome).toBe("allow");
    expect(decide({ perDayMax: "1.68" }, { ADA: "0.50" }, terms).code).toBe("DAILY_BUDGET_EXCEEDED");
  });

  it("needs a price, too", () => {
    expect(decide({}, {}, { asset: USDM, fee }).code).toBe("NO_PRICE");
  });

  it("is capped, at one dollar unless the document says otherwise", () => {
    const terms = { asset: USDM, fee: { asset: ADA, amount: 2_000_000n } };
    expect(decide({}, { ADA: "0.50" }, terms).outcome).toBe("allow");
    expect(decide({}, { ADA: "0.5000005" }, terms).code).toBe("NETWORK_FEE_TOO_HIGH");
    expect(decide({ maxNetworkFee: "1.000001" }, { ADA: "0.5000005" }, terms).outcome).toBe("allow");
    expect(decide({ maxNetworkFee: "0" }, { ADA: "0.50" }, terms).code).toBe("NETWORK_FEE_TOO_HIGH");
  });

  it("has no check where there is none", () => {
    expect(decide({ maxNetworkFee: "0" }, {}).outcome).toBe("allow");
    expect(decide({}, {}, { asset: USDC }).checks.map(({ rule }) => rule)).not.toContain("maxNetworkFee");
  });
});
