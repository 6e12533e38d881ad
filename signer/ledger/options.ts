// What a ledger is told when it is opened, and whom it tells.
import type { Addition } from "../../policy/evaluate.ts";
import type { X402Error } from "../../protocol/errors.ts";
import type { Boot } from "./clock.ts";
import type { Hold } from "./holds.ts";

export interface LedgerOptions {
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** What was found wrong with it while it was open before: it is opened as one that is not trusted. */
  readonly distrust?: X402Error | undefined;
  /** Which run of the machine this is, and how long it has run: what `clock` is held against. */
  readonly boot?: Boot | undefined;
  /** Bytes that may still be written where the ledger is. */
  readonly freeBytes?: (() => number) | undefined;
  /** True for a counter whose window is over and will never be read again. */
  readonly isOver: (key: string, bucket: number, now: number) => boolean;
  /** All that is counted for a hold, also in documents that came after it; what its row added when absent. */
  readonly bookedFor?: (hold: Hold) => readonly Addition[];
  /** Signs a checkpoint; undefined while the signer is locked. */
  readonly attest?: (payload: object) => string | undefined;
  /** Told of each row that is no payment, when it is on disk. */
  readonly onRecord?: (kind: string, fields: object) => void;
  /** Told of each commit of payments: how many, and milliseconds from its first row to the disk. */
  readonly onCommit?: (payments: number, ms: number) => void;
  /** Called once, when a commit has failed: nothing may be signed any more and the process has to end. */
  readonly onFault: (error: X402Error) => void;
}
