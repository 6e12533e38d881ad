// The audit chain: what is hashed. docs/ledger.md is the description, and verify/ checks it without this file.
//
// A row's body is one JSON text, hashed as it stands, and a hash is 64 hex digits: hash(n) = SHA-256(hash(n-1) || body),
// both as text in UTF-8, and hash(0) = SHA-256("x402/ledger/1 " || ledger id). A row can be neither changed nor removed without changing
// every hash after it, so a remembered head proves all rows before it.
import { hash } from "node:crypto";

/** What a counter gained with a row: key, bucket, amount as a decimal string. */
export type RowAddition = [key: string, bucket: number, amount: string];

export const genesisHash = (ledgerId: string): string => hash("sha256", `x402/ledger/1 ${ledgerId}`);

export const rowHash = (previous: string, body: string): string => hash("sha256", previous + body);
