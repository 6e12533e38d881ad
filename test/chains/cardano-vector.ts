// What a vector of test/vectors/cardano-body holds: an order and a context, and what becomes of them.
import { blake2b } from "@noble/hashes/blake2.js";
import { type PinnedAsset, assetKey, assetRegistry } from "../../protocol/assets.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { Caip2 } from "../../protocol/networks.ts";
import { draft, holderOf, orderOf, rail } from "./cardano-orders.ts";

export interface CardanoInput {
  readonly network: Caip2;
  readonly asset: string;
  readonly payTo: string;
  readonly amount: string;
  readonly validBefore: number;
  /** 32 or 64 bytes in hex; it pays from its address without a stake part. */
  readonly key: string;
  readonly context: unknown;
  readonly method?: string;
  /** Unix seconds by input. */
  readonly locked?: Readonly<Record<string, number>>;
  /** The draft before, in hex. */
  readonly before?: string;
}

const registry = assetRegistry();

/** The body, its hash, what leaves the wallet, and the payload. */
export function cardanoBody(input: CardanoInput): unknown {
  const { network, payTo, method, validBefore, before } = input;
  const asset: PinnedAsset = registry.get(assetKey(network, input.asset))!;
  const key = holderOf(Buffer.from(input.key, "hex"));
  const order = orderOf(
    asset,
    { payTo, amount: BigInt(input.amount), ...(method === undefined ? {} : { method }) },
    {
      ...{ validBefore, from: rail.addressOn(network, rail.addressOf(key))! },
      lockedUntil: (name) => input.locked?.[name],
      ...(before === undefined ? {} : { before: Buffer.from(before, "hex") }),
    },
  );
  const made = draft(order, input.context);
  if ("refused" in made) throw new X402Error(made.refused);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return {
    draft: hex(made.bytes),
    hash: hex(blake2b(made.bytes, { dkLen: 32 })),
    outflow: made.outflow.map(({ asset: { symbol }, amount, why }) => `${amount} ${symbol} ${why}`),
    payload: rail.sign(made.bytes, key),
  };
}
