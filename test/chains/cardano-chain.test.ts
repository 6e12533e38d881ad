// Payments in front of a ledger with the real rules and a facilitator that shares no code with us: what the rail makes is
// taken, and nothing near it is.
import { beforeEach, describe, expect, it } from "vitest";
import { type Body, type Output, decodeBody, encodeBody } from "../../chains/cardano/body.ts";
import type { Draft, Order } from "../../chains/rail.ts";
import type { PinnedAsset } from "../../protocol/assets.ts";
import { startCardanoFacilitator } from "../counterparts/cardano-facilitator.ts";
import { CardanoLedger, type Submitted } from "../counterparts/cardano-ledger.ts";
import { type Verdict, verifyPayment } from "../counterparts/cardano-verify.ts";
import { ADA, KEY, OWN, PAYEE, USDM, drafted, holderOf, orderOf, rail, refusal } from "./cardano-orders.ts";

const NOW = 1_800_000_000;
const soon = { validBefore: NOW + 60 };
const OTHER_TOKEN = `${"ab".repeat(28)}.cafe`;

let ledger: CardanoLedger;
beforeEach(() => {
  ledger = new CardanoLedger("cardano:preprod", () => NOW);
});

interface Payload {
  transaction: string;
  nonce: string;
}
const payloadOf = (bytes: Uint8Array): Payload => rail.sign(bytes, KEY) as unknown as Payload;
const submit = (transaction: string): Submitted => ledger.submit(Buffer.from(transaction, "base64"));
const refused = { refused: expect.any(String) as string };
const taken = { transaction: expect.stringMatching(/^[0-9a-f]{64}$/) as string };

const pay = (order: Order): Draft => drafted(order, ledger.context(OWN));
const termsOf = (asset: PinnedAsset, amount: bigint) => ({
  ...{ network: ledger.network, asset: asset.address, payTo: PAYEE, amount: amount.toString() },
  maxTimeoutSeconds: 60,
});
const verify = (payload: Payload, asset: PinnedAsset, amount: bigint): Verdict =>
  verifyPayment(ledger, payload, termsOf(asset, amount));

/** Signed by the same key, as no draft would be. */
const changed = (bytes: Uint8Array, change: (body: Body) => Partial<Body>): string => {
  const body = decodeBody(bytes)!;
  return payloadOf(encodeBody({ ...body, ...change(body) })).transaction;
};
const withLovelace = ({ address, value }: Output, more: bigint): Output => ({
  address,
  value: { ...value, lovelace: value.lovelace + more },
});

