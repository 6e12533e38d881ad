// The one place where a payment gets its signature. It takes a Reservation, which only the ledger makes and only after
// the commit: what was not recorded cannot be signed.
import type { Rail } from "../chains/rail.ts";
import { X402Error } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";
import { railOf } from "../protocol/networks.ts";
import type { Keyring } from "./keyring.ts";
import type { Reservation } from "./ledger/reservation.ts";

/** The scheme's payload; the same reservation gives the same bytes, always. Throws SIGNER_LOCKED. */
export function signReservation(
  { fields }: Reservation,
  keyring: Keyring,
  rails: ReadonlyMap<string, Rail>,
): Json {
  const name = railOf(fields.network);
  const rail = name === undefined ? undefined : rails.get(name);
  if (name === undefined || !rail) throw new X402Error("INTERNAL", `no rail for ${fields.network}`);
  return rail.sign(fields.draft, keyring.key(name, fields.from));
}
