// A reservation is a recorded spend, and the permit to sign. Only the ledger makes one, after the commit that recorded
// it: whoever holds a value of this class knows that the spend is on disk.

const permit = Symbol("permit");

export interface ReservationFields {
  readonly seq: number;
  readonly agent: string;
  readonly id: string;
  readonly network: string;
  readonly asset: string;
  readonly payTo: string;
  readonly from: string;
  /** The exact bytes to sign. */
  readonly draft: Uint8Array;
  /** Micro-USD. */
  readonly usd: string;
  /** Unix seconds. */
  readonly expires: number;
}

export class Reservation {
  readonly fields: ReservationFields;

  constructor(token: typeof permit, fields: ReservationFields) {
    if (token !== permit) throw new TypeError("only the ledger makes reservations");
    this.fields = fields;
  }
}

/** For signer/ledger/record.ts alone; a test holds this to that one caller. */
export const recordedReservation = (fields: ReservationFields): Reservation =>
  new Reservation(permit, fields);
