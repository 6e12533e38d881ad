// The rails that this signer can pay on. All are loaded at start: later nothing can be.
import { evmRail } from "../chains/evm/rail.ts";
import type { Rail } from "../chains/rail.ts";
import { X402Error } from "../protocol/errors.ts";
import { railOf } from "../protocol/networks.ts";

export const RAILS: ReadonlyMap<string, Rail> = new Map([["evm", evmRail]]);

/** The rail of a payment on record. Throws INTERNAL when this software has none for it. */
export function railNamed(rails: ReadonlyMap<string, Rail>, network: string): Rail {
  const rail = rails.get(railOf(network) ?? "");
  if (!rail) throw new X402Error("INTERNAL", `no rail for ${network}`);
  return rail;
}
