import { X402Error } from "../../protocol/errors.ts";

/** The code that it throws, or "no error"; anything but an X402Error is a bug and thrown on. */
export function codeOf(work: () => unknown): string {
  try {
    work();
    return "no error";
  } catch (error) {
    if (error instanceof X402Error) return error.code;
    throw error;
  }
}