describe("the ledger takes", () => {
  it("a payment in ADA, and everybody has what the outflow says", () => {
    ledger.fund(OWN, 10_000_000n);
    const { bytes, outflow } = pay(orderOf(ADA, { amount: 3_000_000n }, soon));
    const [payment, fee] = outflow;
    expect([payment?.why, payment?.amount, fee?.why, outflow.length]).toEqual([
      "payment",
      3_000_000n,
      "fee",
      2,
    ]);
    expect(verify(payloadOf(bytes), ADA, 3_000_000n)).toMatchObject({ valid: true, payer: OWN });
    expect(submit(payloadOf(bytes).transaction)).toEqual(taken);
    expect(ledger.balance(PAYEE)).toEqual({ lovelace: 3_000_000n, tokens: {} });
    expect(ledger.balance(OWN).lovelace).toBe(7_000_000n - fee!.amount);
  });

  it("a payment in a token, with the ADA that every output must hold", () => {
    ledger.fund(OWN, 10_000_000n, { [USDM.address]: 5_000_000n, [OTHER_TOKEN]: 9n });
    const { bytes, outflow } = pay(orderOf(USDM, { amount: 1_000_000n }, soon));
    const [payment, minAda, fee] = outflow;
    expect(outflow.map(({ why }) => why)).toEqual(["payment", "minAda", "fee"]);
    expect([payment!.amount, minAda!.asset, fee!.asset]).toEqual([1_000_000n, ADA, ADA]);
    expect(verify(payloadOf(bytes), USDM, 1_000_000n)).toMatchObject({ valid: true, payer: OWN });
    expect(submit(payloadOf(bytes).transaction)).toEqual(taken);
    expect(ledger.balance(PAYEE)).toEqual({
      lovelace: minAda!.amount,
      tokens: { [USDM.address]: 1_000_000n },
    });
    const left = ledger.balance(OWN);
    expect(left.lovelace).toBe(10_000_000n - minAda!.amount - fee!.amount);
    expect(left.tokens).toEqual({ [USDM.address]: 4_000_000n, [OTHER_TOKEN]: 9n });
  });

  it("a lovelace, with what is missing to an output", () => {
    ledger.fund(OWN, 10_000_000n);
    const { bytes, outflow } = pay(orderOf(ADA, { amount: 1n }, soon));
    expect(outflow.map(({ why }) => why)).toEqual(["payment", "minAda", "fee"]);
    expect(submit(payloadOf(bytes).transaction)).toEqual(taken);
    expect(ledger.balance(PAYEE).lovelace).toBe(outflow[0]!.amount + outflow[1]!.amount);
  });

  it("a payment from many small outputs", () => {
    for (let n = 0; n < 60; n++) ledger.fund(OWN, 1_000_000n);
    const { bytes } = pay(orderOf(ADA, { amount: 50_000_000n }, soon));
    expect(decodeBody(bytes)!.inputs.length).toBeGreaterThan(50);
    expect(submit(payloadOf(bytes).transaction)).toEqual(taken);
  });

  it("a payment of the last lovelace, without change", () => {
    ledger.fund(OWN, 10_000_000n);
    const full = ledger.context(OWN);
    const exact = drafted(orderOf(ADA, { amount: 8_000_000n }, soon), ledger.context(OWN)).outflow[1]!.amount;
    // One output fewer is a smaller fee: what is left must be that, to the lovelace.
    const alone = 10_000_000n - exact + 37n * 44n;
    const { bytes: whole } = pay(orderOf(ADA, { amount: alone }, soon));
    expect(decodeBody(whole)!.outputs).toHaveLength(1);
    expect(submit(payloadOf(whole).transaction)).toEqual(taken);
    for (const amount of [alone - 1n, alone + 1n])
      expect(refusal(orderOf(ADA, { amount }, soon), full)).toBe("FUNDS_INSUFFICIENT");
  });

  it("a payment out of hundreds of kinds of token", () => {
    const kinds = (from: number) =>
      Object.fromEntries(Array.from({ length: 100 }, (_, n) => [tokenOf(from + n), 5n]));
    for (const from of [0, 100, 200]) ledger.fund(OWN, 30_000_000n, kinds(from));
    const heavy = pay(orderOf(ADA, { amount: 40_000_000n }, soon));
    expect(decodeBody(heavy.bytes)!.outputs.length).toBeGreaterThan(2);
    expect(verify(payloadOf(heavy.bytes), ADA, 40_000_000n)).toMatchObject({ valid: true });
    expect(submit(payloadOf(heavy.bytes).transaction)).toEqual(taken);
  });

  it("a payment by an extended key", () => {
    const key = holderOf(Buffer.concat([Buffer.alloc(31, 8), Buffer.from([0x48]), Buffer.alloc(32, 3)]));
    const from = rail.addressOn("cardano:preprod", rail.addressOf(key))!;
    ledger.fund(from, 10_000_000n);
    const { bytes } = drafted(orderOf(ADA, {}, { ...soon, from }), ledger.context(from));
    const payload = rail.sign(bytes, key) as unknown as Payload;
    expect(verify(payload, ADA, 2_000_000n)).toMatchObject({ valid: true, payer: from });
    expect(submit(payload.transaction)).toEqual(taken);
  });
});

