// What one endpoint says of EIP-3009 authorizations, as of its newest finalized block.
import { hash } from "node:crypto";
import { z } from "zod";
import type { Look, SeenOf, TraceOf, Unresolved } from "../../protocol/finding.ts";
import type { Caip2 } from "../../protocol/networks.ts";
import { type Endpoint, EndpointFailed, EndpointRefused, parsed } from "./reconcile-endpoint.ts";

const keccak = (text: string): string => `0x${hash("keccak-256", text)}`;

const STATE_SELECTOR = keccak("authorizationState(address,bytes32)").slice(0, 10);
const EVENTS = {
  used: keccak("AuthorizationUsed(address,bytes32)"),
  cancelled: keccak("AuthorizationCanceled(address,bytes32)"),
} as const;

/** Endpoints limit how many blocks one search for events may span. */
const BLOCKS_PER_SEARCH = 2000;
const MOST_SEARCHES = 50;
/** Our clock and the chain's may differ, and a block may be found a little early. */
const SLACK_SECONDS = 600;
const MOST_STEPS = 64;

const quantity = z
  .string()
  .regex(/^0x(0|[1-9a-f][0-9a-f]{0,12})$/)
  .transform((text) => parseInt(text, 16));
const hash32 = z.string().regex(/^0x[0-9a-f]{64}$/);
const blockSchema = z.object({ number: quantity, hash: hash32, timestamp: quantity });
const logsSchema = z
  .array(
    z.object({ topics: z.array(hash32).min(3), transactionHash: hash32, removed: z.boolean().optional() }),
  )
  .max(16);

type Trace = TraceOf<"eip3009">;

interface Block {
  readonly number: number;
  readonly hash: string;
  /** Unix seconds. */
  readonly time: number;
}

/** The chain as one endpoint shows it. Every method throws EndpointFailed. */
export class Eip3009Chain {
  readonly #endpoint: Endpoint;
  readonly #final: Block;
  readonly #blocks = new Map<number, Block>();

  private constructor(endpoint: Endpoint, final: Block) {
    this.#endpoint = endpoint;
    this.#final = final;
  }

  static async at(endpoint: Endpoint): Promise<Eip3009Chain> {
    const chainId = parsed(quantity, await endpoint.call("eth_chainId", []), "eth_chainId");
    const network: Caip2 = `eip155:${chainId}`;
    if (network !== endpoint.network) throw new EndpointFailed(`serves ${network}`);
    return new Eip3009Chain(endpoint, await blockAt(endpoint, "finalized"));
  }

  async look({ asset, signedAt, trace }: Unresolved): Promise<Look> {
    if (trace.kind !== "eip3009") throw new TypeError("not a trace of this chain");
    const used = await this.#isUsed(asset, trace);
    const event = used ? await this.#eventOf(asset, trace, signedAt).catch(ifRefused) : undefined;
    return { block: this.#final, finalized: true, seen: { kind: "eip3009", used, ...event } };
  }

  async #isUsed(asset: string, trace: Trace): Promise<boolean> {
    const data = STATE_SELECTOR + word(trace.from) + trace.nonce.slice(2);
    const result = await this.#endpoint.call("eth_call", [{ to: asset, data }, hex(this.#final.number)]);
    const state = parsed(hash32, result, "eth_call");
    if (!/^0x0{63}[01]$/.test(state)) throw new EndpointFailed("answers eth_call with no bool");
    return state.endsWith("1");
  }

  /** Searched for from the signing on: an authorization may be cancelled also after its end. */
  async #eventOf(
    asset: string,
    trace: Trace,
    signedAt: string,
  ): Promise<Pick<SeenOf<"eip3009">, "event" | "transaction">> {
    const topics = [[EVENTS.used, EVENTS.cancelled], `0x${word(trace.from)}`, trace.nonce];
    let from = await this.#firstBlockSince(Math.floor(Date.parse(signedAt) / 1000) - SLACK_SECONDS);
    for (let n = 0; n < MOST_SEARCHES && from <= this.#final.number; n++, from += BLOCKS_PER_SEARCH) {
      const to = Math.min(from + BLOCKS_PER_SEARCH - 1, this.#final.number);
      const filter = { address: asset, topics, fromBlock: hex(from), toBlock: hex(to) };
      const logs = parsed(logsSchema, await this.#endpoint.call("eth_getLogs", [filter]), "eth_getLogs");
      const log = logs.find(({ removed, topics }) => removed !== true && topics[2] === trace.nonce);
      if (log?.topics[0] === EVENTS.used) return { event: "used", transaction: log.transactionHash };
      if (log?.topics[0] === EVENTS.cancelled)
        return { event: "cancelled", transaction: log.transactionHash };
    }
    return {};
  }

  /** The number of the first block at `time` or later, within the finalized ones. */
  async #firstBlockSince(time: number): Promise<number> {
    let low = 0;
    let high = this.#final.number;
    for (let step = 0; low < high && step < MOST_STEPS; step++) {
      const middle = (low + high) >> 1;
      if ((await this.#block(middle)).time >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  async #block(number: number): Promise<Block> {
    const known = this.#blocks.get(number);
    if (known) return known;
    const block = await blockAt(this.#endpoint, hex(number));
    this.#blocks.set(number, block);
    return block;
  }
}

async function blockAt(endpoint: Endpoint, which: string): Promise<Block> {
  const method = "eth_getBlockByNumber";
  const { number, hash, timestamp } = parsed(
    blockSchema,
    await endpoint.call(method, [which, false]),
    method,
  );
  return { number, hash, time: timestamp };
}

/** Some endpoints search for no events, or not so far back: what they say of the state is still worth something. */
function ifRefused(error: unknown): undefined {
  if (!(error instanceof EndpointRefused)) throw error;
}

const hex = (number: number): string => `0x${number.toString(16)}`;
/** An address as a 32-byte word, without 0x. */
const word = (address: string): string => address.slice(2).toLowerCase().padStart(64, "0");
