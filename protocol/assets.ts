// The pinned tokens. A token is its network and address; a symbol or name that a seller sends decides nothing.
import type { Caip2 } from "./networks.ts";

export interface PinnedAsset {
  readonly network: Caip2;
  /** As published (EIP-55 on EVM); compare with assetKey. */
  readonly address: string;
  readonly symbol: string;
  readonly decimals: number;
  /** EIP-712 domain of the token contract. */
  readonly name: string;
  readonly version: string;
  /** Counts at 1.00 USD. An asset without a value in USD is declined. */
  readonly pegged: boolean;
}

const usdc = (network: Caip2, address: string, name: string): PinnedAsset => ({
  network,
  address,
  symbol: "USDC",
  decimals: 6,
  name,
  version: "2",
  pegged: true,
});

// Addresses and domains as published by Circle for native USDC and used by the x402 reference client.
export const PINNED_ASSETS: readonly PinnedAsset[] = [
  usdc("eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
  usdc("eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
  usdc("eip155:137", "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin"),
  usdc("eip155:42161", "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin"),
  usdc("eip155:421614", "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", "USD Coin"),
  usdc("eip155:143", "0x754704Bc059F8C67012fEd69BC8A327a5aafb603", "USDC"),
];

/** An address in the form that is compared: EVM addresses ignore case, others do not. */
export const canonicalAddress = (network: Caip2, address: string): string =>
  network.startsWith("eip155:") ? address.toLowerCase() : address;

/** The identity of an asset: "eip155:8453/0x8335...". */
export const assetKey = (network: Caip2, address: string): string =>
  `${network}/${canonicalAddress(network, address)}`;

/** The pinned registry with the operator's additions, by assetKey. An addition never replaces a pinned token. */
export function assetRegistry(additions: readonly PinnedAsset[] = []): ReadonlyMap<string, PinnedAsset> {
  const registry = new Map<string, PinnedAsset>();
  for (const asset of [...additions, ...PINNED_ASSETS]) {
    registry.set(assetKey(asset.network, asset.address), asset);
  }
  return registry;
}

/** Everything that leaves the wallet if an authorization is used, in atomic units. */
export type Outflow = readonly {
  readonly asset: PinnedAsset;
  readonly amount: bigint;
  readonly why: "payment" | "fee" | "minAda";
}[];
