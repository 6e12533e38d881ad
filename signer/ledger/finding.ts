// What is wrong with a ledger that the operator may accept. Until then nothing is written, signed or unlocked; what is
// found is never overwritten before it is accepted.
import type { X402Error } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/shapes.ts";
import type { Store } from "./store.ts";

export interface Finding {
  /** LEDGER_BEHIND, LEDGER_DAMAGED or LEDGER_MISSING. */
  readonly error: X402Error;
  /** A row that is known to have been there and is not. */
  readonly lost?: Head | undefined;
  /** What was found on disk, if it can be read at all. */
  readonly store?: Store | undefined;
}
