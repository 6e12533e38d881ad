// What a quote without a context assumes of a chain: that the wallet has enough, in one output, and that the network asks
// what it usually does. Nothing that is signed is made with it.
import { NO_BLOCKHASH } from "../chains/solana/rail.ts";
import { LOVELACE } from "../protocol/assets.ts";
import type { WireCardanoContext } from "../protocol/context.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import { railOf } from "../protocol/networks.ts";

// Cardano's parameters have been these since epoch 507 (mainnet), but for a size limit or two.
const PARAMETERS = {
  minFeeA: 44,
  minFeeB: 155_381,
  coinsPerUtxoByte: 4310,
  maxTxSize: 16_384,
  maxValueSize: 5000,
};
const MILLION_ADA = 1_000_000_000_000n;
const NO_TRANSACTION = "0".repeat(64);

/** Undefined where a rail needs none. */
export function assumedContext({ network, asset, amount }: PaymentIntent): object | undefined {
  const rail = railOf(network);
  if (rail === "solana") return { recentBlockhash: NO_BLOCKHASH };
  return rail === "cardano" ? richWallet(asset, amount) : undefined;
}

function richWallet(asset: string, amount: bigint): WireCardanoContext {
  const lovelace = (asset === LOVELACE ? amount : 0n) + MILLION_ADA;
  const tokens = asset === LOVELACE ? {} : { tokens: { [asset]: amount.toString() } };
  const utxo = { transaction: NO_TRANSACTION, index: 0, lovelace: lovelace.toString(), ...tokens };
  return { utxos: [utxo], parameters: PARAMETERS };
}
