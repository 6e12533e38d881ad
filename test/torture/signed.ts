// What a client holds after a payment, read by libraries that the signer does not have: @solana/web3.js and the Cardano
// serialization library. On EVM it stands there in the clear.
import {
  FixedTransaction,
  TransactionBody,
  type TransactionInput,
} from "@emurgo/cardano-serialization-lib-nodejs";
import { VersionedTransaction } from "@solana/web3.js";
import { each } from "../counterparts/cardano-ledger.ts";
import { CARDANO_PAYEE, type RailName, inUsd } from "./payments.ts";

export interface Signed {
  readonly rail: RailName;
  /** What the chain takes once: nonce, message, nonce input. */
  readonly once: string;
  /** Micro-USD that leave the wallet, fees included. */
  readonly usd: bigint;
  /** Are these the bytes that were signed? */
  isOf(draft: Buffer): boolean;
}

type Payload =
  | { readonly authorization: { readonly nonce: string; readonly value: string } }
  | { readonly transaction: string; readonly nonce?: string };

/** Reads a payload as JSON. */
export function readSigned(json: string): Signed {
  const payload = JSON.parse(json) as Payload;
  if ("authorization" in payload) return onEvm(payload.authorization);
  const bytes = Buffer.from(payload.transaction, "base64");
  return payload.nonce === undefined ? onSolana(bytes) : onCardano(bytes, payload.nonce);
}

const onEvm = ({ nonce, value }: { nonce: string; value: string }): Signed => ({
  rail: "evm",
  once: nonce,
  usd: BigInt(value),
  isOf: (draft) => `0x${draft.subarray(224).toString("hex")}` === nonce,
});

function onSolana(bytes: Buffer): Signed {
  const { message } = VersionedTransaction.deserialize(bytes);
  const transfer = Buffer.from(message.compiledInstructions[2]?.data ?? []);
  const signed = Buffer.from(message.serialize());
  return {
    rail: "solana",
    once: signed.toString("base64"),
    usd: transfer.readBigUInt64LE(1),
    isOf: (draft) => draft.equals(signed),
  };
}

function onCardano(bytes: Buffer, nonce: string): Signed {
  const transaction = FixedTransaction.from_bytes(bytes);
  const body = transaction.body();
  const paid = each(body.outputs())
    .filter((output) => output.address().to_bech32() === CARDANO_PAYEE)
    .reduce((sum, output) => sum + BigInt(output.amount().coin().to_str()), 0n);
  const raw = Buffer.from(transaction.raw_body());
  return {
    rail: "cardano",
    once: nonce,
    usd: inUsd(paid) + inUsd(BigInt(body.fee().to_str())),
    isOf: (draft) => draft.equals(raw) && inputsOf(draft)[0] === nonce,
  };
}

/** The inputs of a transaction's body, as they stand in it. */
export function inputsOf(body: Buffer): string[] {
  return each<TransactionInput>(TransactionBody.from_bytes(body).inputs()).map(
    (input) => `${input.transaction_id().to_hex()}#${input.index()}`,
  );
}
