// The rails that this signer can pay on. All are loaded at start: later nothing can be.
import { evmRail } from "../chains/evm/rail.ts";
import type { Rail } from "../chains/rail.ts";
import { X402Error } from "../protocol/errors.ts";

export const RAILS: ReadonlyMap<string, Rail> = new Map([["evm", evmRail]]);

const RAIL_OF_NAMESPACE: Readonly<Record<string, string>> = { eip155: "evm" };

/** The rail of a CAIP-2 network, by its namespace; undefined when there is none. */
export function railOf(network: string): string | undefined {
  const namespace = network.slice(0, network.indexOf(":"));
  return Object.hasOwn(RAIL_OF_NAMESPACE, namespace) ? RAIL_OF_NAMESPACE[namespace] : undefined;
}

/** The rail of a payment on record. Throws INTERNAL when this software has none for it. */
export function railNamed(rails: ReadonlyMap<string, Rail>, network: string): Rail {
  const rail = rails.get(railOf(network) ?? "");
  if (!rail) throw new X402Error("INTERNAL", `no rail for ${network}`);
  return rail;
}

/** The first part of a nonce's HMAC input: what kind of nonce it is. */
export const NONCE_LABEL = "x402/eip3009/1";
