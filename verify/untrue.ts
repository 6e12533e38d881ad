// How a check says no. It ends the verification: what comes after something untrue proves nothing.

/** Something in the record is not true. `what` is for people; `row` is where, if it is in a row. */
export class Untrue extends Error {
  readonly row: number | undefined;

  constructor(what: string, row?: number) {
    super(row === undefined ? what : `row ${row}: ${what}`);
    this.row = row;
  }
}

/** Throws Untrue unless the first is true. */
export type Must = (holds: boolean, what: string) => void;

/** For a row; where `isSound` is false nothing is thrown. */
export const mustAt =
  (row: number, isSound = true): Must =>
  (holds, what) => {
    if (!holds && isSound) throw new Untrue(what, row);
  };
