// Decisions on record: their rows, counters and checkpoints, and the way back from an intent to its reservation. Only
// this file makes reservations, of what is in the commit that is under way or was read back from disk. Writes are
// inside the caller's transaction.
import type { Addition } from "../../policy/evaluate.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { Chain } from "./chain.ts";
import type { Counters } from "./counters.ts";
import { DeclineThrottle } from "./declines.ts";
import { PAYMENT_STATES, type Payments } from "./payments.ts";
import { type Hold, type Holds, givenBack } from "./holds.ts";
import type { PaidBefore } from "./memory.ts";
import { type Reservation, recordedReservation } from "./reservation.ts";
import {
  type HeldBody,
  countedFields,
  readAdditions,
  readReserved,
  recordedCheck,
  writeAdditions,
} from "./rows.ts";
import type { Recorded, Stored, Verdict } from "./verdict.ts";

type DraftVerdict = Extract<Verdict, { is: "reserve" | "redraft" }>;
type HoldVerdict = Extract<Verdict, { is: "hold" }>;

/** The tables that a decision is entered into. */
interface Tables {
  readonly chain: Chain;
  readonly counters: Counters;
  readonly payments: Payments;
  readonly holds: Holds;
  readonly memory: PaidBefore;
}

export class PaymentRecord {
  readonly #chain: Chain;
  readonly #counters: Counters;
  readonly #payments: Payments;
  readonly #holds: Holds;
  readonly #memory: PaidBefore;
  readonly #throttle = new DeclineThrottle();
  #rowsSinceCheckpoint: number;

  constructor({ chain, counters, payments, holds, memory }: Tables, rowsSinceCheckpoint: number) {
    this.#chain = chain;
    this.#counters = counters;
    this.#payments = payments;
    this.#holds = holds;
    this.#memory = memory;
    this.#rowsSinceCheckpoint = rowsSinceCheckpoint;
  }

  get rowsSinceCheckpoint(): number {
    return this.#rowsSinceCheckpoint;
  }

  /** A checkpoint is the last row, and nothing waits to be written. */
  get checkpointed(): boolean {
    return this.#rowsSinceCheckpoint === 0 && this.#throttle.empty;
  }

