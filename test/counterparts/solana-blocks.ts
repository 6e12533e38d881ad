// The blocks of a Solana cluster, which LiteSVM does not have: slots (some without a block), heights, hashes, times, and
// which transactions are in which. Nothing happens by itself: a test makes blocks.
import { createHash } from "node:crypto";
import { base58 } from "@scure/base";

export interface Executed {
  readonly signature: string;
  /** The transaction's bytes in base64. */
  readonly wire: string;
  /** Every account that it names, in base58. */
  readonly accounts: readonly string[];
  /** As the RPC writes it; null for success. */
  readonly err: unknown;
  readonly logs: readonly string[];
}

export interface Block {
  readonly slot: number;
  readonly height: number;
  readonly hash: string;
  /** Unix seconds. */
  readonly time: number;
  readonly transactions: readonly Executed[];
}

export type Commitment = "processed" | "confirmed" | "finalized";

/** How many blocks a blockhash lives; how many must follow a block before it is final. Figures of the real clusters. */
export const BLOCKHASH_LIFE = 150;
export const FINAL_AFTER = 32;
const SECONDS_PER_BLOCK = 0.4;
const FIRST_SLOT = 1000;
const FIRST_HEIGHT = 700;
/** Every eighth slot is without a block. */
const nextSlot = (slot: number): number => ((slot + 1) % 8 === 0 ? slot + 2 : slot + 1);

export class Blocks {
  readonly #name: string;
  readonly #blocks: Block[] = [];
  /** Milliseconds, so that tenths of seconds add up. */
  #now: number;

  /** `now` in unix seconds: the time of the newest block. There are enough older ones for some to be final. */
  constructor(name: string, now: number) {
    const older = 2 * FINAL_AFTER;
    this.#name = name;
    this.#now = Math.round((now - older * SECONDS_PER_BLOCK) * 1000);
    this.advance({ blocks: older });
  }

  /** Without `seconds`, as long as that takes on a real cluster. */
  advance({ blocks = 1, seconds = blocks * SECONDS_PER_BLOCK }: { blocks?: number; seconds?: number }): void {
    for (let i = 0; i < blocks; i++) this.#add([], seconds / blocks);
  }

  add(transaction: Executed): Block {
    return this.#add([transaction], SECONDS_PER_BLOCK);
  }

  #add(transactions: readonly Executed[], seconds: number): Block {
    this.#now += Math.round(seconds * 1000);
    const last = this.#blocks.at(-1);
    const slot = last ? nextSlot(last.slot) : FIRST_SLOT;
    const height = last ? last.height + 1 : FIRST_HEIGHT;
    const hash = base58.encode(createHash("sha256").update(`${this.#name}/${slot}`).digest());
    const block = { slot, height, hash, time: Math.floor(this.#now / 1000), transactions };
    this.#blocks.push(block);
    return block;
  }

  /** The newest block of a commitment. */
  tip(commitment: Commitment = "confirmed"): Block {
    return this.#blocks.at(commitment === "finalized" ? -1 - FINAL_AFTER : -1)!;
  }

  at(slot: number): Block | undefined {
    return this.#blocks.find((block) => block.slot === slot);
  }

  /** Oldest first, both ends included. */
  between(first: number, last: number): readonly Block[] {
    return this.#blocks.filter(({ slot }) => slot >= first && slot <= last);
  }

  withSignature(signature: string): { block: Block; transaction: Executed } | undefined {
    for (const block of this.#blocks) {
      const transaction = block.transactions.find((each) => each.signature === signature);
      if (transaction) return { block, transaction };
    }
    return undefined;
  }

  /** Newest first. */
  ofAccount(account: string): readonly { block: Block; transaction: Executed }[] {
    const found = this.#blocks.flatMap((block) =>
      block.transactions
        .filter(({ accounts }) => accounts.includes(account))
        .map((transaction) => ({ block, transaction })),
    );
    return found.reverse();
  }

  isFinal({ slot }: Block): boolean {
    return slot <= this.tip("finalized").slot;
  }

  /** May a transaction with this blockhash be executed in the next block? */
  isLive(hash: string): boolean {
    const block = this.#blocks.find((each) => each.hash === hash);
    return block !== undefined && block.height + BLOCKHASH_LIFE >= this.tip().height;
  }
}
