// x402 "exact" on EVM by EIP-3009. Facts: x402 specification, scheme "exact", EVM.
import { type Outflow, type PinnedAsset } from "../../protocol/assets.ts";
import { evmChainId } from "../../protocol/networks.ts";
import type { Draft, KeyHolder, Order, Rail, Refusal } from "../rail.ts";
import { isZeroAddress, parseAddress, sameAddress, toAddress } from "./address.ts";
import {
  decodeAuthorization,
  digestOf,
  encodeAuthorization,
  hex,
  isFor,
  wireAuthorization,
} from "./eip3009.ts";
import { keccak256 } from "./keccak.ts";
import { proofOf, traceOf } from "./proof.ts";
import { accountOf, publicKeyOf, recoverPublicKey, sign } from "./secp256k1.ts";

const UINT256 = 1n << 256n;

export const evmRail: Rail = {
  nonceLabel: "x402/eip3009/1",
  redrafts: true,
  draft,
  decode,
  sign: signDraft,
  locks: () => [],
  trace: traceOf,
  proof: proofOf,
  addressOf,
  addressOn: (_network, address) => address,
  selfTest,
};

function draft(order: Order): Draft | Refusal {
  const { intent, asset, from, nonce, validBefore } = order;
  const payer = parseAddress(from);
  const payee = parseAddress(intent.payTo);
  const refused = refusalOf(order);
  if (refused) return { refused };
  if (!payer || !payee) return { refused: "INVALID_PAYEE" };
  const bytes = encodeAuthorization(asset, {
    from: payer,
    to: payee,
    value: intent.amount,
    // Zero, as the reference client has it: a clock of ours that runs ahead must not make the payment fail.
    validAfter: 0n,
    validBefore: BigInt(validBefore),
    nonce,
  });
  const outflow = decode(bytes, asset);
  return "refused" in outflow ? outflow : { bytes, outflow, expires: validBefore };
}

function refusalOf({ intent, asset, from }: Order): Refusal["refused"] | undefined {
  const { extra, payTo, amount, network } = intent;
  if (evmChainId(network) === undefined) return "NETWORK_NOT_SUPPORTED";
  if (extra?.assetTransferMethod !== undefined && extra.assetTransferMethod !== "eip3009") {
    return "TRANSFER_METHOD_NOT_SUPPORTED";
  }
  // A transfer to the token's own contract is lost for good.
  if (isZeroAddress(payTo) || sameAddress(payTo, asset.address)) return "INVALID_PAYEE";
  if (sameAddress(payTo, from)) return "SELF_PAYMENT";
  return amount < 0n || amount >= UINT256 ? "AMOUNT_TOO_LARGE" : undefined;
}

function decode(bytes: Uint8Array, asset: PinnedAsset): Outflow | Refusal {
  const authorization = isFor(bytes, asset) ? decodeAuthorization(bytes) : undefined;
  if (authorization?.validAfter !== 0n) return { refused: "INTERNAL" };
  return [{ asset, amount: authorization.value, why: "payment" }];
}

function signDraft(bytes: Uint8Array, key: KeyHolder) {
  const authorization = decodeAuthorization(bytes);
  if (!authorization) throw new RangeError("not the bytes of an authorization");
  const digest = digestOf(bytes);
  const signature = hex(key.use((secret) => sign(digest, secret)));
  return { signature, authorization: wireAuthorization(authorization) };
}

function addressOf(key: KeyHolder): string {
  return toAddress(accountOf(key.use(publicKeyOf)));
}

const TEST_DIGEST = keccak256(Buffer.from("x402 signer key self-test", "ascii"));

function selfTest(key: KeyHolder, address: string): boolean {
  const signature = key.use((secret) => sign(TEST_DIGEST, secret));
  const publicKey = recoverPublicKey(TEST_DIGEST, signature);
  return publicKey !== undefined && toAddress(accountOf(publicKey)) === address;
}
