// What one endpoint says of messages that were signed for Solana, as of its newest finalized block. The transaction that a
// message became has a name that we cannot know, the fee payer's signature; so the transactions of the account that is
// paid from are looked through. chains/solana/proof.ts says what follows from it.
import { hash } from "node:crypto";
import { z } from "zod";
import { MARGIN } from "../../chains/solana/proof.ts";
import type { Look, SeenOf, TraceOf, Unresolved } from "../../protocol/finding.ts";
import { type Endpoint, EndpointFailed, parsed } from "./reconcile-endpoint.ts";

/** Block times are estimates of a cluster, and drafts are timed by our clock. */
const SLACK_SECONDS = 600;
/** Our clock may not be behind the chain's: drafts would look older than they are. */
const MOST_AHEAD_SECONDS = 60;
/** Slots that hold more than MARGIN blocks, unless two of three are skipped. */
const SLOTS_BACK = 3 * MARGIN;
const PAGE = 1000;
const MOST_PAGES = 100;
const MOST_TRANSACTIONS = 5000;
const CLUSTER_DIGITS = 32;
const SIGNATURE_BYTES = 64;

const FINALIZED = { commitment: "finalized" } as const;

const slotSchema = z.int().min(0);
const base58 = z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{32,88}$/);
const blockSchema = z.object({ blockhash: base58, blockHeight: slotSchema, blockTime: slotSchema });
const entriesSchema = z
  .array(z.object({ signature: base58, slot: slotSchema, blockTime: slotSchema }))
  .max(PAGE);
const transactionSchema = z.object({
  transaction: z.tuple([z.base64(), z.literal("base64")]),
  meta: z.object({ err: z.unknown() }),
});

interface Block {
  readonly slot: number;
  /** Height. */
  readonly number: number;
  readonly hash: string;
  /** Unix seconds. */
  readonly time: number;
}

type Entry = z.infer<typeof entriesSchema>[number];
type Fate = Pick<SeenOf<"solana">, "found" | "transaction">;

/** The chain as one endpoint shows it. Every method throws EndpointFailed. */
export class SolanaChain {
  readonly #endpoint: Endpoint;
  readonly #final: Block;
  /** A final block that is at least MARGIN lower, if slots were not skipped as never before. */
  readonly #earlier: Block;
  readonly #entries = new Map<string, { since: number; entries: readonly Entry[] }>();
  readonly #executed = new Map<string, { message: string; found: "executed" | "failed" }>();
  readonly #blocks = new Map<number, Promise<Block>>();

  private constructor(endpoint: Endpoint, final: Block, earlier: Block) {
    this.#endpoint = endpoint;
    this.#final = final;
    this.#earlier = earlier;
  }

  static async at(endpoint: Endpoint): Promise<SolanaChain> {
    const genesis = parsed(base58, await endpoint.call("getGenesisHash", []), "getGenesisHash");
    const network = `solana:${genesis.slice(0, CLUSTER_DIGITS)}`;
    if (network !== endpoint.network) throw new EndpointFailed(`serves ${network}`);
    const slot = parsed(slotSchema, await endpoint.call("getSlot", [FINALIZED]), "getSlot");
    const final = await blockAt(endpoint, slot);
    if (final.time > Date.now() / 1000 + MOST_AHEAD_SECONDS)
      throw new EndpointFailed("is ahead of the clock of this machine");
    return new SolanaChain(
      endpoint,
      final,
      await blockAt(endpoint, await firstFrom(endpoint, slot - SLOTS_BACK)),
    );
  }

  async look({ signedAt, draftedAt, trace }: Unresolved): Promise<Look> {
    if (trace.kind !== "solana") throw new TypeError("not a trace of this chain");
    const drafted = secondsOf(draftedAt);
    const isPast = this.#earlier.time >= drafted + SLACK_SECONDS;
    const since = (isPast ? this.#earlier : this.#final).number;
    const fate = await this.#fateOf(trace, secondsOf(signedAt), drafted);
    const { number, hash: blockHash, time } = this.#final;
    return {
      block: { number, hash: blockHash, time },
      finalized: true,
      seen: { kind: "solana", since, ...fate },
    };
  }

  async #fateOf(trace: TraceOf<"solana">, signed: number, drafted: number): Promise<Fate> {
    const entries = await this.#entriesSince(trace.account, signed - SLACK_SECONDS);
    for (const { signature } of await this.#possible(entries, signed, drafted)) {
      const { message, found } = await this.#transaction(signature);
      if (message === trace.message) return { found, transaction: signature };
    }
    return {};
  }

