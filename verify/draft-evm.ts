// EIP-3009 on EVM: 32 bytes of EIP-712 domain separator and the struct of transferWithAuthorization (type hash, from, to,
// value, validAfter, validBefore, nonce), 32 bytes each.
import type { Draft } from "./draft.ts";
import { type JsonObject, textOf } from "./text.ts";

const TRANSFER_TYPE = "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267";
const WORD = 64;

/** Undefined for any bytes that do not pay what the row says. */
export function readEvm(bytes: Buffer, row: JsonObject): Draft | undefined {
  const { from, payTo, amount, expires, symbol } = row;
  const hex = bytes.toString("hex");
  const words = Array.from({ length: hex.length / WORD }, (_, i) => hex.slice(i * WORD, (i + 1) * WORD));
  const [, type, payer, payee, value, after, before, nonce] = words;
  const units = BigInt(textOf(amount));
  const wanted = [TRANSFER_TYPE, address(from), address(payTo), word(units), word(0n), uint(expires)];
  const is = [type, payer, payee, value, after, before];
  if (nonce === undefined || words.length !== 8 || !is.every((one, i) => one === wanted[i])) return undefined;
  return { nonce, inputs: [], parts: [{ symbol: textOf(symbol), units, why: "payment" }] };
}

const address = (text: unknown): string => String(text).slice(2).toLowerCase().padStart(WORD, "0");

const uint = (value: unknown): string => word(BigInt(String(value)));

const word = (value: bigint): string => value.toString(16).padStart(WORD, "0");
