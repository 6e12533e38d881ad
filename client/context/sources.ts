// Where a client learns what a draft needs of a chain: the `context` option, and what may stand in it.
import { z } from "zod";
import { X402Error } from "../../protocol/errors.ts";
import type { PaymentIntent } from "../../protocol/intent.ts";
import { type Caip2, networkOf, railOf } from "../../protocol/networks.ts";
import { BLOCKFROST_URLS, blockfrost } from "./blockfrost.ts";
import type { CardanoProvider } from "./cardano-provider.ts";
import { CardanoSource } from "./cardano.ts";
import type { EndpointOptions } from "./endpoint.ts";
import { koios } from "./koios.ts";
import { ogmios } from "./ogmios.ts";
import { SolanaSource, solanaRpc } from "./solana.ts";

/** URLs are https, or http on this machine. A key in a URL is told to nobody but its host. */
export interface SolanaSources {
  /** JSON-RPC endpoints of a cluster, in the order in which they are asked. */
  rpc: readonly string[];
  /** Of one request, in milliseconds; 5000 when absent. All attempts together take three times as long at most. */
  timeoutMs?: number;
}

/** At least one. Asked in this order: one's own node, Blockfrost, Koios; and in each list from its start. */
export interface CardanoSources {
  /** A node's Ogmios, version 6, such as "http://127.0.0.1:1337". */
  ogmios?: readonly string[];
  /** The key of a project; `url` for another server with the same API, "https://.../api/v0". */
  blockfrost?: readonly { projectId: string; url?: string }[];
  /** Such as "https://preprod.koios.rest/api/v1"; with a token for what the free tier does not give. */
  koios?: readonly (string | { url: string; token: string })[];
  timeoutMs?: number;
}

/**
 * By network, under any of its names ("solana-devnet", "cardano:preprod"). EVM networks need nothing:
 *
 *     { solana: { rpc: ["https://..."] }, "cardano-preprod": { blockfrost: [{ projectId: "preprod..." }] } }
 */
export type ContextSources = Readonly<Record<string, SolanaSources | CardanoSources>>;

/** In place of sources: what `payment.sign` takes as `context` for this intent, or undefined. docs/protocol.md. */
export type ContextFunction = (intent: PaymentIntent) => object | undefined | Promise<object | undefined>;

export type ContextOption = ContextSources | ContextFunction;

const text = z.string().min(1).max(2048);
const timeoutMs = z.int().min(1).max(600_000).optional();
const solanaSchema = z.strictObject({ rpc: z.array(text).min(1).max(16), timeoutMs });
const cardanoSchema = z.strictObject({
  ogmios: z.array(text).max(16).default([]),
  blockfrost: z
    .array(z.strictObject({ projectId: text, url: text.optional() }))
    .max(16)
    .default([]),
  koios: z
    .array(z.union([text, z.strictObject({ url: text, token: text })]))
    .max(16)
    .default([]),
  timeoutMs,
});

export type Source = SolanaSource | CardanoSource;

/** A source for each network that has one. Throws USAGE, which names the network and no key. */
export function sourcesOf(option: ContextSources): ReadonlyMap<Caip2, Source> {
  const sources = new Map<Caip2, Source>();
  for (const [name, said] of Object.entries(option)) {
    const network = networkOf(name);
    const source = network && sourceOf(network, said);
    if (!source) throw new X402Error("USAGE", `context: ${JSON.stringify(name)} has no such sources`);
    if (sources.has(network)) throw new X402Error("USAGE", `context: ${network} is there twice`);
    sources.set(network, source);
  }
  return sources;
}

function sourceOf(network: Caip2, said: unknown): Source | undefined {
  const rail = railOf(network);
  if (rail === "solana") {
    const { data } = solanaSchema.safeParse(said);
    return data && new SolanaSource(data.rpc.map((url) => solanaRpc(network, url, timeout(data))));
  }
  if (rail !== "cardano") return undefined;
  const { data } = cardanoSchema.safeParse(said);
  const providers = data ? cardanoProviders(network, data) : [];
  return providers.length > 0 ? new CardanoSource(providers) : undefined;
}

const timeout = (said: { timeoutMs?: number | undefined }): EndpointOptions => ({
  timeoutMs: said.timeoutMs ?? 5_000,
});

function cardanoProviders(network: Caip2, said: z.infer<typeof cardanoSchema>): CardanoProvider[] {
  const options = timeout(said);
  return [
    ...said.ogmios.map((url) => ogmios(network, url, options)),
    ...said.blockfrost.map(({ url = BLOCKFROST_URLS[network] ?? "", projectId }) =>
      blockfrost(network, url, { ...options, headers: { project_id: projectId } }),
    ),
    ...said.koios.map((one) =>
      typeof one === "string"
        ? koios(network, one, options)
        : koios(network, one.url, { ...options, headers: { authorization: `Bearer ${one.token}` } }),
    ),
  ];
}
