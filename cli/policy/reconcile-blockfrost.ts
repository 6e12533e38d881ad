// Blockfrost's API, as its own servers and others speak it (OpenAPI document of Blockfrost, 0.1).
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

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const genesisSchema = z.object({ network_magic: count });
const blockSchema = z.object({ height: count, hash: hex32, slot: count });
const outputsSchema = z.object({
  outputs: z.array(
    z.object({
      output_index: count,
      collateral: z.boolean().optional(),
      consumed_by_tx: hex32.nullable().optional(),
    }),
  ),
});

export class Blockfrost implements CardanoApi {
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  async magic(): Promise<number> {
    const answer = await this.#endpoint.read("/genesis", "/genesis");
    return parsed(genesisSchema, answer, "/genesis").network_magic;
  }

  async final(): Promise<Final> {
    const tip = await this.#block("latest");
    const block = await this.#block(String(Math.max(tip.number - DEPTH, 0)));
    return { block, slot: block.slot };
  }

  async spending({ transaction, input }: TraceOf<"cardano">): Promise<Spending | undefined> {
    const [parent, index] = input.split("#");
    const what = "/txs/{hash}/utxos";
    const answer = await this.#endpoint.read(what, `/txs/${parent}/utxos`);
    // What was never made was never spent.
    if (answer === undefined) return await this.#unspent(transaction);
    const { outputs } = parsed(outputsSchema, answer, what);
    const output = outputs.find((one) => String(one.output_index) === index && one.collateral !== true);
    if (output?.consumed_by_tx === undefined) return undefined;
    return output.consumed_by_tx === null
      ? await this.#unspent(transaction)
      : { spentBy: output.consumed_by_tx };
  }

  /** Not every server fills in who spent an output: what is on the chain itself has spent it all the same. */
  async #unspent(transaction: string): Promise<Spending> {
    const what = "/txs/{hash}";
    if ((await this.#endpoint.read(what, `/txs/${transaction}`)) !== undefined)
      throw new EndpointFailed("contradicts itself: it has the transaction, and calls its input unspent");
    return {};
  }

  async #block(which: string): Promise<CardanoBlock> {
    const what = `/blocks/${which === "latest" ? which : "{height}"}`;
    const { height, hash, slot } = parsed(
      blockSchema,
      await this.#endpoint.read(what, `/blocks/${which}`),
      what,
    );
    return { number: height, hash, slot };
  }
}
