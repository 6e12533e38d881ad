// Ogmios (version 6), by JSON-RPC over HTTP: a node's own ledger, without history. It knows what is unspent now, and
// nothing of what once was: of anything else it says nothing.
//
// Nor does it show older blocks. What is final is told by time: within 3k/f slots a chain grows by k blocks at least
// (Ouroboros Praos, "chain growth"; the ledger's stability window), so blocks that are that much older than the tip are.
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

/** 3k/f with f = 1/20: a day and a half of slots. */
const STABILITY_WINDOW = 3 * DEPTH * 20;

const MOST_TRIES = 5;

const count = z.int().min(0);
const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const genesisSchema = z.object({ networkMagic: count });
const tipSchema = z.object({ slot: count, id: hex32 });
const outputsSchema = z.array(z.object({ transaction: z.object({ id: hex32 }), index: count })).max(1);

export class Ogmios implements CardanoApi {
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  async magic(): Promise<number> {
    const genesis = await this.#ask(genesisSchema, "queryNetwork/genesisConfiguration", { era: "shelley" });
    return genesis.networkMagic;
  }

  async final(): Promise<Final> {
    const { slot, number, hash } = await this.#tip();
    return { block: { number, hash, slot }, slot: Math.max(slot - STABILITY_WINDOW, 0) };
  }

  async spending({ input }: TraceOf<"cardano">): Promise<Spending | undefined> {
    const [id = "", index] = input.split("#");
    const params = { outputReferences: [{ transaction: { id }, index: Number(index) }] };
    const [output] = await this.#ask(outputsSchema, "queryLedgerState/utxo", params);
    return output && `${output.transaction.id}#${output.index}` === input ? {} : undefined;
  }

  /** Height and hash are two answers: of the same block when the height is still the same afterwards. */
  async #tip(): Promise<CardanoBlock> {
    for (let n = 0; n < MOST_TRIES; n++) {
      const number = await this.#height();
      const { slot, id } = await this.#ask(tipSchema, "queryNetwork/tip", {});
      if ((await this.#height()) === number) return { number, hash: id, slot };
    }
    throw new EndpointFailed("has another tip each time it is asked");
  }

  #height(): Promise<number> {
    return this.#ask(count, "queryNetwork/blockHeight", {});
  }

  async #ask<T extends z.ZodType>(schema: T, method: string, params: object): Promise<z.output<T>> {
    return parsed(schema, await this.#endpoint.call(method, params), method);
  }
}
