// Thousands of random payments and wallets, read by two libraries of other houses: CSL, and the one in lucid. They must
// agree with us on every field. And lucid's own builder, for the simple ones: the same fee, the same min-ADA.
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import fc from "fast-check";
import { C, Lucid, type Network, PROTOCOL_PARAMETERS_DEFAULT } from "lucid-cardano";
import { describe, expect, it } from "vitest";
import type { Draft, Order } from "../../chains/rail.ts";
import { type Outflow, PINNED_ASSETS, type PinnedAsset, feeAsset } from "../../protocol/assets.ts";
import { cardanoAddressOn, cardanoNetworkId, cardanoText } from "../../protocol/cardano-address.ts";
import type { WireCardanoContext } from "../../protocol/context.ts";
import { type Holding, each, readValue } from "../counterparts/cardano-ledger.ts";
import { KEY, OWN, contextOf, draft, drafted, nameOf, orderOf, rail, utxo } from "./cardano-orders.ts";

const CARDANO = PINNED_ASSETS.filter(({ network }) => network.startsWith("cardano:"));
const PARAMETERS = contextOf().parameters;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const hexOf = (min: number, max = min) =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((bytes) => hex(bytes));
const unit = fc
  .tuple(fc.integer({ min: 0, max: 5 }), hexOf(0, 32))
  .map(([n, name]) => `${hex(Buffer.alloc(28, n))}.${name}`);
const amount = fc.oneof(
  fc.bigInt({ min: 1n, max: 30_000_000n }),
  fc.integer({ min: 0, max: 62 }).map((bits) => 1n << BigInt(bits)),
);
const bundle = fc.array(fc.tuple(unit, amount), { maxLength: 8 });
const held = (asset: PinnedAsset) =>
  fc
    .tuple(
      hexOf(32),
      fc.integer({ min: 0, max: 65_535 }),
      fc.bigInt({ min: 800_000n, max: 1n << 36n }),
      bundle,
      fc.option(amount),
    )
    .map(([transaction, index, lovelace, tokens, paid]) => ({
      ...{ transaction, index, lovelace: lovelace.toString() },
      tokens: Object.fromEntries(
        [
          ...tokens,
          ...(paid === null || asset.address === "lovelace" ? [] : [[asset.address, paid] as const]),
        ].map(([name, count]) => [name, count.toString()]),
      ),
    }));
const payee = (asset: PinnedAsset) => {
  const network = cardanoNetworkId(asset.network)!;
  return fc.oneof(
    hexOf(28).map((hash) => cardanoText(Buffer.from(`6${network}${hash}`, "hex"))),
    hexOf(56).map((hashes) => cardanoText(Buffer.from(`0${network}${hashes}`, "hex"))),
  );
};
const payment = fc.constantFrom(...CARDANO).chain((asset) =>
  fc.record({
    asset: fc.constant(asset),
    payTo: payee(asset),
    amount,
    validBefore: fc.integer({ min: 1_700_000_000, max: 2_100_000_000 }),
    utxos: fc.uniqueArray(held(asset), { minLength: 1, maxLength: 12, selector: nameOf }),
  }),
);
type Payment = typeof payment extends fc.Arbitrary<infer T> ? T : never;

const fromOn = (asset: PinnedAsset): string => cardanoAddressOn(asset.network, OWN)!;
const order = ({ asset, payTo, amount, validBefore }: Payment): Order =>
  orderOf(asset, { payTo, amount }, { from: fromOn(asset), validBefore });
const context = ({ utxos }: Payment): WireCardanoContext => contextOf(...utxos);

/** A body as one library reads it. */
interface Reading {
  readonly hash: string;
  readonly inputs: string[];
  readonly outputs: (Holding & { address: string })[];
  readonly fee: bigint;
  readonly ttl: number;
  /** Fields that no payment has. */
  readonly others: unknown[];
  readonly witness: { key: string; signature: string }[];
}

function byCsl(transaction: Uint8Array): Reading {
  const fixed = CSL.FixedTransaction.from_bytes(transaction);
  const body = fixed.body();
  const keys = each(fixed.witness_set().vkeys()!);
  return {
    hash: fixed.transaction_hash().to_hex(),
    inputs: each(body.inputs()).map((one) => `${one.transaction_id().to_hex()}#${one.index()}`),
    outputs: each(body.outputs()).map((one) => ({
      address: one.address().to_bech32(),
      ...readValue(one.amount()),
    })),
    fee: BigInt(body.fee().to_str()),
    ttl: Number(body.ttl_bignum()!.to_str()),
    others: [
      ...[body.certs(), body.withdrawals(), body.mint(), body.update(), body.auxiliary_data_hash()],
      ...[body.script_data_hash(), body.collateral(), body.required_signers(), body.reference_inputs()],
      ...[body.voting_procedures(), body.voting_proposals(), body.donation(), body.collateral_return()],
      ...[body.validity_start_interval_bignum(), body.network_id(), fixed.auxiliary_data()],
    ],
    witness: keys.map((one) => ({
      key: hex(one.vkey().public_key().as_bytes()),
      signature: one.signature().to_hex(),
    })),
  };
}

