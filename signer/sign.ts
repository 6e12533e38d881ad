// The one place where a payment gets its signature. It takes a Reservation, which only the ledger makes and only after
// the commit: what was not recorded cannot be signed.
import type { Rail } from "../chains/rail.ts";
import type { Json } from "../protocol/json.ts";
import { railOf } from "../protocol/networks.ts";
import type { Keyring } from "./keyring.ts";
import type { Reservation } from "./ledger/reservation.ts";
import { railNamed } from "./rails.ts";

/** The scheme's payload; the same reservation gives the same bytes, always. Throws SIGNER_LOCKED and RAIL_NOT_LOADED. */
export function signReservation(
  { fields }: Reservation,
  keyring: Keyring,
  rails: ReadonlyMap<string, Rail>,
): Json {
  const rail = railNamed(rails, fields.network);
  return rail.sign(fields.draft, keyring.key(railOf(fields.network) ?? "", fields.from));
}
