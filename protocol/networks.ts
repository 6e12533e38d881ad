// CAIP-2 network ids and the names people and x402 v1 use for them.

/** A CAIP-2 chain id such as "eip155:8453". */
export type Caip2 = `${string}:${string}`;

const CAIP2 = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/;
const EVM = /^eip155:(0|[1-9][0-9]{0,14})$/;

// Names as in x402 v1 (specification v1, "network"), which people also type into policies. The first name of a network
// is the one that is shown.
const NAMES: Readonly<Record<string, Caip2>> = {
  base: "eip155:8453",
  "base-sepolia": "eip155:84532",
  polygon: "eip155:137",
  arbitrum: "eip155:42161",
  "arbitrum-sepolia": "eip155:421614",
  monad: "eip155:143",
  solana: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
  "solana-devnet": "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
  "solana-testnet": "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z",
  cardano: "cardano:mainnet",
  "cardano-preprod": "cardano:preprod",
  "cardano-preview": "cardano:preview",
  // Other ids of the same networks (CIP-34: network id and magic).
  "cip34:1-764824073": "cardano:mainnet",
  "cip34:0-1": "cardano:preprod",
  "cip34:0-2": "cardano:preview",
};

export const isCaip2 = (text: string): text is Caip2 => CAIP2.test(text);

/** The CAIP-2 id of a name or id; undefined for a name that is not known. Names are exact, lower case. */
export function networkOf(nameOrId: string): Caip2 | undefined {
  if (Object.hasOwn(NAMES, nameOrId)) return NAMES[nameOrId];
  return isCaip2(nameOrId) ? nameOrId : undefined;
}

/** "base" for "eip155:8453"; the id itself when it has no name. */
export function nameOf(network: Caip2): string {
  return Object.keys(NAMES).find((name) => NAMES[name] === network) ?? network;
}

/** The EVM chain id of a CAIP-2 id, or undefined when the network is not an EVM chain. */
export function evmChainId(network: Caip2): bigint | undefined {
  const match = EVM.exec(network);
  return match?.[1] === undefined ? undefined : BigInt(match[1]);
}

export const RAIL_NAMES = ["evm", "solana", "cardano"] as const;
/** A way that money moves, by the name that vault and signer know it under. */
export type RailName = (typeof RAIL_NAMES)[number];

const RAIL_OF_NAMESPACE: Readonly<Record<string, RailName>> = {
  eip155: "evm",
  solana: "solana",
  cardano: "cardano",
};

/** 150 blocks on Solana take 60 to 90 seconds; a cluster that is slow takes longer. */
export const LEAST_LIFE_ON_SOLANA = 150;

/**
 * Seconds for which whoever holds an authorization may use it, however short its terms are. On Solana its bytes do not
 * say when it ends, and it lives as long as the blockhash that it names; 0 where they do.
 */
export const leastLife = (network: string): number =>
  railOf(network) === "solana" ? LEAST_LIFE_ON_SOLANA : 0;

/** The rail of a CAIP-2 network, by its namespace; undefined when there is none. */
export function railOf(network: string): RailName | undefined {
  const namespace = network.slice(0, network.indexOf(":"));
  return Object.hasOwn(RAIL_OF_NAMESPACE, namespace) ? RAIL_OF_NAMESPACE[namespace] : undefined;
}
