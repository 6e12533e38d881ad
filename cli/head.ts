// The newest head of the ledger that the operator has seen, beside the vault: what a signer whose ledger was rolled
// back cannot show. Every operator command keeps it; unlock hands it over.
import { join } from "node:path";
import { x402Home } from "../client/paths.ts";
import { X402Error } from "../protocol/errors.ts";
import { parseJson } from "../protocol/json.ts";
import { type Head, headSchema } from "../protocol/shapes.ts";
import { readPrivate, replacePrivate } from "../vault/file.ts";

const LIMIT = 1024;
const path = (): string => join(x402Home(), "head.json");

/**
 * What guards the next unlock of a vault that names `ledgerId` on the ledger that answers with `head`: the head on file.
 * A vault that was unlocked before has one, unless the file was taken away, and one that was not has none: an old copy of
 * the vault would take any ledger. Throws HEAD_MISSING and VAULT_OTHER_LEDGER.
 */
export function guardingHead(ledgerId: string | undefined, head: Head): Head | undefined {
  const known = knownHead();
  if (known && known.ledger === (ledgerId ?? head.ledger)) return known;
  if (ledgerId !== undefined) throw new X402Error("HEAD_MISSING");
  if (known === undefined) return undefined;
  const hint = "this vault names no ledger, and head.json another: if the vault is new, remove head.json";
  throw new X402Error("VAULT_OTHER_LEDGER", undefined, { hint });
}

/** The head on file. Throws VAULT_UNSAFE_FILE, or USAGE for a file that holds none. */
export const knownHead = (): Head | undefined => parse(readPrivate(path(), LIMIT));

/**
 * Keeps `head` if it is of the same ledger as the one on file and not older. Where there is none, or another ledger's,
 * it is kept only when `ledger` names it: the vault does, and a signer that merely answers does not.
 */
export function keepHead(head: Head, ledger?: string): void {
  const known = knownHead();
  const replaces = known?.ledger !== head.ledger ? head.ledger === ledger : head.seq > known.seq;
  if (!replaces) return;
  replacePrivate(path(), LIMIT, () => Buffer.from(`${JSON.stringify(head)}\n`));
}

function parse(bytes: Uint8Array | undefined): Head | undefined {
  if (bytes === undefined) return undefined;
  try {
    return headSchema.parse(parseJson(Buffer.from(bytes).toString("utf8"), "head"));
  } catch {
    const hint =
      "it guards against a ledger that was rolled back; remove it only if you know that yours was not";
    throw new X402Error("USAGE", `${path()} holds no head`, { hint });
  }
}
