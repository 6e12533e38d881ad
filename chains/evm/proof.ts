// What a look at the chain proves of an EIP-3009 authorization. Source: EIP-3009, "authorizationState" and events.
import type { Doubt, Look, Trace } from "../../protocol/finding.ts";
import { toAddress } from "./address.ts";
import { type Authorization, decodeAuthorization, hex } from "./eip3009.ts";

function authorizationOf(bytes: Uint8Array): Authorization {
  const authorization = decodeAuthorization(bytes);
  if (!authorization) throw new RangeError("not the bytes of an authorization");
  return authorization;
}

export function traceOf(bytes: Uint8Array): Trace {
  const { from, nonce, validBefore } = authorizationOf(bytes);
  // It was a safe integer before it was written.
  return { kind: "eip3009", from: toAddress(from), nonce: hex(nonce), validBefore: Number(validBefore) };
}

/**
 * "dead": it can never move money, "used": it has. A token takes an authorization in a block whose time is before
 * validBefore, so unused in a final block after it is unused for ever.
 */
export function proofOf(bytes: Uint8Array, { block, finalized, seen }: Look): "dead" | "used" | Doubt {
  if (seen.kind !== "eip3009") return "wrong-network";
  if (!finalized) return "not-finalized";
  if (BigInt(block.time) <= authorizationOf(bytes).validBefore) return "too-early";
  if (!seen.used) return seen.event === undefined ? "dead" : "contradiction";
  if (seen.event === undefined) return "no-event";
  return seen.event === "cancelled" ? "dead" : "used";
}
