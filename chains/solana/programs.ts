// The programs that a payment calls or is derived with, under the ids that they have on every cluster.
import type { TokenProgram } from "../../protocol/assets.ts";
import { solanaBytes } from "../../protocol/solana-address.ts";

function idOf(text: string): Uint8Array {
  const bytes = solanaBytes(text);
  if (!bytes) throw new RangeError("not a program's id");
  return bytes;
}

export const COMPUTE_BUDGET = idOf("ComputeBudget111111111111111111111111111111");
export const MEMO = idOf("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
export const ASSOCIATED_TOKEN = idOf("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
/** 32 zero bytes: the system program is the address of nobody, too. */
export const SYSTEM = idOf("11111111111111111111111111111111");

export const TOKEN_PROGRAM_IDS: Readonly<Record<TokenProgram, Uint8Array>> = {
  "spl-token": idOf("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"),
  "token-2022": idOf("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"),
};

export const PROGRAM_IDS: readonly Uint8Array[] = [
  ...[SYSTEM, COMPUTE_BUDGET, MEMO, ASSOCIATED_TOKEN],
  ...Object.values(TOKEN_PROGRAM_IDS),
];
