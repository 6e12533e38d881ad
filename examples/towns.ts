// Where the demo plays: a chain with a token on it, and a shop that sells weather for it. Each is real: the contract, the
// token program or the ledger rules, with what settles payments there, all on this machine.
import type { FacilitatorClient } from "@x402/core/server";
import type { SchemeNetworkServer } from "@x402/core/types";
import { ExactSvmScheme } from "@x402/svm/exact/server";
import { randomBytes } from "node:crypto";
import type { Address, Hash } from "viem";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { formatUnits } from "../protocol/amount.ts";
import { LOVELACE } from "../protocol/assets.ts";
import { cardanoAddressOn } from "../protocol/cardano-address.ts";
import { solanaText } from "../protocol/solana-address.ts";
import { startCardanoChain } from "../test/counterparts/cardano-chain.ts";
import { exactCardanoServer, startCardanoFacilitator } from "../test/counterparts/cardano-facilitator.ts";
import { startChain } from "../test/counterparts/chain.ts";
import { startFacilitator } from "../test/counterparts/facilitator.ts";
import { startShop } from "../test/counterparts/shop.ts";
import { startSolanaChain } from "../test/counterparts/solana-chain.ts";
import { startSolanaFacilitator } from "../test/counterparts/solana-facilitator.ts";

export const CHAINS = ["base", "solana", "cardano"] as const;
export type ChainName = (typeof CHAINS)[number];

export interface Town {
  /** "Base Sepolia", and the network as a policy names it. */
  readonly title: string;
  readonly network: string;
  readonly rail: string;
  readonly symbol: string;
  /** In atomic units; every token here has six decimals. */
  readonly allowance: bigint;
  readonly price: bigint;
  readonly dear: bigint;
  /** In USD. */
  readonly limits: { readonly perCallMax: string; readonly perDayMax: string; readonly totalMax: string };
  /** Prices that the owner has to set, by symbol. */
  readonly rates: Readonly<Record<string, string>>;
  readonly payee: string;
  /** What the agent is told of where to ask about the chain; absent where it need not. */
  readonly context?: object;
  readonly shop: { readonly url: string; readonly served: readonly unknown[] };
  /** An account of the wallet as this network writes it. */
  readonly addressHere: (wallet: string) => string;
  fund(wallet: string): Promise<void>;
  balanceOf(address: string): Promise<bigint>;
  /** The fee of the payment that a transaction made; throws unless it has succeeded. */
  feeOf(transaction: string): Promise<bigint>;
  close(): Promise<void>;
}

export const openTown = (chain: ChainName): Promise<Town> =>
  ({ base: openBase, solana: openSolana, cardano: openCardano })[chain]();

const USDC = {
  symbol: "USDC",
  ...{ allowance: 5_000_000n, price: 100_000n, dear: 2_000_000n },
  limits: { perCallMax: "0.25", perDayMax: "0.35", totalMax: "5.00" },
  rates: {},
} as const;

async function openBase(): Promise<Town> {
  const chain = await startChain();
  const payee = privateKeyToAddress(generatePrivateKey());
  const shop = await openShop({ ...USDC, payee }, chain.network, startFacilitator(chain));
  return {
    ...USDC,
    ...{ title: "Base Sepolia", network: "base-sepolia", rail: "evm", payee, shop },
    addressHere: (wallet) => wallet,
    fund: async (wallet) => {
      await chain.mint(wallet as Address, USDC.allowance);
    },
    balanceOf: (address) => chain.balanceOf(address as Address),
    feeOf: async (transaction) => {
      const { status } = await chain.client.getTransactionReceipt({ hash: transaction as Hash });
      if (status !== "success") throw new Error(`the chain says ${status} of ${transaction}`);
      return 0n;
    },
    close: () => closeAll(shop, chain),
  };
}

async function openSolana(): Promise<Town> {
  const chain = await startSolanaChain();
  const payee = solanaText(randomBytes(32));
  // Whoever is paid has a token account.
  chain.mint(payee, 0n);
  const facilitator = await startSolanaFacilitator(chain);
  const goods = { ...USDC, payee, asset: chain.token };
  const shop = await openShop(goods, chain.network, facilitator, new ExactSvmScheme());
  return {
    ...USDC,
    ...{ title: "Solana's devnet", network: "solana-devnet", rail: "solana", payee, shop },
    context: { "solana-devnet": { rpc: [chain.url] } },
    addressHere: (wallet) => wallet,
    fund: (wallet) => {
      chain.mint(wallet, USDC.allowance);
      return Promise.resolve();
    },
    balanceOf: (address) => Promise.resolve(chain.balanceOf(address)),
    feeOf: (transaction) => {
      const { transaction: { err } = { err: "nothing" } } =
        chain.ledger.blocks.withSignature(transaction) ?? {};
      if (err !== null) throw new Error(`the chain says ${JSON.stringify(err)} of ${transaction}`);
      return Promise.resolve(0n);
    },
    close: () => closeAll(shop, chain),
  };
}

const ADA = {
  symbol: "ADA",
  ...{ allowance: 50_000_000n, price: 2_000_000n, dear: 5_000_000n },
  limits: { perCallMax: "1.00", perDayMax: "3.00", totalMax: "50.00" },
  rates: { ADA: "0.41" },
} as const;

async function openCardano(): Promise<Town> {
  const chain = await startCardanoChain("cardano:preprod");
  const { ledger, network } = chain;
  const here = (address: string): string => cardanoAddressOn(network, address) ?? "";
  const goods = { ...ADA, payee: SHOPKEEPER, asset: LOVELACE };
  const shop = await openShop(goods, network, startCardanoFacilitator(ledger), exactCardanoServer);
  const balance = (address: string): bigint =>
    ledger.utxos(here(address)).reduce((sum, { lovelace }) => sum + lovelace, 0n);
  return {
    ...ADA,
    ...{ title: "Cardano's preprod", network: "cardano-preprod", rail: "cardano", payee: SHOPKEEPER, shop },
    context: { "cardano-preprod": { koios: [chain.urls.koios] } },
    addressHere: here,
    fund: (wallet) => {
      ledger.fund(here(wallet), ADA.allowance);
      return Promise.resolve();
    },
    balanceOf: (address) => Promise.resolve(balance(address)),
    feeOf: (transaction) => {
      const found = ledger.transaction(transaction);
      if (!found) throw new Error(`the ledger knows no ${transaction}`);
      return Promise.resolve(found.fee);
    },
    close: () => closeAll(shop, chain),
  };
}

/** The address of CIP-19's first test vector, on a test network. */
const SHOPKEEPER =
  "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae";

/** Without an asset its prices are in dollars, and the seller's library knows the token. */
type Goods = Pick<Town, "price" | "dear" | "payee"> & { readonly asset?: string };

function openShop(
  { price, dear, payee: payTo, asset }: Goods,
  network: string,
  facilitator: FacilitatorClient,
  scheme?: SchemeNetworkServer,
) {
  const units = (amount: bigint) =>
    asset === undefined ? formatUnits(amount, 6) : { asset, amount: amount.toString() };
  const prices = { "GET /weather": units(price), "GET /satellite": units(dear) };
  const chain = { network: network as `${string}:${string}` };
  return startShop({ chain, payTo, prices, facilitator, ...(scheme && { scheme }) });
}

async function closeAll(...parts: { close(): Promise<unknown> }[]): Promise<void> {
  await Promise.all(parts.map((part) => part.close()));
}
