// What a look at the chain proves of a signed transaction body.
//
// A body is valid in slots before its TTL alone, and an input is spent once. A block that is final (k = 2160 blocks are on
// top of it: Ouroboros, "common prefix") at or after the TTL fixes every block that the transaction could have been in.
// With that:
//
// - the nonce input unspent now: the transaction is in none of them, and will be in none. Its other inputs say nothing.
// - spent by another transaction: the same, whether that one is final or not. If it is rolled back, the input is unspent
//   and the TTL is over all the same.
// - spent by this one: used. It is in a block before its TTL, so in a final one.
//
// Not bound by the bytes: preprod and preview write the same addresses, so a body for one can be made of outputs of the
// other, and be proved dead where it never was alive. What moves then is test money. Mainnet takes no such address.
//
// `spentBy` is compared with an id that is worked out here, from the bytes that were signed: witnesses are not part of
// it, so a facilitator cannot give the same payment another id. An intent that was drafted again has several bodies that
// spend one nonce input. This judges one of them, as if the others did not exist; signer/reconcile.ts asks for each
// draft on record, and releases only what is dead in all of them.
import type { Doubt, Look, Trace } from "../../protocol/finding.ts";
import type { Ed25519 } from "../ed25519.ts";
import { type Body, decodeBody, inputName, transactionHash } from "./body.ts";

function bodyOf(bytes: Uint8Array): Body {
  const body = decodeBody(bytes);
  if (!body) throw new RangeError("not the bytes of a transaction's body");
  return body;
}

const idOf = (ed25519: Ed25519, bytes: Uint8Array): string =>
  Buffer.from(transactionHash(ed25519, bytes)).toString("hex");

export function traceOf(ed25519: Ed25519, bytes: Uint8Array): Trace {
  const { inputs, ttl } = bodyOf(bytes);
  const [nonce] = inputs;
  if (!nonce) throw new RangeError("a body without inputs");
  return { kind: "cardano", transaction: idOf(ed25519, bytes), input: inputName(nonce), ttl };
}

/** "dead": it can never move money, "used": it has. */
export function proofOf(
  ed25519: Ed25519,
  bytes: Uint8Array,
  { finalized, seen }: Look,
): "dead" | "used" | Doubt {
  if (seen.kind !== "cardano") return "wrong-network";
  if (!finalized) return "not-finalized";
  if (seen.slot < bodyOf(bytes).ttl) return "too-early";
  return seen.spentBy === idOf(ed25519, bytes) ? "used" : "dead";
}
