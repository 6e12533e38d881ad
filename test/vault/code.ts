// What a test asserts of a failure: the code of the table, or the error itself when it is none of ours.
import { X402Error } from "../../protocol/errors.ts";

/** The code `fn` throws or rejects with; "no error" when it does neither. */
export async function codeOf(fn: () => unknown): Promise<string> {
  try {
    await fn();
    return "no error";
  } catch (error) {
    if (error instanceof X402Error) return error.code;
    throw error;
  }
}
