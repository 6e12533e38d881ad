// The bytes of Cardano's payments: what is read, and what is not.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Body, type Output, decodeBody, encodeBody } from "../../chains/cardano/body.ts";
import { array, byteString, map, uint } from "../../chains/cardano/cbor.ts";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { cardanoAddressOn, parseCardanoAddress } from "../../protocol/cardano-address.ts";
import {
  ADA,
  OWN,
  PAYEE,
  USDM,
  baseAddress,
  contextOf,
  drafted,
  holderOf,
  nameOf,
  orderOf,
  rail,
  utxo,
} from "./cardano-orders.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const hexOf = (min: number, max = min) =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((bytes) => hex(bytes));
const lovelace = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const tokens = fc
  .array(fc.tuple(hexOf(28), hexOf(0, 32), fc.bigInt({ min: 1n, max: (1n << 64n) - 1n })), { maxLength: 5 })
  .map((list) => new Map(list.map(([policy, name, amount]) => [`${policy}.${name}`, amount])));
const address = fc.oneof(
  hexOf(28).map((hash) => Buffer.from(`60${hash}`, "hex")),
  hexOf(56).map((hashes) => Buffer.from(`01${hashes}`, "hex")),
);
const input = fc.record({ transaction: hexOf(32), index: fc.integer({ min: 0, max: 0xffff }) });
const body: fc.Arbitrary<Body> = fc.record({
  inputs: fc
    .uniqueArray(input, { minLength: 1, maxLength: 5, selector: nameOf as never })
    .map(([nonce, ...others]) => [
      nonce!,
      ...others.sort((a, b) =>
        a.transaction < b.transaction ? -1 : a.transaction > b.transaction ? 1 : a.index - b.index,
      ),
    ]),
  outputs: fc.array(fc.record({ address, value: fc.record({ lovelace, tokens }) }), { maxLength: 4 }),
  fee: lovelace,
  ttl: fc.maxSafeNat(),
});

/** Equal whatever the order of tokens. */
const plain = ({ inputs, outputs, fee, ttl }: Body) => ({
  ...{ inputs, fee, ttl },
  outputs: outputs.map((one) => [hex(one.address), one.value.lovelace, [...one.value.tokens].sort()]),
});

describe("a body", () => {
  it("is read back as it was written", () => {
    fc.assert(
      fc.property(body, (one) => {
        expect(plain(decodeBody(encodeBody(one))!)).toEqual(plain(one));
      }),
      { numRuns: 2000 },
    );
  });

  it("has one text: changed bytes are no body, or another one's", () => {
    const change = fc.record({ at: fc.nat(), bit: fc.nat(7), cut: fc.boolean(), more: fc.boolean() });
    fc.assert(
      fc.property(body, change, (one, { at, bit, cut, more }) => {
        const bytes = encodeBody(one);
        const changed = Buffer.from(bytes);
        changed[at % bytes.length]! ^= 1 << bit;
        const read = decodeBody(changed);
        if (read) expect(hex(encodeBody(read))).toBe(hex(changed));
        if (cut) expect(decodeBody(bytes.subarray(0, at % bytes.length))).toBeUndefined();
        if (more) expect(decodeBody(Buffer.concat([bytes, Uint8Array.of(at & 0xff)]))).toBeUndefined();
      }),
      { numRuns: 5000 },
    );
  });

  it("is nothing that random bytes are", () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(bytes, (any) => {
        expect(decodeBody(any)).toBeUndefined();
      }),
      { numRuns: 5000 },
    );
  });
});

