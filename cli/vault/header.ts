// What is readable of a vault, for a command that needs one.
import { lstatSync } from "node:fs";
import { X402Error } from "../../protocol/errors.ts";
import type { Header } from "../../vault/format.ts";
import { readHeader } from "../../vault/vault.ts";

/** A vault that is not there is told before what is wrong with the folder it is not in. Throws the VAULT_ codes. */
export function headerAt(path: string): Header {
  if (isMissing(path)) throw new X402Error("VAULT_MISSING", path);
  return readHeader(path);
}

function isMissing(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false; // readHeader says why it cannot be looked at
  }
}
