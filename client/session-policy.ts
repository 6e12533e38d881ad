// The `policy` option of a paying client: a policy document for its session, in which networks may go by name.
import { X402Error } from "../protocol/errors.ts";
import { networkOf } from "../protocol/networks.ts";

export interface SessionPolicy {
  /** Networks by name or CAIP-2 id: "base" or "eip155:8453". */
  allowedChains?: readonly string[];
  allowedAssets?: readonly string[];
  allowedRecipients?: readonly string[];
  /** Dollars, as decimal strings. */
  perCallMax?: string;
  perSessionMax?: string;
  perDayMax?: string;
  /** Any other field of a policy document: docs/policy.md. */
  [field: string]: unknown;
}

/** The document for session.open. Throws POLICY_INVALID on a network name that is not known. */
export function sessionDocument({ allowedChains, ...document }: SessionPolicy): Record<string, unknown> {
  if (allowedChains === undefined) return { version: 1, ...document };
  if (document["allowedNetworks"] !== undefined) {
    throw new X402Error("POLICY_INVALID", "allowedChains and allowedNetworks are the same list");
  }
  return { version: 1, allowedNetworks: allowedChains.map(network), ...document };
}

function network(name: string): string {
  const id = networkOf(name);
  if (id === undefined)
    throw new X402Error("POLICY_INVALID", `${JSON.stringify(name)} is not a known network`);
  return id;
}
