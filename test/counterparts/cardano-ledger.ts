// A Cardano ledger on this machine: the ledger rules of scalus over outputs that a test hands out, and a record of every
// transaction, as indexers keep it. Time is the wall clock's, and can be put forward.
//
// A block is made every 20 slots, the pace of the real networks on average. Protocol parameters are those of mainnet in
// 2026, which scalus has built in.
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import { hash } from "node:crypto";
import scalus, { type Emulator as Rules } from "scalus";

const { Emulator, SlotConfig } = scalus;
const SLOTS_PER_BLOCK = 20;

export type CardanoNetwork = "cardano:mainnet" | "cardano:preprod" | "cardano:preview";
const NETWORKS = {
  "cardano:mainnet": { slots: SlotConfig.mainnet, magic: 764_824_073 },
  "cardano:preprod": { slots: SlotConfig.preprod, magic: 1 },
  "cardano:preview": { slots: SlotConfig.preview, magic: 2 },
};

/** As protocol/context.ts names them. */
export const PARAMETERS = {
  minFeeA: 44,
  minFeeB: 155_381,
  coinsPerUtxoByte: 4_310,
  maxTxSize: 16_384,
  maxValueSize: 5_000,
};

export interface Holding {
  readonly lovelace: bigint;
  /** By "policy.name" in hex. */
  readonly tokens: Readonly<Record<string, bigint>>;
}

export interface Utxo extends Holding {
  readonly transaction: string;
  readonly index: number;
  readonly address: string;
  /** Such an output is no key's alone to spend. */
  readonly datumHash?: string;
}

export interface Recorded {
  readonly hash: string;
  readonly slot: number;
  readonly fee: bigint;
  readonly inputs: readonly string[];
  readonly outputs: readonly Utxo[];
}

export interface Block {
  readonly height: number;
  readonly hash: string;
  readonly slot: number;
  /** Unix seconds. */
  readonly time: number;
}

export type Submitted = { readonly transaction: string } | { readonly refused: string };

export const nameOf = ({ transaction, index }: Pick<Utxo, "transaction" | "index">): string =>
  `${transaction}#${index}`;

export class CardanoLedger {
  readonly network: CardanoNetwork;
  readonly magic: number;
  readonly parameters = PARAMETERS;
  readonly #clock: () => number;
  #ahead = 0;
  #funded = 0;
  #rules: Rules;
  readonly #transactions = new Map<string, Recorded>();
  readonly #spentBy = new Map<string, string>();

  /** `clock` gives unix seconds. */
  constructor(network: CardanoNetwork = "cardano:preprod", clock = () => Math.floor(Date.now() / 1000)) {
    this.network = network;
    this.magic = NETWORKS[network].magic;
    this.#clock = clock;
    this.#rules = new Emulator(Uint8Array.of(0xa0), NETWORKS[network].slots);
  }

  /** Unix seconds, now. */
  get time(): number {
    return this.#clock() + this.#ahead;
  }

  get slot(): number {
    return NETWORKS[this.network].slots.timeToSlot(this.time * 1000);
  }

  /** Lets so many seconds pass. A day is more than it takes for a block to be final. */
  advance(seconds: number): void {
    this.#ahead += seconds;
  }

  /** The newest block, or the one at a height. */
  block(height = Math.floor(this.slot / SLOTS_PER_BLOCK)): Block {
    const slot = height * SLOTS_PER_BLOCK;
    const time = NETWORKS[this.network].slots.slotToTime(slot) / 1000;
    return { height, slot, time, hash: hash("sha256", `${this.network}/${height}`) };
  }

  blockOf({ slot }: Recorded): Block {
    return this.block(Math.floor(slot / SLOTS_PER_BLOCK));
  }

  /** An output out of nothing, in a transaction of its own. */
  fund(address: string, lovelace: bigint, tokens: Holding["tokens"] = {}, datumHash?: string): Utxo {
    const transaction = hash("sha256", `${this.network}/fund/${this.#funded++}`);
    const output = { transaction, index: 0, address, lovelace, tokens, ...(datumHash && { datumHash }) };
    this.#rules = withOutput(this.#rules, output, NETWORKS[this.network].slots);
    this.#record({ hash: transaction, slot: this.slot, fee: 0n, inputs: [], outputs: [output] });
    return output;
  }

  /** By the ledger's rules. Bytes that are no transaction are refused too. */
  submit(bytes: Uint8Array): Submitted {
    this.#rules.setSlot(this.slot);
    try {
      const { isSuccess, error } = this.#rules.submitTx(bytes);
      if (!isSuccess) return { refused: error ?? "" };
    } catch (error) {
      return { refused: String(error) };
    }
    const recorded = readTransaction(bytes, this.slot);
    this.#record(recorded);
    return { transaction: recorded.hash };
  }