  /** The intent's reservation with its newest draft, if it has one. Throws LEDGER_DAMAGED. */
  find(agent: string, id: string): Stored | undefined {
    const row = this.#payments.find(agent, id);
    if (!row) return undefined;
    const body = readReserved(this.#chain.body(row.draft));
    // The index has no hash of its own: a damaged one must not answer for another intent.
    const fits = body?.agent === agent && body.id === id && body.fingerprint === row.fingerprint;
    if (!fits || !PAYMENT_STATES.includes(row.state))
      throw new X402Error("LEDGER_DAMAGED", `row ${row.draft} is not the draft of this intent`);
    const reservation = recordedReservation({
      ...body,
      seq: row.seq,
      draft: Buffer.from(body.draft, "base64"),
    });
    const booked = readAdditions(body.booked ?? body.add);
    const { fingerprint, state, draft: draftSeq } = row;
    return { fingerprint, state, reservation, newest: body, draftSeq, booked };
  }

  /** Position of the new row: the next one, unless it is given. */
  append(body: object, seq?: number): number {
    this.#rowsSinceCheckpoint += 1;
    return this.#chain.append(JSON.stringify(body), seq);
  }

  /** `at` in unix milliseconds; `hasRoom`: a decline may have a row of its own. */
  verdict(agent: string, verdict: Exclude<Verdict, { is: "error" }>, at: number, hasRoom: boolean): Recorded {
    if (verdict.is === "hold") return { is: "held", hold: this.#hold(verdict, at) };
    if (verdict.is !== "decline") return { is: "reserved", reservation: this.#draft(verdict, at) };
    const check = recordedCheck(verdict.check);
    if (this.#throttle.hasOwnRow(agent, check, at, hasRoom)) {
      this.append({ kind: "payment.declined", at, ...verdict.fields, check });
    }
    return { is: "declined", check: verdict.check };
  }

  /** Holds that are over at `at`, each with a row that gives back what `bookedFor` it. Returns what the rows say. */
  lapse(
    at: number,
    bookedFor: (hold: Hold) => readonly Addition[],
    isOver: (key: string, bucket: number) => boolean,
  ): { approval: number; agent: string }[] {
    return this.#holds.due(at).map((hold) => {
      const { agent, id, usd } = hold.row;
      const add = givenBack(bookedFor(hold), isOver);
      const used = add.map((addition) => this.#counters.add(addition));
      const fields = { approval: hold.seq, agent, id, usd, ...countedFields(add, used) };
      this.#holds.end(hold, "lapsed", this.append({ kind: "payment.lapsed", at, ...fields }));
      return { approval: hold.seq, agent };
    });
  }

  /** The declines that were only counted and are due at `due` (unix ms). */
  countedDeclines(at: number, due = at): void {
    for (const decline of this.#throttle.due(due)) this.append({ kind: "payment.declined", at, ...decline });
  }

  /** `attest` signs what it is given, or does not while the signer is locked. */
  checkpoint(
    at: number,
    isOver: (key: string, bucket: number) => boolean,
    attest?: (payload: object) => string | undefined,
  ): void {
    this.countedDeclines(at, Infinity);
    this.#counters.flush();
    this.#counters.prune(isOver);
    const counters = this.#counters.checkpoint();
    const { ledger, seq, hash } = this.#chain.head();
    const sig = attest?.({ ledger, seq: seq + 1, previous: hash, counters, at });
    this.append({ kind: "checkpoint", at, counters, ...(sig === undefined ? {} : { sig }) });
    this.#rowsSinceCheckpoint = 0;
  }

  #hold({ fields, add }: HoldVerdict, at: number): Hold {
    const used = add.map((addition) => this.#counters.add(addition));
    const counted = { add: writeAdditions(add), used: used.map(String) };
    const body: HeldBody = { kind: "payment.held", at, ...fields, ...counted };
    return this.#holds.insert(this.append(body), body);
  }

  #draft(verdict: DraftVerdict, at: number): Reservation {
    const { fields } = verdict;
    const approved = verdict.is === "reserve" ? verdict.approved : undefined;
    const add = [...(approved?.givenBack ?? []), ...verdict.add];
    const draft = Buffer.from(verdict.draft).toString("base64");
    const kind = verdict.is === "reserve" ? "payment.reserved" : "payment.redrafted";
    const before =
      verdict.is === "redraft"
        ? {
            booked: writeAdditions(summed([...verdict.booked, ...verdict.add])),
            previous: this.#payments.find(fields.agent, fields.id)?.draft,
          }
        : approved && { approval: approved.hold.seq, booked: writeAdditions(verdict.add) };
    const used = add.map((addition) => this.#counters.add(addition));
    const counted = { add: [], used: [], ...countedFields(add, used) };
    const seq = this.append({ kind, at, ...fields, draft, ...counted, ...before });
    const { agent, id } = fields;
    if (verdict.is === "reserve") this.#payments.insert(agent, id, fields.fingerprint, seq);
    else this.#payments.moveDraft(agent, id, seq);
    if (approved) this.#holds.end(approved.hold, "signed", seq);
    if (verdict.is === "reserve" && this.#memory.isKept)
      this.#memory.note({ ...fields, approval: approved?.hold.seq }, seq);
    return recordedReservation({ ...fields, seq, draft: verdict.draft });
  }
}

/** One addition for each bucket of each counter. */
function summed(additions: readonly Addition[]): Addition[] {
  const sums = new Map<string, Addition>();
  for (const addition of additions) {
    const id = `${addition.key}\n${addition.bucket}`;
    sums.set(id, { ...addition, amount: addition.amount + (sums.get(id)?.amount ?? 0n) });
  }
  return [...sums.values()];
}
