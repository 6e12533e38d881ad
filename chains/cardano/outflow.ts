// What leaves the wallet if a body is used: everything that it does not give back to our exact address. Closed world:
// one output to a key of somebody else, then our change. A body that says more than that is none of ours.
import { LOVELACE, type Outflow, type PinnedAsset, feeAsset } from "../../protocol/assets.ts";
import {
  type CardanoAddress,
  cardanoAddressOf,
  cardanoNetworkId,
  parseCardanoAddress,
} from "../../protocol/cardano-address.ts";
import { type Body, type Output, decodeBody } from "./body.ts";
import { MAX_SIZE } from "./build.ts";
import { transactionSize } from "./fee.ts";
import { MAX_TOKEN } from "./wallet.ts";

/**
 * `from` is our address on the asset's network. Of a payment in ADA all of it is "payment": how much of it was asked for
 * is not in the bytes.
 */
export function outflowOf(bytes: Uint8Array, asset: PinnedAsset, from: string): Outflow | undefined {
  const us = parseCardanoAddress(from);
  const ada = feeAsset(asset.network);
  const body = transactionSize(bytes.length) <= MAX_SIZE ? decodeBody(bytes) : undefined;
  if (!us || !ada || !body || us.networkId !== cardanoNetworkId(asset.network)) return undefined;
  const paid = paymentOf(body, us);
  if (!paid) return undefined;
  const fee = { asset: ada, amount: body.fee, why: "fee" } as const;
  const { lovelace, tokens } = paid.value;
  if (asset.address === LOVELACE)
    return tokens.size === 0 ? [{ asset, amount: lovelace, why: "payment" }, fee] : undefined;
  const amount = tokens.get(asset.address);
  if (tokens.size !== 1 || amount === undefined || amount > MAX_TOKEN) return undefined;
  return [{ asset, amount, why: "payment" }, { asset: ada, amount: lovelace, why: "minAda" }, fee];
}

/** The first output is another's, who is on our network, and all behind it are ours. */
function paymentOf({ outputs }: Body, us: CardanoAddress): Output | undefined {
  const [payment, ...change] = outputs;
  const payee = payment && cardanoAddressOf(payment.address);
  if (!payee || payee.networkId !== us.networkId || isSame(payee.paymentHash, us.paymentHash))
    return undefined;
  return change.every(({ address }) => isSame(address, us.bytes)) ? payment : undefined;
}

export const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
