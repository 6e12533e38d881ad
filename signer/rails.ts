// The rails that this signer pays on. All that the policy allows are loaded at start: later nothing can be.
import { loadCardanoRail } from "../chains/cardano/rail.ts";
import { evmRail } from "../chains/evm/rail.ts";
import type { Rail } from "../chains/rail.ts";
import { loadSolanaRail } from "../chains/solana/rail.ts";
import type { Household } from "../policy/document.ts";
import { X402Error } from "../protocol/errors.ts";
import { RAIL_NAMES, type RailName, railOf } from "../protocol/networks.ts";

const LOAD: Readonly<Record<RailName, () => Rail | Promise<Rail>>> = {
  evm: () => evmRail,
  solana: loadSolanaRail,
  cardano: loadCardanoRail,
};

/** By name. Without a policy nobody knows yet what it will allow, so that is all of them. */
export async function loadRails(policy?: Household): Promise<ReadonlyMap<string, Rail>> {
  const rails = new Map<string, Rail>();
  for (const name of railsUnder(policy)) rails.set(name, await LOAD[name]());
  return rails;
}

/** The rails of the networks that a policy allows. */
export function railsUnder(policy?: Household): readonly RailName[] {
  const networks = policy?.policy.networks;
  if (!networks) return RAIL_NAMES;
  const allowed = new Set([...networks].map(railOf));
  return RAIL_NAMES.filter((name) => allowed.has(name));
}

/** The rail of a payment on record. Throws RAIL_NOT_LOADED when this process has none for it. */
export function railNamed(rails: ReadonlyMap<string, Rail>, network: string): Rail {
  const rail = rails.get(railOf(network) ?? "");
  if (!rail) throw new X402Error("RAIL_NOT_LOADED", network);
  return rail;
}
