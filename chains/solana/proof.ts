// What a look at the chain proves of a signed message. Nothing in its bytes says when it ends: it may be executed in the
// 150 blocks after the one whose hash it names (Solana's documents, "Transaction confirmation and expiration"), and
// whoever holds it may wait for the last of them. So what is proved is about heights, not about time:
//
// - `since` is the height of the block whose hash the message names, on this chain. That is more than a search would
//   need: a blockhash is all that binds a message to a cluster, and a mint may be on several. Who asks to pay on one
//   with a hash of another would be paid there, and be proved unpaid here. And no clock has a part in it: not ours, which
//   may have been wrong at the signing, and not the cluster's, which goes on while its heights do not.
// - A hash that no final block has proves nothing, not even when the whole chain is older: it stays counted.
// - MARGIN is twice the 150: a cluster keeps 300 blockhashes, and remembers as long what it has executed.
// - A message cannot live longer by a durable nonce: that needs an instruction which chains/solana/message.ts never
//   writes. The fee payer, who signs too, can change nothing of it: our signature is over all of it.
// - A message that has failed on the chain was charged and is remembered as executed, so it is not tried again while its
//   blockhash lives. That rests on the memory of the cluster, so its end is waited for all the same.
// - Executed in a final block is used for good, whatever the heights.
import { hash } from "node:crypto";
import type { Doubt, Look, Trace } from "../../protocol/finding.ts";
import { solanaText } from "../../protocol/solana-address.ts";
import { decodeMessage } from "./message.ts";

/** In blocks. */
export const MARGIN = 300;

export function traceOf(bytes: Uint8Array): Trace {
  const message = decodeMessage(bytes);
  if (!message) throw new RangeError("not the bytes of a payment");
  return {
    kind: "solana",
    account: solanaText(message.source),
    message: hash("sha256", bytes),
    blockhash: solanaText(message.blockhash),
  };
}

/** "dead": it can never move money, "used": it has. The look is of this message: the bytes add nothing to it. */
export function proofOf(_: Uint8Array, { block, finalized, seen }: Look): "dead" | "used" | Doubt {
  if (seen.kind !== "solana") return "wrong-network";
  if (!finalized) return "not-finalized";
  if ((seen.found === undefined) !== (seen.transaction === undefined)) return "contradiction";
  if (seen.found === "executed") return "used";
  if (seen.since === undefined) return "no-block";
  return block.number < seen.since + MARGIN ? "too-early" : "dead";
}
