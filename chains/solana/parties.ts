// Who takes part in a payment, and who may not: the accounts of its transfer, and the fee payer, who is none of them.
// Source: x402 specification, "exact" on Solana.
import { solanaBytes } from "../../protocol/solana-address.ts";
import type { Order, Refusal } from "../rail.ts";
import type { TransferMessage } from "./message.ts";
import { PROGRAM_IDS } from "./programs.ts";
import type { TokenAccounts } from "./token-account.ts";

type Parties = Pick<
  TransferMessage,
  "feePayer" | "authority" | "source" | "destination" | "mint" | "tokenProgram"
>;

/** Every address is checked before an account is worked out for it. */
export function partiesOf({ intent, asset, from }: Order, accounts: TokenAccounts): Parties | Refusal {
  const authority = solanaBytes(from);
  const mint = solanaBytes(asset.address);
  const { tokenProgram } = asset;
  // Both come from our own record, never from a seller.
  if (!authority || !mint || !tokenProgram) return { refused: "INTERNAL" };
  const payee = solanaBytes(intent.payTo);
  if (!payee) return { refused: "INVALID_PAYEE" };
  if (same(payee, authority)) return { refused: "SELF_PAYMENT" };
  const source = accounts.of(authority, mint, tokenProgram);
  if (isOneOf(payee, [mint, source, ...PROGRAM_IDS])) return { refused: "INVALID_PAYEE" };
  const destination = accounts.of(payee, mint, tokenProgram);
  const feePayer = solanaBytes(intent.extra?.feePayer ?? "");
  if (!feePayer) return { refused: "FEE_PAYER_INVALID" };
  const parties = { feePayer, authority, source, destination, mint, tokenProgram };
  return areDistinct(parties) ? parties : { refused: "FEE_PAYER_INVALID" };
}

/** Nobody has two parts. Above all the fee payer, who signs for all of it, is no party of the transfer. */
export function areDistinct({ feePayer, authority, source, destination, mint }: Parties): boolean {
  const keys = [feePayer, authority, source, destination, mint, ...PROGRAM_IDS];
  return new Set(keys.map((key) => Buffer.from(key).toString("latin1"))).size === keys.length;
}

const isOneOf = (key: Uint8Array, keys: readonly Uint8Array[]): boolean =>
  keys.some((other) => same(key, other));

export const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
