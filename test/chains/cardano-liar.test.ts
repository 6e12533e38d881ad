// The client tells which outputs there are and what a transaction costs. What a lie of it can do.
import { beforeEach, describe, expect, it } from "vitest";
import type { WireCardanoContext } from "../../protocol/context.ts";
import { CardanoLedger, type Submitted } from "../counterparts/cardano-ledger.ts";
import {
  ADA,
  KEY,
  OWN,
  PAYEE,
  USDM,
  VALID_BEFORE,
  contextOf,
  draft,
  drafted,
  nameOf,
  orderOf,
  rail,
  refusal,
  utxo,
} from "./cardano-orders.ts";

const NOW = 1_800_000_000;
const soon = { validBefore: NOW + 60 };

let ledger: CardanoLedger;
beforeEach(() => {
  ledger = new CardanoLedger("cardano:preprod", () => NOW);
});

const submit = (bytes: Uint8Array): Submitted => {
  const { transaction } = rail.sign(bytes, KEY) as unknown as { transaction: string };
  return ledger.submit(Buffer.from(transaction, "base64"));
};
const refused = { refused: expect.any(String) as string };
const taken = { transaction: expect.stringMatching(/^[0-9a-f]{64}$/) as string };

describe("a provider that lies", () => {
  const honest = (): WireCardanoContext => {
    ledger.fund(OWN, 10_000_000n, { [USDM.address]: 5_000_000n });
    return ledger.context(OWN);
  };
  const lies: Readonly<Record<string, (truth: WireCardanoContext) => WireCardanoContext>> = {
    "of more ADA": ({ utxos: [one], ...more }) => ({ ...more, utxos: [{ ...one!, lovelace: "99000000" }] }),
    "of less ADA": ({ utxos: [one], ...more }) => ({ ...more, utxos: [{ ...one!, lovelace: "9999999" }] }),
    "of more tokens": ({ utxos: [one], ...more }) => ({
      ...more,
      utxos: [{ ...one!, tokens: { [USDM.address]: "5000001" } }],
    }),
    "of no tokens left": ({ utxos: [one], ...more }) => ({
      ...more,
      utxos: [{ ...one!, tokens: { [USDM.address]: "1000000" } }],
    }),
    "of an output that is not": ({ utxos: [one], ...more }) => ({
      ...more,
      utxos: [{ ...one!, transaction: "ee".repeat(32) }],
    }),
    "of a lower fee": ({ parameters, ...more }) => ({
      ...more,
      parameters: { ...parameters, minFeeA: 30, minFeeB: 100_000 },
    }),
    "of less ADA in outputs": ({ parameters, ...more }) => ({
      ...more,
      parameters: { ...parameters, coinsPerUtxoByte: 3_000 },
    }),
  };

  it.each(Object.keys(lies))("%s, gets a transaction that nobody takes", (name) => {
    const { bytes, outflow } = drafted(orderOf(USDM, { amount: 1_000_000n }, soon), lies[name]!(honest()));
    expect(outflow[0]).toEqual({ asset: USDM, amount: 1_000_000n, why: "payment" });
    expect(submit(bytes)).toEqual(refused);
    expect(ledger.balance(PAYEE).lovelace).toBe(0n);
  });

  it("of another's output, gets a transaction that only its owner could complete", () => {
    ledger.fund(PAYEE, 50_000_000n);
    const { bytes } = drafted(orderOf(ADA, {}, soon), ledger.context(PAYEE));
    expect(submit(bytes)).toEqual(refused);
  });

  it("of dearer parameters, gets what the outflow says, to the lovelace", () => {
    const truth = honest();
    const parameters = { ...truth.parameters, minFeeA: 1_000, minFeeB: 1_000_000, coinsPerUtxoByte: 6_500 };
    const { bytes, outflow } = drafted(orderOf(USDM, { amount: 1_000_000n }, soon), { ...truth, parameters });
    const before = ledger.balance(OWN).lovelace;
    expect(submit(bytes)).toEqual(taken);
    const ada = outflow.filter(({ asset }) => asset === ADA).reduce((sum, { amount }) => sum + amount, 0n);
    expect(before - ledger.balance(OWN).lovelace).toBe(ada);
    expect(ada).toBeGreaterThan(2_500_000n);
  });
});

