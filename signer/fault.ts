// How the process ends when it cannot go on: one line, a hint, and the exit status of its code. Nothing is in it but what
// the table of codes says, what the system said of a file, and a place in the code.
import { X402Error, entryOf } from "../protocol/errors.ts";
import { openStderr } from "./stderr.ts";

/** Opened while there is a right to: the first use of it does that. */
export const stderr = openStderr();

/** Says what was thrown, and ends the process with the exit status of its code. */
export function fail(error: unknown): never {
  const { message, hint, code } = error instanceof X402Error ? error : asKnown(error);
  stderr.write(`x402-signer: ${message}\n  ${hint}\n`);
  process.exit(entryOf(code).exit);
}

/** Ends the process on what nobody has caught: what it holds in memory can no longer be relied upon. */
export function failOnUncaught(): void {
  // Promises that nobody has caught come here, too.
  process.on("uncaughtException", fail);
}

/** Of what others throw: parseArgs, the file system (a folder that cannot be made), or a fault of our own. */
function asKnown(error: unknown): X402Error {
  const { code = "", syscall, message } = error as NodeJS.ErrnoException;
  if (code.startsWith("ERR_PARSE_ARGS")) return new X402Error("USAGE", message);
  if (syscall !== undefined) return new X402Error("LEDGER_WRITE", message);
  return new X402Error("INTERNAL", placeOf(error));
}

/** Kind of error, and where; never its message, which may hold what was being worked on. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return "something that is no error was thrown";
  const { code = error.name } = error as NodeJS.ErrnoException;
  const kind = /^[A-Z][A-Za-z0-9_]{0,40}$/.test(code) ? code : "Error";
  const frames = (error.stack ?? "").replace(error.message, "").split("\n");
  const frame = frames.find((line) => line.startsWith("    at "))?.trim();
  return frame === undefined ? kind : `${kind} ${frame}`;
}
