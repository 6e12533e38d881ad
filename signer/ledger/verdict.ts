// What the ledger is asked and what it answers.
import type { Addition, Check } from "../../policy/evaluate.ts";
import type { X402Error } from "../../protocol/errors.ts";
import type { Memory } from "../../policy/memory.ts";
import type { Hold } from "./holds.ts";
import type { PaymentState } from "./payments.ts";
import type { Reservation } from "./reservation.ts";
import type { HeldBody, ReservedBody } from "./rows.ts";

/** What a decision may read: the time of the commit and the counters as the payments before it left them. */
export interface Books {
  readonly now: number;
  used(key: string, from: number, to: number): bigint;
  known(key: string): boolean;
  readonly memory: Memory;
}

export type ReservedFields = Omit<
  ReservedBody,
  "kind" | "at" | "add" | "used" | "booked" | "draft" | "approval" | "previous"
>;
export type HeldFields = ReservedFields & Pick<HeldBody, "until" | "checks">;

export type Verdict =
  | {
      is: "reserve";
      fields: ReservedFields;
      draft: Uint8Array;
      add: readonly Addition[];
      /** The approval that this uses up, and what is taken back of what it held. */
      approved?: { hold: Hold; givenBack: readonly Addition[] };
    }
  | { is: "hold"; fields: HeldFields; add: readonly Addition[] }
  | {
      is: "redraft";
      fields: ReservedFields;
      draft: Uint8Array;
      add: readonly Addition[];
      booked: readonly Addition[];
    }
  | { is: "decline"; check: Check; fields: object }
  | { is: "error"; error: X402Error };

/** Runs inside the step that records; synchronous, and writes nothing. */
export type Decide = (books: Books) => Verdict;

export type Recorded =
  | { is: "reserved"; reservation: Reservation }
  | { is: "held"; hold: Hold }
  | { is: "declined"; check: Check };

export interface Stored {
  readonly fingerprint: string;
  readonly state: PaymentState;
  readonly reservation: Reservation;
  /** The row with its newest draft, and its position. */
  readonly newest: ReservedBody;
  readonly draftSeq: number;
  /** All that its drafts have added. */
  readonly booked: readonly Addition[];
}
