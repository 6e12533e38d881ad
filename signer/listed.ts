// Drafts for lists, where one row that was changed on disk must not hide the others: it is left out, and still counts.
// What is signed, given back or filled is read by those who stop at such a row.
import { X402Error } from "../protocol/errors.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type ReservedBody, readReserved } from "./ledger/rows.ts";

/** Undefined for a row of another kind, and for one that cannot be read. */
export function listedDraft(body: string): ReservedBody | undefined {
  try {
    return readReserved(body);
  } catch {
    return undefined;
  }
}

/** Undefined for a row that is not as it was written. */
export function listedDraftAt(ledger: Ledger, seq: number): ReservedBody | undefined {
  try {
    return readReserved(ledger.body(seq));
  } catch (error) {
    if (error instanceof X402Error && error.code === "LEDGER_DAMAGED") return undefined;
    throw error;
  }
}
