// Codes as values: what is said of one, and the error that carries it. The table is codes.ts.
import type { Entry } from "./code-entry.ts";
import { CODES } from "./codes.ts";

export { CODES } from "./codes.ts";

export type Code = keyof typeof CODES;

/** What is said of a code on the wire and on a terminal. */
export const entryOf = (code: Code): Entry => CODES[code];

export const isCode = (value: unknown): value is Code =>
  typeof value === "string" && Object.hasOwn(CODES, value);

/** Thrown for what was not considered. `message` comes from the table, followed by `detail` if there is one. */
export class X402Error extends Error {
  override readonly name: string = "X402Error";
  readonly code: Code;
  readonly retryable: boolean;
  readonly hint: string;
  intentId?: string;

  constructor(code: Code, detail?: string, options?: { hint?: string; intentId?: string; cause?: unknown }) {
    const entry = entryOf(code);
    super(detail === undefined ? entry.text : `${entry.text}: ${detail}`, { cause: options?.cause });
    this.code = code;
    this.retryable = entry.retryable;
    this.hint = options?.hint ?? entry.hint;
    if (options?.intentId !== undefined) this.intentId = options.intentId;
  }
}
