// The bytes of a payment on Solana, and back: a message of version 0 that always has the same eight accounts and the
// same four instructions, so that all but the memo stands at a fixed place.
//
//   version | header | 8 keys | blockhash | 4 instructions | no lookup tables
//   keys: fee payer, payer (signers; the second read-only) | source, destination (writable) | mint, programs (read-only)
//   instructions: compute unit limit, compute unit price, TransferChecked, memo
//
// Sources: Solana's documents, "Transactions" (format, compact-u16, order of accounts); x402 specification, "exact" on
// Solana (which instructions, in which order); SPL Token, TransferChecked; Compute Budget, instructions 2 and 3.
import { TOKEN_PROGRAMS, type TokenProgram } from "../../protocol/assets.ts";
import { COMPUTE_BUDGET, MEMO, TOKEN_PROGRAM_IDS } from "./programs.ts";

/** What a payment's message says; 32 bytes where nothing else is said. */
export interface TransferMessage {
  readonly feePayer: Uint8Array;
  /** The payer: the owner of `source`. */
  readonly authority: Uint8Array;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly mint: Uint8Array;
  readonly tokenProgram: TokenProgram;
  readonly blockhash: Uint8Array;
  /** Below 2^64. */
  readonly amount: bigint;
  readonly decimals: number;
  /** UTF-8, at most 256 bytes. */
  readonly memo: Uint8Array;
}

export const MOST_MEMO_BYTES = 256;
const KEY = 32;

/** Version 0; two signatures, the second read-only; four read-only accounts that do not sign; eight keys. */
const HEAD = Buffer.from([0x80, 2, 1, 4, 8]);
/** Four instructions, the first two of them: SetComputeUnitLimit(20,000) and SetComputeUnitPrice(1 microlamport). */
const BUDGET = Buffer.from([4, 5, 0, 5, 2, 0x20, 0x4e, 0, 0, 5, 0, 9, 3, 1, 0, 0, 0, 0, 0, 0, 0]);
/** TransferChecked of source, mint, destination and authority, up to its amount. */
const TRANSFER = Buffer.from([6, 4, 2, 4, 3, 1, 10, 12]);
/** The memo, up to its length: no account signs it. */
const NOTE = Buffer.from([7, 0]);
const NO_LOOKUPS = Buffer.from([0]);

const BLOCKHASH_AT = HEAD.length + 8 * KEY;
const AMOUNT_AT = BLOCKHASH_AT + KEY + BUDGET.length + TRANSFER.length;
const NOTE_AT = AMOUNT_AT + 8 + 1;

export function encodeMessage(message: TransferMessage): Uint8Array {
  const { feePayer, authority, source, destination, mint, tokenProgram, blockhash, memo } = message;
  if (memo.length > MOST_MEMO_BYTES) throw new RangeError(`a memo has at most ${MOST_MEMO_BYTES} bytes`);
  const ours = [feePayer, authority, source, destination, mint, blockhash];
  if (ours.some(({ length }) => length !== KEY)) throw new RangeError(`a key has ${KEY} bytes`);
  return Buffer.concat([
    ...[HEAD, feePayer, authority, source, destination, mint],
    ...[COMPUTE_BUDGET, TOKEN_PROGRAM_IDS[tokenProgram], MEMO, blockhash],
    ...[BUDGET, TRANSFER, quantity(message), NOTE, compactU16(memo.length), memo, NO_LOOKUPS],
  ]);
}

/** Undefined for anything that encodeMessage cannot have made: what is read is written again and compared. */
export function decodeMessage(bytes: Uint8Array): TransferMessage | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memoLength = memoLengthIn(view.length);
  const tokenProgram = TOKEN_PROGRAMS.find((name) => keyAt(view, 6).equals(TOKEN_PROGRAM_IDS[name]));
  if (memoLength === undefined || tokenProgram === undefined) return undefined;
  const message = {
    feePayer: keyAt(view, 0),
    authority: keyAt(view, 1),
    source: keyAt(view, 2),
    destination: keyAt(view, 3),
    mint: keyAt(view, 4),
    tokenProgram,
    blockhash: view.subarray(BLOCKHASH_AT, BLOCKHASH_AT + KEY),
    amount: view.readBigUInt64LE(AMOUNT_AT),
    decimals: view.readUInt8(AMOUNT_AT + 8),
    memo: view.subarray(view.length - 1 - memoLength, view.length - 1),
  };
  return view.equals(encodeMessage(message)) ? message : undefined;
}

const keyAt = (view: Buffer, index: number): Buffer =>
  view.subarray(HEAD.length + index * KEY, HEAD.length + (index + 1) * KEY);

/** How long the memo must be in a message of this length. */
function memoLengthIn(length: number): number | undefined {
  const rest = length - NOTE_AT - NOTE.length - NO_LOOKUPS.length;
  const memoLength = rest <= 0x80 ? rest - 1 : rest - 2;
  return memoLength >= 0 && memoLength <= MOST_MEMO_BYTES ? memoLength : undefined;
}

function quantity({ amount, decimals }: TransferMessage): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64LE(amount);
  bytes.writeUInt8(decimals, 8);
  return bytes;
}

/** Solana's compact-u16, for what fits 14 bits: seven bits a byte, low ones first. */
const compactU16 = (value: number): Buffer =>
  Buffer.from(value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7]);
