// Decisions on record: their rows, counters and checkpoints, and the way back from an intent to its reservation. Only
// this file makes reservations, of what is in the commit that is under way or was read back from disk. Writes are
// inside the caller's transaction.
import type { Addition } from "../../policy/evaluate.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { Chain } from "./chain.ts";
import type { Counters } from "./counters.ts";
import { DeclineThrottle } from "./declines.ts";
import { PAYMENT_STATES, type Payments } from "./payments.ts";
import { type Reservation, recordedReservation } from "./reservation.ts";
import { countedFields, readAdditions, readReserved, recordedCheck, writeAdditions } from "./rows.ts";
import type { Recorded, Stored, Verdict } from "./verdict.ts";

type DraftVerdict = Extract<Verdict, { is: "reserve" | "redraft" }>;

export class PaymentRecord {
  readonly #chain: Chain;
  readonly #counters: Counters;
  readonly #payments: Payments;
  readonly #throttle = new DeclineThrottle();
  #rowsSinceCheckpoint: number;

  constructor(chain: Chain, counters: Counters, payments: Payments, rowsSinceCheckpoint: number) {
    this.#chain = chain;
    this.#counters = counters;
    this.#payments = payments;
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
    if (verdict.is !== "decline") return { is: "reserved", reservation: this.#draft(verdict, at) };
    const check = recordedCheck(verdict.check);
    if (this.#throttle.hasOwnRow(agent, check, at, hasRoom)) {
      this.append({ kind: "payment.declined", at, ...verdict.fields, check });
    }
    return { is: "declined", check: verdict.check };
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

  #draft(verdict: DraftVerdict, at: number): Reservation {
    const { fields, add } = verdict;
    const draft = Buffer.from(verdict.draft).toString("base64");
    const kind = verdict.is === "reserve" ? "payment.reserved" : "payment.redrafted";
    const before =
      verdict.is === "redraft"
        ? {
            booked: writeAdditions(summed([...verdict.booked, ...add])),
            previous: this.#payments.find(fields.agent, fields.id)?.draft,
          }
        : {};
    const used = add.map((addition) => this.#counters.add(addition));
    const counted = { add: [], used: [], ...countedFields(add, used) };
    const seq = this.append({ kind, at, ...fields, draft, ...counted, ...before });
    const { agent, id } = fields;
    if (verdict.is === "reserve") this.#payments.insert(agent, id, fields.fingerprint, seq);
    else this.#payments.moveDraft(agent, id, seq);
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
