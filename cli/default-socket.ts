// Where a command looks for the signer when it is not told.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SERVICE_RUN } from "../protocol/places.ts";

/** A signer of one's own comes first; the service's only where there is none. `name` as in protocol/places.ts. */
export function defaultSocket(personal: string, name: string): string {
  const service = join(SERVICE_RUN, name);
  return !existsSync(personal) && existsSync(service) ? service : personal;
}

/** For --help: the places in order. */
export const describeDefault = (name: string): string =>
  `$XDG_RUNTIME_DIR/x402/${name}, else $X402_HOME/run/${name}, else ${join(SERVICE_RUN, name)}`;
