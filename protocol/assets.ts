// The pinned tokens. A token is its network and address; a symbol or name that a seller sends decides nothing.
import type { Caip2 } from "./networks.ts";

export interface PinnedAsset {
  readonly network: Caip2;
  /**
   * EVM: the contract (EIP-55). Solana: the mint. Cardano: "lovelace", or policy id and asset name in lower-case hex
   * with a dot between them. Compare with assetKey.
   */
  readonly address: string;
  readonly symbol: string;
  readonly decimals: number;
  /** Counts at 1.00 USD, or at its price if that is higher. Other assets count at their price, or are declined. */
  readonly pegged: boolean;
  /** EVM: the EIP-712 domain of the token contract. */
  readonly name?: string;
  readonly version?: string;
  /** Solana: the program that the mint belongs to. */
  readonly tokenProgram?: TokenProgram;
}

export const TOKEN_PROGRAMS = ["spl-token", "token-2022"] as const;
export type TokenProgram = (typeof TOKEN_PROGRAMS)[number];

const usdc = (network: Caip2, address: string, name: string): PinnedAsset => ({
  network,
  address,
  symbol: "USDC",
  decimals: 6,
  name,
  version: "2",
  pegged: true,
});

const splUsdc = (network: Caip2, address: string): PinnedAsset => ({
  network,
  address,
  symbol: "USDC",
  decimals: 6,
  tokenProgram: "spl-token",
  pegged: true,
});

const native = (network: Caip2, symbol: string, address: string): PinnedAsset => ({
  network,
  address,
  symbol,
  decimals: 6,
  pegged: symbol !== "ADA",
});

/** The address of ADA on its networks. */
export const LOVELACE = "lovelace";

// Addresses and domains as published by Circle for native USDC and used by the x402 reference client; Cardano's as
// published by their issuers.
export const PINNED_ASSETS: readonly PinnedAsset[] = [
  usdc("eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
  usdc("eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
  usdc("eip155:137", "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin"),
  usdc("eip155:42161", "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin"),
  usdc("eip155:421614", "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", "USD Coin"),
  usdc("eip155:143", "0x754704Bc059F8C67012fEd69BC8A327a5aafb603", "USDC"),
  splUsdc("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
  splUsdc("solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1", "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU"),
  splUsdc("solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z", "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU"),
  native("cardano:mainnet", "ADA", LOVELACE),
  native("cardano:mainnet", "iUSD", "f66d78b4a3cb3d37afa0ec36461e51ecbde00f26c8f0a68f94b69880.69555344"),
  native(
    "cardano:mainnet",
    "USDM",
    "c48cbb3d5e57ed56e276bc45f99ab39abe94e6cd7ac39fb402da47ad.0014df105553444d",
  ),
  native(
    "cardano:mainnet",
    "DJED",
    "8db269c3ec630e06ae29f74bc39edd1f87c819f1056206e879a1cd61.446a65644d6963726f555344",
  ),
  native("cardano:mainnet", "USDCx", "1f3aec8bfe7ea4fe14c5f121e2a92e301afe414147860d557cac7e34.5553444378"),
  native("cardano:preprod", "ADA", LOVELACE),
  native(
    "cardano:preprod",
    "tUSDM",
    "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d",
  ),
  native("cardano:preview", "ADA", LOVELACE),
];

/** An address in the form that is compared: EVM addresses ignore case, others do not. */
export const canonicalAddress = (network: Caip2, address: string): string =>
  network.startsWith("eip155:") ? address.toLowerCase() : address;

/** The identity of an asset: "eip155:8453/0x8335...". */
export const assetKey = (network: Caip2, address: string): string =>
  `${network}/${canonicalAddress(network, address)}`;

const ADA: ReadonlyMap<Caip2, PinnedAsset> = new Map(
  PINNED_ASSETS.filter(({ address }) => address === LOVELACE).map((asset) => [asset.network, asset]),
);

/** What a network takes its fee in, where the payer owes it: ADA on Cardano. */
export const feeAsset = (network: Caip2): PinnedAsset | undefined => ADA.get(network);

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