describe("a context that is made to cost time", () => {
  /** Each output just fails to pay for the change that its own token needs. */
  const treadmill = (size: number): WireCardanoContext => {
    const lovelace = 146_000n;
    const others = Array.from({ length: size }, (_, n) =>
      utxo(n + 2, lovelace, { [`${(n + 1).toString(16).padStart(56, "0")}.`]: 1n }),
    );
    return contextOf(utxo(1, 1_800_000n), ...others);
  };

  it("costs milliseconds: the choice of outputs is not begun anew for each of them", () => {
    const context = treadmill(190);
    const times = Array.from({ length: 5 }, () => {
      const before = performance.now();
      expect(refusal(orderOf(ADA, { amount: 1n }), context)).toBe("FUNDS_INSUFFICIENT");
      return performance.now() - before;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });

  it("and with one output more that would do it, is paid", () => {
    const { utxos, ...more } = treadmill(190);
    const context = { ...more, utxos: [...utxos, utxo(1_000, 4)] };
    expect(draft(orderOf(ADA, { amount: 1n }), context)).toMatchObject({ expires: VALID_BEFORE });
    const late = { ...more, utxos: [...utxos.slice(0, 40), utxo(1_000, 900_000n)] };
    expect(draft(orderOf(ADA, { amount: 1n }), late)).toMatchObject({ expires: VALID_BEFORE });
  });
});

describe("a context that no chain can have is refused", () => {
  const change = (parameters: object) => {
    const context = contextOf(utxo(1, 10));
    return { ...context, parameters: { ...context.parameters, ...parameters } };
  };
  const one = utxo(1, 10);
  const { index: _, ...withoutIndex } = one;
  const contexts: Readonly<Record<string, unknown>> = {
    "no context": undefined,
    null: null,
    "a list": [],
    "no outputs": { parameters: contextOf().parameters },
    "no parameters": { utxos: [one] },
    "a field too many": { ...contextOf(one), tip: 1 },
    "an output twice": contextOf(one, one),
    "an output without its index": { ...contextOf(), utxos: [withoutIndex] },
    "an upper-case hash": contextOf({ ...one, transaction: "AB".repeat(32) }),
    "a short hash": contextOf({ ...one, transaction: "ab" }),
    "an output of nothing": contextOf({ ...one, lovelace: "0" }),
    "more ADA than there is": contextOf({ ...one, lovelace: "45000000000000001" }),
    "a negative amount": contextOf({ ...one, lovelace: "-1" }),
    "an amount as a number": contextOf({ ...one, lovelace: 10 as never }),
    "an amount with zeros in front": contextOf({ ...one, lovelace: "010" }),
    "no token": contextOf(utxo(1, 10, { [USDM.address]: 0n })),
    "a token without a dot": contextOf(utxo(1, 10, { [USDM.address.replace(".", "")]: 1n })),
    "an index of 65536": contextOf({ ...one, index: 65_536 }),
    "201 outputs": contextOf(...Array.from({ length: 201 }, (_, n) => utxo(n, 10))),
    "a fee per byte above the constitution's": change({ minFeeA: 1_001 }),
    "a fixed fee above the constitution's": change({ minFeeB: 10_000_001 }),
    "an output's price above the constitution's": change({ coinsPerUtxoByte: 6_501 }),
    "a fee per byte below the constitution's": change({ minFeeA: 29 }),
    "a fixed fee below the constitution's": change({ minFeeB: 99_999 }),
    "an output's price below the constitution's": change({ coinsPerUtxoByte: 2_999 }),
    "a fee in fractions": change({ minFeeA: 44.5 }),
    "a negative fee": change({ minFeeB: -1 }),
    "a value size that holds no token": change({ maxValueSize: 99 }),
  };
  it.each(Object.keys(contexts))("%s", (name) => {
    expect(refusal(orderOf(ADA), contexts[name])).toBe("CONTEXT_INVALID");
  });

  it("and one with an output that no change could hold is not: it is left alone", () => {
    const dust = utxo(2, 10, { [`${"ab".repeat(28)}.`]: 1n << 63n });
    expect(refusal(orderOf(ADA), contextOf(dust))).toBe("FUNDS_INSUFFICIENT");
    const { bytes } = drafted(orderOf(ADA, { amount: 5_000_000n }), contextOf(dust, utxo(1, 10)));
    expect(rail.locks(bytes)).toEqual([nameOf(utxo(1, 10))]);
  });

  it("and one at the bounds is not", () => {
    const cheap = { minFeeA: 30, minFeeB: 100_000, coinsPerUtxoByte: 3_000 };
    const { outflow: least } = drafted(orderOf(ADA, { amount: 1n }), change(cheap));
    expect(least.reduce((sum, { amount }) => sum + amount, 0n)).toBeGreaterThan(700_000n);
    const dear = { minFeeA: 1_000, minFeeB: 10_000_000, coinsPerUtxoByte: 6_500, maxValueSize: 100 };
    const context = { ...change(dear), utxos: [utxo(1, 40)] };
    const { outflow } = drafted(orderOf(ADA), context);
    expect(outflow[1]!.amount).toBeGreaterThan(10_000_000n);
    expect(refusal(orderOf(ADA), change({ maxTxSize: 100 }))).toBe("TRANSACTION_TOO_LARGE");
  });
});
