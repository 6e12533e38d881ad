// Random payments on Solana, and keys to pay them with.
import { Keypair, PublicKey } from "@solana/web3.js";
import fc from "fast-check";
import type { KeyHolder, Order } from "../../chains/rail.ts";
import { PINNED_ASSETS, type PinnedAsset } from "../../protocol/assets.ts";

export const MAINNET_USDC = PINNED_ASSETS.find(({ network }) => network.startsWith("solana:5eykt"))!;
export const DEVNET_USDC = PINNED_ASSETS.find(({ network }) => network.startsWith("solana:EtWTR"))!;

export const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** Any 32 bytes are an address. */
export const address = bytes32.map((bytes) => new PublicKey(bytes).toBase58());
export const seedOf = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
export const walletOf = (seed: Uint8Array): string => Keypair.fromSeed(seed).publicKey.toBase58();
export const keyOf = (seed: Uint8Array): KeyHolder => ({ use: (fn) => fn(seed) });

export const SEED = seedOf(1);
export const PAYER = walletOf(SEED);
export const PAYEE = walletOf(seedOf(2));
export const FEE_PAYER = walletOf(seedOf(3));
export const CONTEXT = { recentBlockhash: walletOf(seedOf(4)) };

export interface Change {
  asset?: PinnedAsset;
  network?: Order["intent"]["network"];
  from?: string;
  payTo?: string;
  amount?: bigint;
  nonce?: Uint8Array;
  feePayer?: string | undefined;
  memo?: string | undefined;
  method?: string;
}

/** An order that the rail drafts, with what a test wants to be otherwise. */
export function orderOf(change: Change = {}): Order {
  const { asset = DEVNET_USDC, memo, method } = change;
  const feePayer = "feePayer" in change ? change.feePayer : FEE_PAYER;
  return {
    asset,
    from: change.from ?? PAYER,
    nonce: change.nonce ?? seedOf(7),
    validBefore: 1_900_000_000,
    lockedUntil: () => undefined,
    intent: {
      id: "0123456789abcdef",
      scheme: "exact",
      network: change.network ?? asset.network,
      asset: asset.address,
      payTo: change.payTo ?? PAYEE,
      amount: change.amount ?? 10_000n,
      maxTimeoutSeconds: 60,
      extra: {
        ...(feePayer === undefined ? {} : { feePayer }),
        ...(memo === undefined ? {} : { memo }),
        ...(method === undefined ? {} : { assetTransferMethod: method }),
      },
      claims: {},
    },
  };
}

const uint64 = fc.oneof(
  fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
  fc.integer({ min: 0, max: 63 }).map((bits) => 1n << BigInt(bits)),
  fc.integer({ min: 1, max: 64 }).map((bits) => (1n << BigInt(bits)) - 1n),
);
/** Below and above 128 bytes, where its length takes a second byte; well-formed, as JSON is read. */
const memo = fc
  .oneof(
    fc.constant(undefined),
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.string({ unit: "binary-ascii", minLength: 120, maxLength: 256 }),
    fc.string({ unit: "grapheme", maxLength: 120 }),
  )
  .filter((text) => text === undefined || Buffer.byteLength(text) <= 256);

const asset: fc.Arbitrary<PinnedAsset> = fc.record({
  network: fc.constantFrom(MAINNET_USDC.network, DEVNET_USDC.network),
  address,
  symbol: fc.constant("TEST"),
  decimals: fc.integer({ min: 0, max: 255 }),
  tokenProgram: fc.constantFrom("spl-token", "token-2022"),
  pegged: fc.boolean(),
});

/** Orders that are drafted, each with its context. */
export const drafted = fc
  .record({
    asset: fc.oneof(asset, fc.constantFrom(MAINNET_USDC, DEVNET_USDC)),
    from: address,
    payTo: address,
    amount: uint64,
    nonce: bytes32,
    feePayer: address,
    memo,
  })
  .chain((change) => address.map((recentBlockhash) => ({ order: orderOf(change), recentBlockhash })));