describe("a body is not read", () => {
  const one = (n: number) => array([byteString(Buffer.alloc(32, n)), uint(0)]);
  const to = byteString(parseCardanoAddress(PAYEE)!.bytes);
  const output = array([to, uint(2_000_000)]);
  const [I, O, F, T] = [0, 1, 2, 3].map(uint) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const fields = { inputs: array([one(1)]), outputs: array([output]), fee: uint(170_000), ttl: uint(99) };
  const bodyWith = (change: Partial<typeof fields>, more: [Uint8Array, Uint8Array][] = []) => {
    const { inputs, outputs, fee, ttl } = { ...fields, ...change };
    return map([[I, inputs], [O, outputs], [F, fee], [T, ttl], ...more]);
  };
  const bytes = (text: string): Uint8Array => Buffer.from(text, "hex");
  const bundle = (...policies: (readonly [number, Uint8Array])[]) =>
    array([
      to,
      array([
        uint(2_000_000),
        Buffer.concat([
          bytes((0xa0 + policies.length).toString(16)),
          ...policies.flatMap(([n, names]) => [byteString(Buffer.alloc(28, n)), names]),
        ]),
      ]),
    ]);
  const names = (text: string) => bytes(text);

  it("unless it is this one", () => {
    expect(decodeBody(bodyWith({}))).toBeDefined();
    expect(
      decodeBody(bodyWith({ outputs: array([bundle([1, names("a14105" + "01")], [2, names("a14001")])]) })),
    ).toBeDefined();
  });

  const cases: Readonly<Record<string, Uint8Array>> = {
    "with a field too few": map([
      [I, fields.inputs],
      [O, fields.outputs],
      [F, fields.fee],
    ]),
    "with a certificate": bodyWith({}, [[uint(4), bytes("80")]]),
    "with a withdrawal": bodyWith({}, [[uint(5), bytes("a0")]]),
    "with metadata": bodyWith({}, [[uint(7), byteString(Buffer.alloc(32))]]),
    "with a first slot": bodyWith({}, [[uint(8), uint(1)]]),
    "with a mint": bodyWith({}, [[uint(9), bytes("a0")]]),
    "with script data": bodyWith({}, [[uint(11), byteString(Buffer.alloc(32))]]),
    "with collateral": bodyWith({}, [[uint(13), array([one(1)])]]),
    "with required signers": bodyWith({}, [[uint(14), array([])]]),
    "with a network id": bodyWith({}, [[uint(15), uint(0)]]),
    "with a collateral return": bodyWith({}, [[uint(16), output]]),
    "with reference inputs": bodyWith({}, [[uint(18), array([one(2)])]]),
    "with votes": bodyWith({}, [[uint(19), bytes("a0")]]),
    "with a donation": bodyWith({}, [[uint(22), uint(1)]]),
    "without inputs": bodyWith({ inputs: array([]) }),
    "with an input twice": bodyWith({ inputs: array([one(1), one(1)]) }),
    "with the nonce input again": bodyWith({ inputs: array([one(2), one(1), one(2)]) }),
    "with inputs out of order": bodyWith({ inputs: array([one(1), one(3), one(2)]) }),
    "with a tagged set": bodyWith({ inputs: Buffer.concat([bytes("d90102"), fields.inputs]) }),
    "with an index above 65535": bodyWith({
      inputs: array([array([byteString(Buffer.alloc(32)), uint(65_536)])]),
    }),
    "with a short hash": bodyWith({ inputs: array([array([byteString(Buffer.alloc(31)), uint(0)])]) }),
    "with an output as a map": bodyWith({
      outputs: array([
        map([
          [I, to],
          [O, uint(2_000_000)],
        ]),
      ]),
    }),
    "with a datum": bodyWith({
      outputs: array([array([to, uint(2_000_000), byteString(Buffer.alloc(32))])]),
    }),
    "with a script's address": bodyWith({
      outputs: array([array([byteString(Buffer.alloc(29, 0x70)), uint(1)])]),
    }),
    "with an empty bundle": bodyWith({ outputs: array([bundle()]) }),
    "with an empty policy": bodyWith({ outputs: array([bundle([1, names("a0")])]) }),
    "with none of a token": bodyWith({ outputs: array([bundle([1, names("a14100" + "00")])]) }),
    "with a token twice": bodyWith({ outputs: array([bundle([1, names("a2410001410001")])]) }),
    "with tokens out of order": bodyWith({ outputs: array([bundle([1, names("a2410101410001")])]) }),
    "with a longer name first": bodyWith({ outputs: array([bundle([1, names("a24200000141ff01")])]) }),
    "with policies out of order": bodyWith({
      outputs: array([bundle([2, names("a14001")], [1, names("a14001")])]),
    }),
    "with a name of 33 bytes": bodyWith({
      outputs: array([bundle([1, Buffer.concat([bytes("a1"), byteString(Buffer.alloc(33)), uint(1)])])]),
    }),
    "with a negative amount": bodyWith({ outputs: array([array([to, bytes("20")])]) }),
    "with a number that is too wide": bodyWith({ fee: bytes("1a00000001") }),
    "with 23 in two bytes": bodyWith({ fee: bytes("1817") }),
    "with a big number": bodyWith({ fee: bytes("c24101") }),
    "with a slot above 2^53": bodyWith({ ttl: bytes("1b0020000000000000") }),
    "with inputs of no definite length": bodyWith({
      inputs: Buffer.concat([bytes("9f"), one(1), bytes("ff")]),
    }),
    "with bytes of no definite length": bodyWith({
      outputs: array([array([Buffer.concat([bytes("5f"), to, bytes("ff")]), uint(1)])]),
    }),
    "with a length that is a lie": bytes("a4009bffffffffffffffff"),
    "with its keys out of order": Buffer.concat([
      bytes("a4"),
      O,
      fields.outputs,
      I,
      fields.inputs,
      F,
      fields.fee,
      T,
      fields.ttl,
    ]),
    "with bytes behind it": Buffer.concat([bodyWith({}), bytes("00")]),
    "that is empty": bytes(""),
  };
  it.each(Object.keys(cases))("%s", (name) => {
    expect(decodeBody(cases[name]!)).toBeUndefined();
    expect(rail.decode(cases[name]!, ADA, OWN)).toEqual({ refused: "INTERNAL" });
    expect(() => rail.sign(cases[name]!, holderOf(new Uint8Array(0)))).toThrow(RangeError);
  });
});