  /** Transactions of an account from a time (unix seconds) on, oldest first; all of them, or it throws. */
  async #entriesSince(account: string, since: number): Promise<readonly Entry[]> {
    const known = this.#entries.get(account);
    if (known && known.since <= since) return known.entries;
    const entries: Entry[] = [];
    for (let n = 0, before: string | undefined; n < MOST_PAGES; n++, before = entries.at(-1)?.signature) {
      const page = await this.#page(account, before);
      const last = entries.at(-1)?.slot ?? Infinity;
      if (page.some(({ slot }, at) => slot > (page[at - 1]?.slot ?? last)))
        throw new EndpointFailed("answers getSignaturesForAddress out of order");
      entries.push(...page);
      const isDown = (page.at(-1)?.blockTime ?? Infinity) < since;
      // Some answer with less than a page at once: only nothing is the end.
      if (page.length === 0) await this.#assertHistory(since);
      if (isDown || page.length === 0) {
        this.#entries.set(account, { since, entries: entries.toReversed() });
        return entries.toReversed();
      }
    }
    throw new EndpointFailed("names more transactions of the account than can be read");
  }

  /** From a server that has at least our final block: several may stand behind one name. */
  async #page(account: string, before: string | undefined): Promise<Entry[]> {
    const method = "getSignaturesForAddress";
    const options = {
      ...FINALIZED,
      limit: PAGE,
      minContextSlot: this.#final.slot,
      ...(before && { before }),
    };
    return parsed(entriesSchema, await this.#endpoint.call(method, [account, options]), method);
  }

  /** Endpoints forget old blocks, and answer as if nothing had been there. */
  async #assertHistory(since: number): Promise<void> {
    const method = "getFirstAvailableBlock";
    const first = parsed(slotSchema, await this.#endpoint.call(method, []), method);
    if (first === 0) return;
    const { time } = await this.#block(await firstFrom(this.#endpoint, first));
    if (time > since) throw new EndpointFailed("has forgotten the blocks of the time of signing");
  }

  /** Of many, those that can be it: from when it was signed until its blockhash was over for certain. */
  async #possible(all: readonly Entry[], signed: number, drafted: number): Promise<readonly Entry[]> {
    const entries = all.filter(({ blockTime }) => blockTime >= signed - SLACK_SECONDS);
    const young = entries.find(({ blockTime }) => blockTime >= drafted + SLACK_SECONDS);
    const later = young && entries.findIndex(({ slot }) => slot >= young.slot + SLOTS_BACK);
    const past = later === undefined ? undefined : entries[later];
    if (!young || !past) return entries;
    const [from, to] = [await this.#block(young.slot), await this.#block(past.slot)];
    return to.number >= from.number + MARGIN ? entries.slice(0, later) : entries;
  }

  async #transaction(signature: string): Promise<{ message: string; found: "executed" | "failed" }> {
    const known = this.#executed.get(signature);
    if (known) return known;
    if (this.#executed.size === MOST_TRANSACTIONS)
      throw new EndpointFailed("names more transactions of the account than can be read");
    const method = "getTransaction";
    const options = { ...FINALIZED, encoding: "base64", maxSupportedTransactionVersion: 0 };
    const answer = await this.#endpoint.call(method, [signature, options]);
    const { transaction, meta } = parsed(transactionSchema, answer, method);
    const bytes = Buffer.from(transaction[0], "base64");
    const message = hash("sha256", bytes.subarray(1 + (bytes[0] ?? 0) * SIGNATURE_BYTES));
    const fate = { message, found: meta.err === null ? "executed" : "failed" } as const;
    this.#executed.set(signature, fate);
    return fate;
  }

  #block(slot: number): Promise<Block> {
    const block = this.#blocks.get(slot) ?? blockAt(this.#endpoint, slot);
    this.#blocks.set(slot, block);
    return block;
  }
}

/** The first slot that has a block, from this one on. */
async function firstFrom(endpoint: Endpoint, slot: number): Promise<number> {
  const method = "getBlocksWithLimit";
  const answer = await endpoint.call(method, [Math.max(slot, 0), 1, FINALIZED]);
  return parsed(z.tuple([slotSchema]), answer, method)[0];
}

async function blockAt(endpoint: Endpoint, slot: number): Promise<Block> {
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

const secondsOf = (iso: string): number => Math.floor(Date.parse(iso) / 1000);
