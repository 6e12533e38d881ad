// The memo of a payment: the seller's words, or else the intent's nonce, so that no two payments are the same message.
// Two intents under one blockhash with the same words and terms are one message: counted twice, and executed once.
// Source: x402 specification, "exact" on Solana.
import type { Order } from "../rail.ts";
import { MOST_MEMO_BYTES } from "./message.ts";

const NONCE_BYTES = 16;

/** Undefined for a text that does not fit, or that UTF-8 cannot write. An empty one is none, as the seller checks it. */
export function memoOf({ intent, nonce }: Order): Uint8Array | undefined {
  const text = intent.extra?.memo ?? "";
  if (text === "") return Buffer.from(Buffer.from(nonce.subarray(0, NONCE_BYTES)).toString("hex"), "ascii");
  const memo = Buffer.from(text, "utf8");
  return text.isWellFormed() && memo.length <= MOST_MEMO_BYTES ? memo : undefined;
}

/** Is it a memo that memoOf can make? */
export const isMemo = (memo: Uint8Array): boolean =>
  memo.length > 0 && Buffer.compare(Buffer.from(Buffer.from(memo).toString("utf8"), "utf8"), memo) === 0;
