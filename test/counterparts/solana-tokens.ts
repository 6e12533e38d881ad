// Mints and token accounts, written into LiteSVM as the token programs lay them out (SPL Token, "state").
import { PublicKey } from "@solana/web3.js";
import type { Address } from "@solana/kit";
import type { LiteSVM } from "litesvm";

export const SPL_TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
export const TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb";
const ASSOCIATED_TOKEN = new PublicKey("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

export interface Token {
  readonly mint: string;
  readonly program: string;
  readonly decimals: number;
}

/** The associated token account of an owner, by @solana/web3.js. */
export function tokenAccountOf(owner: string, { mint, program }: Pick<Token, "mint" | "program">): Address {
  const seeds = [owner, program, mint].map((key) => new PublicKey(key).toBuffer());
  const [address] = PublicKey.findProgramAddressSync(seeds, ASSOCIATED_TOKEN);
  return address.toBase58() as Address;
}

function write(svm: LiteSVM, address: string, program: string, data: Uint8Array): void {
  svm.setAccount({
    address: address as Address,
    data,
    executable: false,
    lamports: svm.minimumBalanceForRentExemption(BigInt(data.length)) as never,
    programAddress: program as Address,
    space: BigInt(data.length),
  });
}

/** A mint without authorities. */
export function writeMint(svm: LiteSVM, { mint, program, decimals }: Token, supply = 0n): void {
  const data = Buffer.alloc(82);
  data.writeBigUInt64LE(supply, 36);
  data.writeUInt8(decimals, 44);
  data.writeUInt8(1, 45); // initialized
  write(svm, mint, program, data);
}

export function writeTokenAccount(svm: LiteSVM, owner: string, token: Token, amount: bigint): void {
  const data = Buffer.alloc(165);
  data.set(new PublicKey(token.mint).toBuffer(), 0);
  data.set(new PublicKey(owner).toBuffer(), 32);
  data.writeBigUInt64LE(amount, 64);
  data.writeUInt8(1, 108); // initialized, not frozen
  write(svm, tokenAccountOf(owner, token), token.program, data);
}

export interface TokenAccount {
  readonly mint: string;
  readonly owner: string;
  readonly amount: bigint;
}

/** Undefined for an account that is not there, or is none of a token program. */
export function readTokenAccount(svm: LiteSVM, address: string): TokenAccount | undefined {
  const account = svm.getAccount(address as Address);
  if (!account.exists || ![SPL_TOKEN, TOKEN_2022].includes(account.programAddress)) return undefined;
  const data = Buffer.from(account.data);
  if (data.length < 165) return undefined;
  const key = (at: number): string => new PublicKey(data.subarray(at, at + 32)).toBase58();
  return { mint: key(0), owner: key(32), amount: data.readBigUInt64LE(64) };
}

export function decimalsOf(svm: LiteSVM, mint: string): number {
  const account = svm.getAccount(mint as Address);
  return account.exists ? Buffer.from(account.data).readUInt8(44) : 0;
}