describe("nothing near it is taken", () => {
  const made = (): Draft => {
    ledger.fund(OWN, 10_000_000n, { [USDM.address]: 5_000_000n });
    return pay(orderOf(USDM, { amount: 1_000_000n }, soon));
  };
  /** Takes from the fee what it gives to the change. */
  const cheaper =
    (by: bigint) =>
    ({ fee, outputs: [payment, change] }: Body) => ({
      fee: fee - by,
      outputs: [payment!, withLovelace(change!, by)],
    });

  it("with one bit of the signature flipped", () => {
    const { transaction } = payloadOf(made().bytes);
    const bytes = Buffer.from(transaction, "base64");
    for (let bit = 0; bit < 8 * 64; bit += 5) {
      const flipped = Buffer.from(bytes);
      flipped[bytes.length - 66 + (bit >> 3)]! ^= 1 << (bit & 7);
      expect(ledger.submit(flipped)).toEqual(refused);
    }
    expect(ledger.submit(bytes)).toEqual(taken);
  });

  it("with one bit of the body flipped", () => {
    const { bytes } = made();
    const transaction = Buffer.from(payloadOf(bytes).transaction, "base64");
    for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
      const flipped = Buffer.from(transaction);
      flipped[1 + (bit >> 3)]! ^= 1 << (bit & 7);
      expect(ledger.submit(flipped)).toEqual(refused);
    }
    expect(ledger.submit(transaction)).toEqual(taken);
  });

  // The ledger leaves one byte of the transaction out of the size that its fee is for; the facts of x402 do not.
  it("for less than the fee", () => {
    const { bytes } = made();
    const payload = (by: bigint) => ({ ...payloadOf(bytes), transaction: changed(bytes, cheaper(by)) });
    expect(verify(payload(1n), USDM, 1_000_000n)).toEqual({ valid: false, reason: "fee_too_low" });
    expect(submit(payload(45n).transaction)).toEqual(refused);
    expect(submit(payload(44n).transaction)).toEqual(taken);
  });

  it("with a lovelace too little for an output", () => {
    const { bytes } = made();
    const transaction = changed(bytes, ({ outputs: [payment, change] }) => ({
      outputs: [withLovelace(payment!, -1n), withLovelace(change!, 1n)],
    }));
    expect(submit(transaction)).toEqual(refused);
    const payload = { ...payloadOf(bytes), transaction };
    expect(verify(payload, USDM, 1_000_000n)).toEqual({ valid: false, reason: "too_little_ada" });
  });

  it("with more or less than the inputs hold", () => {
    const { bytes } = made();
    for (const more of [1n, -1n, 1_000_000n, -1_000_000n]) {
      const transaction = changed(bytes, ({ outputs: [payment, change] }) => ({
        outputs: [payment!, withLovelace(change!, more)],
      }));
      expect(submit(transaction)).toEqual(refused);
    }
    const tokens = changed(bytes, ({ outputs: [payment, change] }) => ({
      outputs: [payment!, { ...change!, value: { ...change!.value, tokens: new Map() } }],
    }));
    expect(submit(tokens)).toEqual(refused);
  });

  it("by another key", () => {
    const { bytes } = made();
    const { transaction } = rail.sign(bytes, holderOf(new Uint8Array(32).fill(6))) as unknown as Payload;
    expect(submit(transaction)).toEqual(refused);
    expect(verify({ ...payloadOf(bytes), transaction }, USDM, 1_000_000n)).toMatchObject({
      reason: "not_signed",
    });
  });

  it("from the slot of its TTL on, and not a second before", () => {
    const { bytes } = made();
    const { transaction } = payloadOf(bytes);
    ledger.advance(60);
    expect(verify(payloadOf(bytes), USDM, 1_000_000n)).toEqual({ valid: false, reason: "wrong_ttl" });
    expect(submit(transaction)).toEqual(refused);
    ledger.advance(-1);
    expect(submit(transaction)).toEqual(taken);
  });

  it("a second time", () => {
    const { transaction } = payloadOf(made().bytes);
    expect(submit(transaction)).toEqual(taken);
    expect(submit(transaction)).toEqual(refused);
  });

  it("for another amount, payee, asset or network", () => {
    const payload = payloadOf(made().bytes);
    const reason = (change: object) =>
      verifyPayment(ledger, payload, { ...termsOf(USDM, 1_000_000n), ...change });
    expect(reason({ amount: "1000001" })).toEqual({ valid: false, reason: "wrong_amount" });
    expect(reason({ asset: OTHER_TOKEN })).toEqual({ valid: false, reason: "wrong_amount" });
    expect(reason({ payTo: `${PAYEE}x` })).toEqual({ valid: false, reason: "wrong_recipient" });
    expect(reason({ network: "cardano:mainnet" })).toEqual({ valid: false, reason: "wrong_network" });
    expect(reason({ maxTimeoutSeconds: 59 })).toEqual({ valid: false, reason: "wrong_ttl" });
    expect(reason({})).toMatchObject({ valid: true });
  });
});

describe("one of two drafts of an intent", () => {
  it("is taken, whichever comes first: both spend the nonce input", () => {
    for (let n = 0; n < 5; n++) ledger.fund(OWN, 3_000_000n);
    const order = orderOf(ADA, { amount: 2_000_000n }, soon);
    const first = pay(order);
    ledger.fund(OWN, 50_000_000n);
    const second = pay({ ...order, validBefore: NOW + 120, before: first.bytes });
    expect(payloadOf(second.bytes).nonce).toBe(payloadOf(first.bytes).nonce);
    expect(submit(payloadOf(second.bytes).transaction)).toEqual(taken);
    expect(submit(payloadOf(first.bytes).transaction)).toEqual(refused);
    expect(ledger.balance(PAYEE).lovelace).toBe(2_000_000n);
  });
});

it("a facilitator settles once, and the same payload again while it is pending", async () => {
  ledger.fund(OWN, 10_000_000n);
  const facilitator = startCardanoFacilitator(ledger, { pending: 1 });
  const { bytes } = pay(orderOf(ADA, {}, soon));
  const accepted = { ...termsOf(ADA, 2_000_000n), scheme: "exact", extra: {} } as never;
  const payment = { x402Version: 2, accepted, payload: { ...payloadOf(bytes) } };
  expect(await facilitator.verify(payment, accepted)).toMatchObject({ isValid: true, payer: OWN });
  expect(await facilitator.settle(payment, accepted)).toMatchObject({ errorReason: "settlement_pending" });
  expect(await facilitator.settle(payment, accepted)).toMatchObject({ success: true, payer: OWN });
  expect(facilitator.settled).toHaveLength(1);
  expect(ledger.balance(PAYEE).lovelace).toBe(2_000_000n);
});

function tokenOf(n: number): string {
  return `${(n % 7).toString(16).padStart(56, "c")}.${n.toString(16).padStart(40, "0")}`;
}
