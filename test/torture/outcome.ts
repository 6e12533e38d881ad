import { type Code, X402Error } from "../../protocol/errors.ts";
import { StartFailed } from "../counterparts/signer.ts";

/** The code of what a signer answered; rethrows everything else. */
export function errorCode(error: unknown): Code {
  if (error instanceof X402Error) return error.code;
  throw error;
}

/** For what a signer that ended takes with it. */
export function unlessUnreachable(error: unknown): void {
  if (errorCode(error) !== "SIGNER_UNREACHABLE") throw error;
}

/** What a signer that did not start said; rethrows everything else. */
export function startFailure(error: unknown): StartFailed {
  if (error instanceof StartFailed) return error;
  throw error;
}