function byLucid(transaction: Uint8Array): Reading {
  const read = C.Transaction.from_bytes(transaction);
  const body = read.body();
  const keys = read.witness_set().vkeys();
  return {
    hash: C.hash_transaction(body).to_hex(),
    inputs: each(body.inputs()).map((one) => `${one.transaction_id().to_hex()}#${one.index().to_str()}`),
    outputs: each(body.outputs()).map((one) => ({
      address: one.address().to_bech32(undefined),
      ...readValue(one.amount() as never),
    })),
    fee: BigInt(body.fee().to_str()),
    ttl: Number(body.ttl()!.to_str()),
    others: [
      ...[body.certs(), body.withdrawals(), body.mint(), body.update(), body.auxiliary_data_hash()],
      ...[body.script_data_hash(), body.collateral(), body.required_signers(), body.reference_inputs()],
      ...[body.validity_start_interval(), body.network_id(), body.collateral_return(), read.auxiliary_data()],
    ],
    witness: (keys ? each(keys) : []).map((one) => ({
      key: hex(one.vkey().public_key().as_bytes()),
      signature: one.signature().to_hex(),
    })),
  };
}

const bytesOf = (bytes: Uint8Array): Buffer =>
  Buffer.from((rail.sign(bytes, KEY) as unknown as { transaction: string }).transaction, "base64");

/** By the reading of another library alone: what is not ours, and the fee. */
function outflowBy({ outputs, fee }: Reading, { asset, amount: asked }: Payment): Outflow {
  const ada = feeAsset(asset.network)!;
  const [paid, ...more] = outputs.filter(({ address }) => address !== fromOn(asset));
  expect(more).toEqual([]);
  const part = (of: PinnedAsset, value: bigint, why: Outflow[number]["why"]) =>
    value === 0n ? [] : [{ asset: of, amount: value, why }];
  const isAda = asset.address === "lovelace";
  const token = isAda ? asked : (paid!.tokens[asset.address] ?? 0n);
  expect(Object.keys(paid!.tokens)).toEqual(isAda ? [] : [asset.address]);
  return [
    ...part(asset, token, "payment"),
    ...part(ada, paid!.lovelace - (isAda ? asked : 0n), "minAda"),
    ...part(ada, fee, "fee"),
  ];
}

const totalOf = (holdings: readonly Holding[]): Record<string, bigint> => {
  const total: Record<string, bigint> = { lovelace: 0n };
  for (const { lovelace, tokens } of holdings) {
    total["lovelace"]! += lovelace;
    for (const [name, count] of Object.entries(tokens)) total[name] = (total[name] ?? 0n) + count;
  }
  return total;
};

const spentBy = ({ inputs }: Reading, { utxos }: Payment): Holding[] =>
  utxos
    .filter((one) => inputs.includes(nameOf(one)))
    .map(({ lovelace, tokens }) => ({
      lovelace: BigInt(lovelace),
      tokens: Object.fromEntries(Object.entries(tokens).map(([name, count]) => [name, BigInt(count)])),
    }));

