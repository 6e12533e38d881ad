// What a look at the chain proves of a signed message. Nothing in its bytes says when it ends: it may be executed in the
// 150 blocks after the one whose hash it names (Solana's documents, "Transaction confirmation and expiration"), and
// whoever holds it may wait for the last of them. So what is proved is about heights, not about time:
//
// - The blockhash was there before the draft that names it, and cannot be foretold by more than the seconds by which a
//   leader may know its own next blocks. `since`, the height of a final block that is well younger than the draft, is
//   therefore not below the blockhash's. A cluster that halts gets no higher, and proves nothing meanwhile.
// - A blockhash of a fork that was given up, or of another cluster, is one that no final block accepts.
// - The other cosigner, the fee payer, may change neither blockhash nor anything else: our signature is over all of it.
// - MARGIN is twice the 150: a cluster keeps 300 blockhashes, and remembers as long what it has executed.
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
  return block.number < seen.since + MARGIN ? "too-early" : "dead";
}
