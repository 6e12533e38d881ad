// The final blocks of a Solana cluster, as one endpoint shows them, and which of them has a hash. No method looks a block up
// by its hash, so those about the time of the draft are asked one by one; time only says where to begin.
import { z } from "zod";
import { type Endpoint, EndpointFailed, parsed } from "./reconcile-endpoint.ts";

/** Slots are some 0.4 seconds long, and none was ever shorter than this. */
const SHORTEST_SLOT_SECONDS = 0.2;
/** In slots, about the time of the draft: nearest first, since most clients take the newest hash there is. */
const RANGES = [
  [-63, 0],
  [1, 64],
  [-600, -64],
  [65, 600],
] as const;
const AT_ONCE = 8;
const MOST_STEPS = 64;
const MOST_BLOCKS = 20_000;
const CLUSTER_DIGITS = 32;

export const FINALIZED = { commitment: "finalized" } as const;

export const slotSchema = z.int().min(0);
export const base58Schema = z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{32,88}$/);
const blockSchema = z.object({ blockhash: base58Schema, blockHeight: slotSchema, blockTime: slotSchema });

export interface SolanaBlock {
  readonly slot: number;
  /** Height. */
  readonly number: number;
  readonly hash: string;
  /** Unix seconds, as the cluster estimates it. */
  readonly time: number;
}

/** Every method throws EndpointFailed. */
export class SolanaBlocks {
  /** The newest final one. */
  readonly final: SolanaBlock;
  readonly #endpoint: Endpoint;
  readonly #blocks = new Map<number, Promise<SolanaBlock>>();
  readonly #byHash = new Map<string, SolanaBlock>();

  private constructor(endpoint: Endpoint, final: SolanaBlock) {
    this.#endpoint = endpoint;
    this.final = final;
  }

  static async at(endpoint: Endpoint): Promise<SolanaBlocks> {
    const genesis = parsed(base58Schema, await endpoint.call("getGenesisHash", []), "getGenesisHash");
    const network = `solana:${genesis.slice(0, CLUSTER_DIGITS)}`;
    if (network !== endpoint.network) throw new EndpointFailed(`serves ${network}`);
    const slot = parsed(slotSchema, await endpoint.call("getSlot", [FINALIZED]), "getSlot");
    return new SolanaBlocks(endpoint, await blockAt(endpoint, slot));
  }

  /** Of a slot that has a block. */
  at(slot: number): Promise<SolanaBlock> {
    const known = this.#blocks.get(slot);
    if (known) return known;
    if (this.#blocks.size === MOST_BLOCKS)
      throw new EndpointFailed("would have to be asked for too many blocks");
    const block = blockAt(this.#endpoint, slot).then((found) => {
      this.#byHash.set(found.hash, found);
      return found;
    });
    this.#blocks.set(slot, block);
    return block;
  }

  /** The first block from this slot on, if there is a final one. */
  async firstFrom(slot: number): Promise<SolanaBlock> {
    const [first] = await this.#slots("getBlocksWithLimit", [Math.max(slot, 0), 1, FINALIZED]);
    return first === undefined || first > this.final.slot ? this.final : await this.at(first);
  }

  /** `time` in unix seconds: when the hash was known. Undefined when no final block near it has this hash. */
  async withHash(hash: string, time: number): Promise<SolanaBlock | undefined> {
    const known = this.#byHash.get(hash);
    if (known) return known;
    const middle = await this.#slotAt(time);
    for (const [from, to] of RANGES) {
      const last = Math.min(middle + to, this.final.slot);
      const first = Math.max(middle + from, 0);
      const slots = first > last ? [] : await this.#slots("getBlocks", [first, last, FINALIZED]);
      for (let at = slots.length; at > 0; at -= AT_ONCE) {
        await Promise.all(slots.slice(Math.max(at - AT_ONCE, 0), at).map((slot) => this.at(slot)));
        const found = this.#byHash.get(hash);
        if (found) return found;
      }
    }
    return undefined;
  }

  /** About the first slot at this time or later. */
  async #slotAt(time: number): Promise<number> {
    const age = Math.max(this.final.time - time, 0);
    let high = this.final.slot;
    let low = Math.max(high - Math.ceil(age / SHORTEST_SLOT_SECONDS), 0);
    for (let step = 0; low < high && step < MOST_STEPS; step++) {
      const middle = (low + high) >> 1;
      const block = await this.firstFrom(middle);
      if (block.time >= time) high = middle;
      else low = Math.max(block.slot, middle) + 1;
    }
    return Math.min(low, this.final.slot);
  }

  async #slots(method: string, params: readonly unknown[]): Promise<number[]> {
    return parsed(z.array(slotSchema).max(1000), await this.#endpoint.call(method, params), method);
  }
}

async function blockAt(endpoint: Endpoint, slot: number): Promise<SolanaBlock> {
  const options = {
    ...FINALIZED,
    transactionDetails: "none",
    rewards: false,
    maxSupportedTransactionVersion: 0,
  };
  const answer = await endpoint.call("getBlock", [slot, options]);
  const { blockhash, blockHeight, blockTime } = parsed(blockSchema, answer, "getBlock");
  return { slot, number: blockHeight, hash: blockhash, time: blockTime };
}
