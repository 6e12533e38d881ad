// What a payment on Solana needs to know: a blockhash of the last minute. Source: Solana JSON-RPC (getLatestBlockhash,
// getGenesisHash, getTokenAccountsByOwner); CAIP-2 for Solana (a network is the first 32 characters of its genesis hash).
//
// The blockhash is a finalized one: each node of the cluster knows it, also the one that the facilitator asks, which may be
// behind ours. It has lived for some 13 of its 60 to 90 seconds then, and what is left is for one settlement.
import { z } from "zod";
import type { Caip2 } from "../../protocol/networks.ts";
import { solanaBytes } from "../../protocol/solana-address.ts";
import { Cached } from "./cached.ts";
import { Endpoint, type EndpointOptions, readAs, rpc } from "./endpoint.ts";
import { Failover, NoAnswer, type Provider, checkedOnce } from "./failover.ts";

export interface SolanaRpc extends Provider {
  blockhash(): Promise<Blockhash>;
  /** The most that one token account of the owner holds. */
  largest(owner: string, mint: string): Promise<bigint>;
}

const blockhashSchema = z.object({
  value: z
    .object({
      blockhash: z.string().refine((text) => solanaBytes(text) !== undefined),
      lastValidBlockHeight: z.int().min(0),
    })
    .transform(({ blockhash, lastValidBlockHeight }) => ({
      recentBlockhash: blockhash,
      lastValidBlockHeight,
    })),
});
type Blockhash = z.output<typeof blockhashSchema>["value"];

const amount = z.string().regex(/^(0|[1-9][0-9]{0,19})$/);
const accountsSchema = z.object({
  value: z
    .array(
      z.object({
        account: z.object({
          data: z.object({
            parsed: z.object({
              info: z.object({ mint: z.string(), owner: z.string(), tokenAmount: z.object({ amount }) }),
            }),
          }),
        }),
      }),
    )
    .max(1_000),
});

export function solanaRpc(network: Caip2, url: string, options: EndpointOptions): SolanaRpc {
  const endpoint = new Endpoint(url, options);
  const assertNetwork = checkedOnce(async () => {
    const genesis = readAs(z.string(), await rpc(endpoint, "getGenesisHash", []), "genesis hash");
    return `solana:${genesis.slice(0, 32)}` === network;
  });
  const blockhash = async (): Promise<Blockhash> => {
    const result = await rpc(endpoint, "getLatestBlockhash", [{ commitment: "finalized" }]);
    return readAs(blockhashSchema, result, "blockhash").value;
  };
  const largest = async (owner: string, mint: string): Promise<bigint> => {
    const options = { encoding: "jsonParsed", commitment: "confirmed" };
    const result = await rpc(endpoint, "getTokenAccountsByOwner", [owner, { mint }, options]);
    return readAs(accountsSchema, result, "list of token accounts")
      .value.map(({ account }) => account.data.parsed.info)
      .filter((info) => info.owner === owner && info.mint === mint)
      .map(({ tokenAmount }) => BigInt(tokenAmount.amount))
      .reduce((most, one) => (one > most ? one : most), 0n);
  };
  const { origin, timeoutMs } = endpoint;
  return { origin, timeoutMs, assertNetwork, blockhash, largest };
}

/** A blockhash that is some seconds older than it could be makes a payment that lives some seconds less. */
const MAX_AGE_MS = 5_000;

export class SolanaSource {
  readonly rail = "solana";
  readonly #providers: Failover<SolanaRpc>;
  readonly #blockhash: Cached<Blockhash>;

  constructor(providers: readonly SolanaRpc[]) {
    this.#providers = new Failover(providers);
    this.#blockhash = new Cached(MAX_AGE_MS, () => this.#providers.first((one) => one.blockhash()));
  }

  /** A context. Throws NoAnswer. */
  async context(): Promise<{ context: Blockhash; cached: boolean }> {
    const { value, cached } = await this.#blockhash.get();
    return { context: value, cached };
  }

  /**
   * False when it is known that no token account of the owner holds so much; undefined when nothing is known. A payment
   * takes it from one account, the associated one.
   */
  async canPay(owner: string, mint: string, amount: bigint): Promise<boolean | undefined> {
    try {
      // Many endpoints do not answer this to everybody, and the payment does not hang on it.
      return (await this.#providers.first((one) => one.largest(owner, mint), 1)) >= amount;
    } catch (error) {
      if (error instanceof NoAnswer) return undefined;
      throw error;
    }
  }

  forget(): void {
    this.#blockhash.forget();
  }
}
