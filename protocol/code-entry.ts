// One entry of the table of codes: protocol/codes.ts says what its members mean.

export interface Entry {
  readonly kind: "decline" | "hold" | "error";
  readonly retryable: boolean;
  readonly exit: 1 | 2 | 3 | 4;
  readonly text: string;
  readonly hint: string;
}

export const decline = (text: string, hint: string, retryable = false): Entry => ({
  kind: "decline",
  retryable,
  exit: 1,
  text,
  hint,
});
/** The payment waits for a person's word: nothing is signed, and the same request may succeed later. */
export const hold = (text: string, hint: string): Entry => ({
  kind: "hold",
  retryable: true,
  exit: 3,
  text,
  hint,
});
export const refuse = (text: string, hint: string): Entry => ({
  kind: "error",
  retryable: false,
  exit: 2,
  text,
  hint,
});
export const later = (text: string, hint: string): Entry => ({
  kind: "error",
  retryable: true,
  exit: 3,
  text,
  hint,
});
export const fault = (text: string, hint: string): Entry => ({
  kind: "error",
  retryable: false,
  exit: 4,
  text,
  hint,
});
