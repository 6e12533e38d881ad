// The `policy` option of a paying client: the rules of its session, in which networks may be called chains.
import type { z } from "zod";
import type { sessionSchema } from "../policy/schema.ts";
import { X402Error } from "../protocol/errors.ts";
import { networkOf } from "../protocol/networks.ts";

/** As in a policy document, without what only the operator decides. Dollars are decimal strings. docs/policy.md. */
export type SessionPolicy = z.input<typeof sessionSchema> & {
  /** Another name for allowedNetworks: "base" or "eip155:8453". */
  allowedChains?: string[];
};

/** The rules for session.open. Throws POLICY_INVALID on a chain that has no such name. */
export function sessionRules({ allowedChains, ...rules }: SessionPolicy): Record<string, unknown> {
  if (allowedChains === undefined) return rules;
  if (rules.allowedNetworks !== undefined) {
    throw new X402Error("POLICY_INVALID", "allowedChains and allowedNetworks are the same list");
  }
  return { ...rules, allowedNetworks: allowedChains.map(network) };
}

function network(name: string): string {
  const id = networkOf(name);
  if (id === undefined)
    throw new X402Error("POLICY_INVALID", `${JSON.stringify(name)} is not a known network`);
  return id;
}
