// A transfer on Solana: the one message of version 0 that a payment can be, written anew of the row and compared. Free
// are only the fee payer, who is no party of it, the token program, the blockhash and the memo. Sources: Solana's
// documents, "Transactions"; x402 specification, "exact" on Solana; SPL Token, TransferChecked.
import type { Draft } from "./draft.ts";
import { knownKey, solanaKey, tokenAccount } from "./solana-account.ts";
import { type JsonObject, isCount, textOf } from "./text.ts";

const KEY = 32;
/** Version 0; two signatures, the second of them read-only; four programs and mints that are read-only; eight keys. */
const HEAD = Buffer.from("8002010408", "hex");
/** Four instructions: a limit of 20,000 compute units, a price of 1 microlamport for each, ... */
const BUDGET = Buffer.from("0405000502204e00000500090301" + "00".repeat(7), "hex");
/** ... TransferChecked from key 2 of mint 4 to key 3 by key 1, with ten bytes of data, ... */
const TRANSFER = Buffer.from("0604020403010a0c", "hex");
/** ... and a memo without accounts. */
const MEMO = Buffer.from("0700", "hex");
const NO_LOOKUPS = Buffer.from("00", "hex");
const MOST_MEMO_BYTES = 256;

const COMPUTE_BUDGET_PROGRAM = knownKey("ComputeBudget111111111111111111111111111111");
const MEMO_PROGRAM = knownKey("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
const TOKEN_PROGRAMS = [
  "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
  "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
].map(knownKey);

const BLOCKHASH_AT = HEAD.length + 8 * KEY;
const MEMO_AT = BLOCKHASH_AT + KEY + BUDGET.length + TRANSFER.length + 9 + MEMO.length;

/** Undefined for any bytes that do not pay what the row says. */
export function readSolana(bytes: Buffer, row: JsonObject): Draft | undefined {
  const { from, payTo, asset, amount, decimals, symbol } = row;
  const [owner, payee, mint] = [from, payTo, asset].map((key) => solanaKey(textOf(key)));
  const feePayer = keyAt(bytes, 0);
  const program = TOKEN_PROGRAMS.find((key) => key.equals(keyAt(bytes, 6)));
  const units = BigInt(textOf(amount));
  const counts = units >= 0n && units < 1n << 64n && isCount(decimals) && decimals >= 0 && decimals < 256;
  if (!owner || !payee || !mint || !program || !counts) return undefined;
  const [source, destination] = [owner, payee].map((key) => tokenAccount(key, program, mint));
  if (!source || !destination) return undefined;
  const parties = [feePayer, owner, source, destination, mint, COMPUTE_BUDGET_PROGRAM, program, MEMO_PROGRAM];
  const blockhash = bytes.subarray(BLOCKHASH_AT, BLOCKHASH_AT + KEY);
  const quantity = Buffer.alloc(9);
  quantity.writeBigUInt64LE(units);
  quantity.writeUInt8(decimals, 8);
  const wanted = [HEAD, ...parties, blockhash, BUDGET, TRANSFER, quantity, MEMO, memoIn(bytes), NO_LOOKUPS];
  const isParty = parties.slice(1).some((key) => key.equals(feePayer));
  if (isParty || !Buffer.concat(wanted).equals(bytes)) return undefined;
  return { nonce: "", inputs: [], parts: [{ symbol: textOf(symbol), units, why: "payment" }] };
}

const keyAt = (bytes: Buffer, index: number): Buffer =>
  bytes.subarray(HEAD.length + index * KEY, HEAD.length + (index + 1) * KEY);

/** With its length as Solana's compact-u16 writes it; empty where it can be none. */
function memoIn(bytes: Buffer): Buffer {
  const isLong = ((bytes[MEMO_AT] ?? 0) & 0x80) !== 0;
  const memo = bytes.subarray(MEMO_AT + (isLong ? 2 : 1), -NO_LOOKUPS.length);
  const { length } = memo;
  if (length === 0 || length > MOST_MEMO_BYTES) return Buffer.alloc(0);
  const prefix = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  return Buffer.concat([Buffer.from(prefix), memo]);
}
