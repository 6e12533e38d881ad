// Koios's API (version 1). It says whether an output is spent, and not by whom: then the transactions of its address are
// looked through.
import { z } from "zod";
import type { TraceOf } from "../../protocol/finding.ts";
import {
  type CardanoApi,
  type CardanoBlock,
  DEPTH,
  type Final,
  type Spending,
} from "./reconcile-cardano-api.ts";
import { type Endpoint, EndpointFailed, parsed } from "./reconcile-endpoint.ts";

/** Transactions that are asked for at once, and pages of an address's transactions that are read. */
const AT_ONCE = 25;
const PAGE = 500;
const MOST_PAGES = 20;

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const decimal = z
  .string()
  .regex(/^[0-9]{1,12}$/)
  .transform(Number);
const genesisSchema = z.tuple([z.object({ networkmagic: decimal })]);
const blockSchema = z.tuple([z.object({ hash: hex32, abs_slot: count, block_height: count })]);
const outputsSchema = z
  .array(
    z.object({
      tx_hash: hex32,
      tx_index: count,
      address: z.string(),
      block_height: count,
      is_spent: z.boolean(),
    }),
  )
  .max(1);
const statusSchema = z.tuple([z.object({ tx_hash: hex32, num_confirmations: count.nullable() })]);
const transactionsSchema = z.array(z.object({ tx_hash: hex32 })).max(PAGE);
const inputsSchema = z.array(
  z.object({ tx_hash: hex32, inputs: z.array(z.object({ tx_hash: hex32, tx_index: count })) }),
);

type Output = z.infer<typeof outputsSchema>[number];

export class Koios implements CardanoApi {
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  async magic(): Promise<number> {
    const [{ networkmagic }] = await this.#read(genesisSchema, "/genesis");
    return networkmagic;
  }

  async final(): Promise<Final> {
    const tip = await this.#block("order=block_height.desc.nullslast");
    const block = await this.#block(`block_height=eq.${Math.max(tip.number - DEPTH, 0)}`);
    return { block, slot: block.slot };
  }

  async spending({ transaction, input }: TraceOf<"cardano">): Promise<Spending | undefined> {
    const refs = { _utxo_refs: [input], _extended: false };
    const [output] = await this.#read(outputsSchema, "/utxo_info", "", refs);
    const isOnChain = await this.#isOnChain(transaction);
    if (isOnChain && output?.is_spent === true && (await this.#spends([transaction], input)))
      return { spentBy: transaction };
    if (output?.is_spent === true) return await this.#spender(output, input);
    // What was never made was never spent.
    if (!output && (await this.#isOnChain(input.slice(0, input.indexOf("#"))))) return undefined;
    if (isOnChain)
      throw new EndpointFailed("contradicts itself: it has the transaction, and calls its input unspent");
    return {};
  }

  async #spender({ address, block_height }: Output, input: string): Promise<Spending | undefined> {
    const body = { _addresses: [address], _after_block_height: Math.max(block_height - 1, 0) };
    for (let page = 0; page < MOST_PAGES; page++) {
      const query = `?order=block_height.asc&limit=${PAGE}&offset=${page * PAGE}`;
      const listed = await this.#read(transactionsSchema, "/address_txs", query, body);
      for (let at = 0; at < listed.length; at += AT_ONCE) {
        const some = listed.slice(at, at + AT_ONCE).map(({ tx_hash }) => tx_hash);
        const spentBy = await this.#spends(some, input);
        if (spentBy) return { spentBy };
      }
      if (listed.length === 0) return undefined;
    }
    return undefined;
  }

  /** The one of these transactions that spends the output. */
  async #spends(transactions: readonly string[], input: string): Promise<string | undefined> {
    const body = { _tx_hashes: transactions, _inputs: true };
    const found = await this.#read(inputsSchema, "/tx_info", "", body);
    return found.find(({ inputs }) => inputs.some((one) => `${one.tx_hash}#${one.tx_index}` === input))
      ?.tx_hash;
  }

  async #isOnChain(transaction: string): Promise<boolean> {
    const [status] = await this.#read(statusSchema, "/tx_status", "", { _tx_hashes: [transaction] });
    return status.num_confirmations !== null;
  }

  async #block(query: string): Promise<CardanoBlock> {
    const which = `?select=hash,abs_slot,block_height&limit=1&${query}`;
    const [{ block_height, hash, abs_slot }] = await this.#read(blockSchema, "/blocks", which);
    return { number: block_height, hash, slot: abs_slot };
  }

  async #read<T extends z.ZodType>(schema: T, path: string, query = "", body?: object): Promise<z.output<T>> {
    return parsed(schema, await this.#endpoint.read(path, path + query, body), path);
  }
}