  transaction(hash: string): Recorded | undefined {
    return this.#transactions.get(hash);
  }

  transactions(): Recorded[] {
    return [...this.#transactions.values()];
  }

  output(name: string): Utxo | undefined {
    const [transaction = "", index] = name.split("#");
    return this.#transactions.get(transaction)?.outputs[Number(index)];
  }

  /** The transaction that spent an output. */
  spentBy(name: string): string | undefined {
    return this.#spentBy.get(name);
  }

  utxos(address: string): Utxo[] {
    const outputs = this.transactions().flatMap((transaction) => transaction.outputs);
    return outputs.filter((one) => one.address === address && !this.#spentBy.has(nameOf(one)));
  }

  balance(address: string): Holding {
    const tokens: Record<string, bigint> = {};
    let lovelace = 0n;
    for (const one of this.utxos(address)) {
      lovelace += one.lovelace;
      for (const [unit, amount] of Object.entries(one.tokens)) tokens[unit] = (tokens[unit] ?? 0n) + amount;
    }
    return { lovelace, tokens };
  }

  /** What a client hands to a signer for this address. */
  context(address: string) {
    const utxos = this.utxos(address).map(({ transaction, index, lovelace, tokens }) => ({
      ...{ transaction, index, lovelace: lovelace.toString() },
      tokens: Object.fromEntries(Object.entries(tokens).map(([unit, amount]) => [unit, amount.toString()])),
    }));
    return { utxos, parameters: this.parameters };
  }

  #record(transaction: Recorded): void {
    this.#transactions.set(transaction.hash, transaction);
    for (const input of transaction.inputs) this.#spentBy.set(input, transaction.hash);
  }
}

function readTransaction(bytes: Uint8Array, slot: number): Recorded {
  const fixed = CSL.FixedTransaction.from_bytes(bytes);
  const body = fixed.body();
  const hash = fixed.transaction_hash().to_hex();
  const inputs = each(body.inputs()).map((one) => `${one.transaction_id().to_hex()}#${one.index()}`);
  const outputs = each(body.outputs()).map((one, index) => ({
    ...{ transaction: hash, index, address: one.address().to_bech32() },
    ...readValue(one.amount()),
  }));
  return { hash, slot, fee: BigInt(body.fee().to_str()), inputs, outputs };
}

export const each = <T>(list: { len(): number; get(index: number): T }): T[] =>
  Array.from({ length: list.len() }, (_, index) => list.get(index));

export function readValue(value: CSL.Value): Holding {
  const tokens: Record<string, bigint> = {};
  const bundle = value.multiasset();
  for (const policy of bundle ? each(bundle.keys()) : []) {
    const assets = bundle!.get(policy)!;
    for (const name of each(assets.keys())) {
      const unit = `${policy.to_hex()}.${Buffer.from(name.name()).toString("hex")}`;
      tokens[unit] = BigInt(assets.get(name)!.to_str());
    }
  }
  return { lovelace: BigInt(value.coin().to_str()), tokens };
}

/** scalus takes outputs when it is made, and only then. */
function withOutput(rules: Rules, output: Utxo, slots: typeof SlotConfig.preprod): Rules {
  // Each entry is a map of one.
  const entries = [...rules.getAllUtxos().map((entry) => entry.subarray(1)), entryOf(output)];
  const length = Buffer.from([0xb9, entries.length >> 8, entries.length & 0xff]);
  return new Emulator(Buffer.concat([length, ...entries]), slots);
}

function entryOf({ transaction, index, address, datumHash, ...holding }: Utxo): Uint8Array {
  const output = CSL.TransactionOutput.new(CSL.Address.from_bech32(address), valueOf(holding));
  if (datumHash !== undefined) output.set_data_hash(CSL.DataHash.from_hex(datumHash));
  const input = CSL.TransactionInput.new(CSL.TransactionHash.from_hex(transaction), index);
  return Buffer.concat([input.to_bytes(), output.to_bytes()]);
}

export function valueOf({ lovelace, tokens }: Holding): CSL.Value {
  const value = CSL.Value.new(CSL.BigNum.from_str(lovelace.toString()));
  const bundle = CSL.MultiAsset.new();
  for (const [unit, amount] of Object.entries(tokens)) {
    const [policy = "", name = ""] = unit.split(".");
    const asset = CSL.AssetName.new(Buffer.from(name, "hex"));
    bundle.set_asset(CSL.ScriptHash.from_hex(policy), asset, CSL.BigNum.from_str(amount.toString()));
  }
  if (bundle.len() > 0) value.set_multiasset(bundle);
  return value;
}