describe("a payment is not read", () => {
  const context = contextOf(utxo(1, 100, { [USDM.address]: 50_000_000n }));
  const made = decodeBody(drafted(orderOf(USDM, { amount: 7n }), context).bytes)!;
  const [payment, change] = made.outputs as [Output, Output];
  const bytesWith = (...outputs: Output[]): Uint8Array => encodeBody({ ...made, outputs });
  const other = parseCardanoAddress(baseAddress(0x11, 0x12))!.bytes;
  const withTokens = (one: Output, tokens: Map<string, bigint>): Output => ({
    ...one,
    value: { ...one.value, tokens },
  });
  const ownHash = parseCardanoAddress(OWN)!.paymentHash;
  const decode = (bytes: Uint8Array, asset = USDM, from = OWN) => rail.decode(bytes, asset, from);

  it("unless it is one", () => {
    expect(decode(bytesWith(payment, change))).toHaveLength(3);
    expect(decode(bytesWith(payment, change, change))).toHaveLength(3);
    expect(decode(bytesWith(payment))).toHaveLength(3);
  });

  it.each([
    ["without outputs", bytesWith()],
    ["to ourselves alone", bytesWith(change)],
    ["to two", bytesWith(payment, { ...payment, address: other }, change)],
    ["to one twice", bytesWith(payment, payment, change)],
    ["behind its change", bytesWith(change, payment)],
    [
      "to our key with another stake part",
      bytesWith({ ...payment, address: Buffer.from([0, ...ownHash, ...new Uint8Array(28)]) }),
    ],
    [
      "with change to such an address",
      bytesWith(payment, { ...change, address: Buffer.from([0, ...ownHash, ...new Uint8Array(28)]) }),
    ],
    [
      "to another network",
      bytesWith({ ...payment, address: Buffer.from([1, ...other.subarray(1)]) }, change),
    ],
    ["of another token", bytesWith(withTokens(payment, new Map([[`${"ab".repeat(28)}.`, 7n]])), change)],
    [
      "of two tokens",
      bytesWith(withTokens(payment, new Map([...payment.value.tokens, [`${"ab".repeat(28)}.`, 7n]])), change),
    ],
    ["of no token", bytesWith(withTokens(payment, new Map()), change)],
    ["of 2^63", bytesWith(withTokens(payment, new Map([[USDM.address, 1n << 63n]])), change)],
    ["that is longer than a transaction", bytesWith(payment, ...Array.from({ length: 200 }, () => change))],
  ])("%s", (_, bytes) => {
    expect(decode(bytes)).toEqual({ refused: "INTERNAL" });
  });

  it("as one of another asset, account or network", () => {
    const bytes = bytesWith(payment, change);
    expect(decode(bytes, ADA)).toEqual({ refused: "INTERNAL" });
    expect(decode(bytes, USDM, PAYEE)).toEqual({ refused: "INTERNAL" });
    expect(decode(bytes, USDM, cardanoAddressOn("cardano:mainnet", OWN))).toEqual({ refused: "INTERNAL" });
    expect(decode(bytes, USDM, "")).toEqual({ refused: "INTERNAL" });
    for (const asset of PINNED_ASSETS.filter((one) => one !== USDM && one !== ADA))
      expect(decode(bytes, asset)).toEqual({ refused: "INTERNAL" });
  });
});
