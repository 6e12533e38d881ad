import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint, intentSchema, toWire, type WireIntent } from "../../protocol/intent.ts";
import { intent } from "./arbitrary.ts";

const reads = (wire: unknown): boolean => intentSchema.safeParse(wire).success;
const printOf = (wire: WireIntent): string => fingerprint(intentSchema.parse(wire));

const plain: WireIntent = {
  id: "0123456789abcdef",
  scheme: "exact",
  network: "eip155:84532",
  asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
  payTo: "0x1111111111111111111111111111111111111111",
  amount: "10000",
  maxTimeoutSeconds: 60,
  claims: {},
};

describe("an intent", () => {
  it("comes back as it went", () => {
    fc.assert(
      fc.property(intent, (wire) => {
        expect(toWire(intentSchema.parse(JSON.parse(JSON.stringify(wire))))).toEqual(wire);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["id", ["", "a".repeat(15), "a".repeat(129), "0123456789abcde\n", "0123456789abcdé", "../../etc/passwd"]],
    ["scheme", ["", "a b", "e".repeat(33), "exact\n", 'ex"act']],
    ["network", ["base", "eip155", "EIP155:1", "eip155:1\n", ":"]],
    ["asset", ["", "a".repeat(161), "0x1\u00002", "0x1 2", "ü"]],
    ["payTo", ["", "a".repeat(161), "0x1\n", "0x1 2"]],
    ["amount", ["0", "-1", "1e6", "0x10", "00010", "1.0", " 1", "", `1${"0".repeat(78)}`, 10000, 1n, null]],
    ["maxTimeoutSeconds", [0, -1, 1.5, 31_536_001, "60", null]],
    ["extra", [null, [], { other: 1 }, { memo: "x".repeat(257) }, { feePayer: "a b" }]],
    ["claims", [null, undefined, { url: "x".repeat(4097) }, { method: "GE T" }, { other: "x" }]],
  ])("with another %s than it may have is refused", (field, values) => {
    expect(reads(plain)).toBe(true);
    for (const value of values) expect(reads({ ...plain, [field]: value }), inspect(value)).toBe(false);
  });

  it("with a field too many is refused", () => {
    expect(reads({ ...plain, note: "x" })).toBe(false);
  });
});

describe("the fingerprint", () => {
  const changes: readonly (readonly [string, (wire: WireIntent) => WireIntent])[] = [
    ["id", (wire) => ({ ...wire, id: `${wire.id.slice(0, 100)}_` })],
    ["scheme", (wire) => ({ ...wire, scheme: `${wire.scheme}x` })],
    ["network", (wire) => ({ ...wire, network: "eip155:1" })],
    ["asset", (wire) => ({ ...wire, asset: `${wire.asset}0` })],
    ["payTo", (wire) => ({ ...wire, payTo: `${wire.payTo}0` })],
    ["amount", (wire) => ({ ...wire, amount: (BigInt(wire.amount.slice(0, 70)) + 1n).toString() })],
    ["transfer method", (wire) => ({ ...wire, extra: { ...wire.extra, assetTransferMethod: "other" } })],
    ["fee payer", (wire) => ({ ...wire, extra: { ...wire.extra, feePayer: "other" } })],
    ["memo", (wire) => ({ ...wire, extra: { ...wire.extra, memo: `${wire.extra?.memo ?? ""}!` } })],
    ["URL", (wire) => ({ ...wire, claims: { ...wire.claims, url: `${wire.claims.url ?? ""}#` } })],
    ["HTTP method", (wire) => ({ ...wire, claims: { ...wire.claims, method: "PUT" } })],
  ];

  it.each(changes)("changes with the %s", (_, change) => {
    fc.assert(
      fc.property(intent, (wire) => {
        expect(printOf(change(wire))).not.toBe(printOf(wire));
      }),
    );
  });

  it("does not change with the timeout, the category or the case of EVM addresses", () => {
    fc.assert(
      fc.property(intent, fc.integer({ min: 1, max: 1000 }), (wire, maxTimeoutSeconds) => {
        const claims = { ...wire.claims, category: "other" };
        expect(printOf({ ...wire, maxTimeoutSeconds, claims })).toBe(printOf(wire));
        if (!wire.network.startsWith("eip155:")) return;
        const upper = { ...wire, asset: wire.asset.toUpperCase(), payTo: wire.payTo.toUpperCase() };
        expect(printOf(upper)).toBe(printOf(wire));
      }),
    );
  });

  it("tells a field's absence from its being empty, and fields from each other", () => {
    const prints = [
      plain,
      { ...plain, extra: { memo: "" } },
      { ...plain, extra: { feePayer: "x" } },
      { ...plain, extra: { memo: "x" } },
      { ...plain, claims: { url: "" } },
      { ...plain, claims: { url: "x" } },
      { ...plain, claims: { method: "x" } },
    ].map(printOf);
    expect(new Set(prints).size).toBe(prints.length);
    expect(printOf({ ...plain, extra: {} })).toBe(printOf(plain));
  });
});