describe("two other libraries", () => {
  it("read in every payment what was ordered, and nothing else", { timeout: 120_000 }, () => {
    const tally = { made: 0, change: 0, short: 0 };
    fc.assert(
      fc.property(payment, (one) => {
        const made = draft(order(one), context(one));
        if ("refused" in made) {
          expect(["FUNDS_INSUFFICIENT", "AMOUNT_TOO_LARGE"]).toContain(made.refused);
          tally.short++;
          return;
        }
        const reading = check(one, made);
        tally.made++;
        if (reading.outputs.length > 1) tally.change++;
      }),
      { numRuns: 2500 },
    );
    expect(tally.made).toBeGreaterThan(1000);
    expect(tally.change).toBeGreaterThan(1000);
    expect(tally.short).toBeGreaterThan(100);
  });

  function check(one: Payment, { bytes, outflow, expires }: Draft): Reading {
    const transaction = bytesOf(bytes);
    const reading = byCsl(transaction);
    expect(byLucid(transaction)).toEqual({ ...reading, others: byLucid(transaction).others });
    expect([...reading.others, ...byLucid(transaction).others].every((field) => field === undefined)).toBe(
      true,
    );
    expect(reading.inputs).toEqual(rail.locks(bytes));
    expect(reading.outputs[0]!.address).toBe(one.payTo);
    expect(outflow).toEqual(outflowBy(reading, one));
    expect(expires).toBe(one.validBefore);
    const fee = { lovelace: reading.fee, tokens: {} };
    expect(totalOf([...reading.outputs, fee])).toEqual(totalOf(spentBy(reading, one)));
    expect(Number(reading.fee)).toBeGreaterThanOrEqual(44 * transaction.length + 155_381);
    // A number that is shorter by the difference can make the transaction a few bytes smaller, never more.
    expect(Number(reading.fee)).toBeLessThanOrEqual(44 * (transaction.length + 8) + 155_381);
    for (const output of each(CSL.FixedTransaction.from_bytes(transaction).body().outputs())) {
      const least = (160 + output.to_bytes().length) * PARAMETERS.coinsPerUtxoByte;
      expect(BigInt(output.amount().coin().to_str())).toBeGreaterThanOrEqual(BigInt(least));
      expect(output.amount().to_bytes().length).toBeLessThanOrEqual(PARAMETERS.maxValueSize);
    }
    expect(draft(order(one), { ...context(one), utxos: one.utxos.toReversed() })).toEqual({
      bytes,
      outflow,
      expires,
    });
    return reading;
  }

  it("read no more in changed bytes than we do", { timeout: 120_000 }, () => {
    const { bytes } = drafted(
      orderOf(CARDANO.at(-2)!),
      contextOf(utxo(1, 30, { [CARDANO.at(-2)!.address]: 9_000_000n })),
    );
    const asset = CARDANO.at(-2)!;
    let read = 0;
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const outflow = rail.decode(changed, asset, OWN);
      if ("refused" in outflow) continue;
      read++;
      const reading = byCsl(bytesOf(changed));
      expect(byLucid(bytesOf(changed))).toEqual({ ...reading, others: byLucid(bytesOf(changed)).others });
      const [paid, ...change] = reading.outputs;
      expect(change.every(({ address }) => address === OWN)).toBe(true);
      expect(outflow.map((part) => part.amount)).toEqual([
        paid!.tokens[asset.address],
        paid!.lovelace,
        reading.fee,
      ]);
    }
    expect(read).toBeGreaterThan(100);
  });
});

describe("lucid's builder", () => {
  const NETWORKS: Readonly<Record<string, Network>> = {
    "cardano:mainnet": "Mainnet",
    "cardano:preprod": "Preprod",
    "cardano:preview": "Preview",
  };
  const unitOf = (asset: PinnedAsset): string => asset.address.replace(".", "");

  async function byBuilder(one: Payment) {
    const from = fromOn(one.asset);
    const utxos = one.utxos.map(({ transaction, index, lovelace, tokens }) => ({
      ...{ txHash: transaction, outputIndex: index, address: from },
      assets: {
        lovelace: BigInt(lovelace),
        ...Object.fromEntries(
          Object.entries(tokens).map(([name, count]) => [name.replace(".", ""), BigInt(count)]),
        ),
      },
    }));
    const provider = {
      getProtocolParameters: () => Promise.resolve(PROTOCOL_PARAMETERS_DEFAULT),
      getUtxos: () => Promise.resolve(utxos),
    };
    const lucid = await Lucid.new(provider as never, NETWORKS[one.asset.network]);
    lucid.selectWalletFrom({ address: from, utxos });
    const built = await lucid
      .newTx()
      .payToAddress(one.payTo, { [unitOf(one.asset)]: one.amount })
      .validTo(one.validBefore * 1000)
      .complete();
    return byLucid(Buffer.from(built.toString(), "hex"));
  }

  // It takes a few bytes more for the numbers that it does not know yet, and keeps tokens apart from ADA in the change.
  it(
    "pays the same to the same until the same slot, and takes no smaller fee",
    { timeout: 60_000 },
    async () => {
      const simple = fc.constantFrom(...CARDANO).chain((asset) =>
        fc.record({
          asset: fc.constant(asset),
          payTo: payee(asset),
          amount: fc.bigInt({ min: 1n, max: 40_000_000n }),
          validBefore: fc.integer({ min: 1_700_000_000, max: 2_100_000_000 }),
          utxos: fc
            .tuple(hexOf(32))
            .map(([transaction]) => [{ ...utxo(1, 100), transaction, tokens: holdingOf(asset) }]),
        }),
      );
      await fc.assert(
        fc.asyncProperty(simple, async (one) => {
          const own = byCsl(bytesOf(drafted(order(one), context(one)).bytes));
          const builder = await byBuilder(one);
          expect(builder.outputs[0]).toEqual(own.outputs[0]);
          expect([builder.inputs, builder.ttl]).toEqual([own.inputs, own.ttl]);
          const change = builder.outputs.length > own.outputs.length ? 44 * 80 : 0;
          expect(Number(builder.fee - own.fee)).toBeGreaterThanOrEqual(0);
          expect(Number(builder.fee - own.fee)).toBeLessThanOrEqual(44 * 8 + change);
        }),
        { numRuns: 150 },
      );
    },
  );

  const holdingOf = (asset: PinnedAsset): Record<string, string> =>
    asset.address === "lovelace" ? {} : { [asset.address]: "90000000" };
});
