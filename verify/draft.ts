// The bytes that were signed, read back: on EVM 32 bytes of EIP-712 domain separator and the struct of EIP-3009's
// transferWithAuthorization (type hash, from, to, value, validAfter, validBefore, nonce), 32 bytes each.
import type { JsonObject } from "./text.ts";

const TRANSFER_TYPE = "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267";
const WORD = 64;

/** The nonce of a draft that pays what its row says; undefined for any other bytes. */
export function nonceOf(draft: Buffer, row: JsonObject): string | undefined {
  const { from, payTo, amount, expires } = row;
  const hex = draft.toString("hex");
  const words = Array.from({ length: hex.length / WORD }, (_, i) => hex.slice(i * WORD, (i + 1) * WORD));
  const [, type, payer, payee, value, after, before, nonce] = words;
  const wanted = [TRANSFER_TYPE, address(from), address(payTo), uint(amount), uint("0"), uint(expires)];
  const is = [type, payer, payee, value, after, before];
  return words.length === 8 && is.every((word, i) => word === wanted[i]) ? nonce : undefined;
}

const address = (text: unknown): string => String(text).slice(2).toLowerCase().padStart(WORD, "0");

function uint(value: unknown): string {
  return BigInt(String(value)).toString(16).padStart(WORD, "0");
}
