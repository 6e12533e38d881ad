// What one endpoint says of messages that were signed for Solana, as of its newest final block. The transaction that a
// message became has a name that we cannot know, the fee payer's signature; so the transactions of the account that is
// paid from are looked through, from the block whose hash the message names until that is over for certain.
// chains/solana/proof.ts says what follows from it.
import { hash } from "node:crypto";
import { z } from "zod";
import { MARGIN } from "../../chains/solana/proof.ts";
import type { Look, SeenOf, TraceOf, Unresolved } from "../../protocol/finding.ts";
import { type Endpoint, EndpointFailed, parsed } from "./reconcile-endpoint.ts";
import {
  FINALIZED,
  type SolanaBlock,
  SolanaBlocks,
  base58Schema,
  slotSchema,
} from "./reconcile-solana-blocks.ts";

/** Slots that hold more than MARGIN blocks, unless two of three are skipped. */
const SLOTS_LATER = 3 * MARGIN;
const PAGE = 1000;
const MOST_PAGES = 100;
const MOST_TRANSACTIONS = 5000;
const SIGNATURE_BYTES = 64;

const TOO_MANY = "names more transactions of the account than can be read";

const entriesSchema = z.array(z.object({ signature: base58Schema, slot: slotSchema })).max(PAGE);
const transactionSchema = z.object({
  slot: slotSchema,
  transaction: z.tuple([z.base64(), z.literal("base64")]),
  meta: z.object({ err: z.unknown() }),
});

type Entry = z.infer<typeof entriesSchema>[number];

interface Executed {
  /** SHA-256 of the message. */
  readonly message: string;
  readonly found: "executed" | "failed";
}

/** The chain as one endpoint shows it. Every method throws EndpointFailed. */
export class SolanaChain {
  readonly #endpoint: Endpoint;
  readonly #blocks: SolanaBlocks;
  readonly #entries = new Map<string, { from: number; entries: readonly Entry[] }>();
  readonly #executed = new Map<string, Executed>();

  private constructor(endpoint: Endpoint, blocks: SolanaBlocks) {
    this.#endpoint = endpoint;
    this.#blocks = blocks;
  }

  static async at(endpoint: Endpoint): Promise<SolanaChain> {
    return new SolanaChain(endpoint, await SolanaBlocks.at(endpoint));
  }

  async look({ draftedAt, trace }: Unresolved): Promise<Look> {
    if (trace.kind !== "solana") throw new TypeError("not a trace of this chain");
    const { number, hash: blockHash, time } = this.#blocks.final;
    const start = await this.#blocks.withHash(trace.blockhash, Math.floor(Date.parse(draftedAt) / 1000));
    return {
      block: { number, hash: blockHash, time },
      finalized: true,
      seen: { kind: "solana", ...(start && (await this.#fateOf(trace, start))) },
    };
  }

  async #fateOf(trace: TraceOf<"solana">, start: SolanaBlock): Promise<Omit<SeenOf<"solana">, "kind">> {
    const since = start.number;
    for (const { signature, slot } of await this.#possible(trace.account, start)) {
      const { message, found } = await this.#transaction(signature, slot);
      if (message === trace.message) return { since, found, transaction: signature };
    }
    return { since };
  }

  /** Transactions that can have this blockhash: those behind its block, of which many may follow. */
  async #possible(account: string, start: SolanaBlock): Promise<readonly Entry[]> {
    const entries = (await this.#entriesFrom(account, start.slot)).filter(({ slot }) => slot >= start.slot);
    const end = await this.#blocks.firstFrom(start.slot + SLOTS_LATER);
    return end.number < start.number + MARGIN ? entries : entries.filter(({ slot }) => slot <= end.slot);
  }

  /** Transactions of an account from a slot on, oldest first, and perhaps older ones: all of them, or it throws. */
  async #entriesFrom(account: string, from: number): Promise<readonly Entry[]> {
    const known = this.#entries.get(account);
    if (known && known.from <= from) return known.entries;
    const entries: Entry[] = [];
    for (let n = 0; n < MOST_PAGES; n++) {
      const page = await this.#page(account, entries.at(-1));
      entries.push(...page);
      // Some answer with less than a page at once: only nothing is the end.
      if (page.length === 0) await this.#assertKept(from);
      if (page.length > 0 && (page.at(-1)?.slot ?? 0) >= from) continue;
      this.#entries.set(account, { from, entries: entries.reverse() });
      return entries;
    }
    throw new EndpointFailed(TOO_MANY);
  }

  /** Newest first, behind `last`; from a server that has at least our final block: several may stand behind one name. */
  async #page(account: string, last: Entry | undefined): Promise<Entry[]> {
    const method = "getSignaturesForAddress";
    const before = last && { before: last.signature };
    const options = { ...FINALIZED, limit: PAGE, minContextSlot: this.#blocks.final.slot, ...before };
    const page = parsed(entriesSchema, await this.#endpoint.call(method, [account, options]), method);
    if (page.some(({ slot }, at) => slot > (page[at - 1] ?? last ?? { slot: Infinity }).slot))
      throw new EndpointFailed(`answers ${method} out of order`);
    return page;
  }

  /** Endpoints forget old blocks, and answer as if nothing had been there. */
  async #assertKept(from: number): Promise<void> {
    const method = "getFirstAvailableBlock";
    const first = parsed(slotSchema, await this.#endpoint.call(method, []), method);
    if (first > from) throw new EndpointFailed("has forgotten the transactions of the time of signing");
  }

  async #transaction(signature: string, slot: number): Promise<Executed> {
    const known = this.#executed.get(signature);
    if (known) return known;
    if (this.#executed.size === MOST_TRANSACTIONS) throw new EndpointFailed(TOO_MANY);
    const method = "getTransaction";
    const options = { ...FINALIZED, encoding: "base64", maxSupportedTransactionVersion: 0 };
    const answer = parsed(transactionSchema, await this.#endpoint.call(method, [signature, options]), method);
    if (answer.slot !== slot) throw new EndpointFailed(`answers ${method} of another slot`);
    const bytes = Buffer.from(answer.transaction[0], "base64");
    const message = hash("sha256", bytes.subarray(1 + (bytes[0] ?? 0) * SIGNATURE_BYTES));
    const executed = { message, found: answer.meta.err === null ? "executed" : "failed" } as const;
    this.#executed.set(signature, executed);
    return executed;
  }
}
