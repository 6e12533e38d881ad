// What a receipt says: a function of one row, with nothing in it that the row has not.
import { createHash } from "node:crypto";
import type { Head } from "./export-file.ts";
import { type Json, type JsonObject, textOf } from "./text.ts";

/** The payload of the receipt for the row at `head`. Members that the row lacks are left out. */
export function receiptOf(head: Head, row: JsonObject): JsonObject {
  const { at, agent, id, fingerprint, scheme, network, asset, payTo, amount, claims, session } = row;
  const { from, usd, expires, unlock, policy, policyHash, draft } = row;
  return present({
    ...{
      ledger: head.ledger,
      seq: head.seq,
      hash: head.hash,
      at,
      agent,
      session,
      from,
      usd,
      expires,
      unlock,
    },
    intent: present({ id, fingerprint, scheme, network, asset, payTo, amount, claims }),
    outflow: outflowOf(row),
    policy: present({ version: policy, hash: policyHash }),
    counters: countersOf(row),
    draft: createHash("sha256")
      .update(Buffer.from(textOf(draft), "base64"))
      .digest("hex"),
  });
}

/** What is no payment (fee, ADA that a token carries) is Cardano's alone. */
function outflowOf({ asset, amount, outflow }: JsonObject): Json {
  if (!Array.isArray(outflow)) return [present({ asset, amount, why: "payment" })];
  return outflow.map((part) => {
    const [, units, why] = part as Json[];
    return present({ asset: why === "payment" ? asset : "lovelace", amount: units, why });
  });
}

/** [key, bucket, before, after] of each counter that the payment added to. */
function countersOf({ add, used }: JsonObject): Json | undefined {
  if (!Array.isArray(add) || !Array.isArray(used)) return undefined;
  return add.map((addition, i) => {
    const [key = null, bucket = null, amount = "0"] = addition as Json[];
    const after = textOf(used[i]);
    return [key, bucket, (BigInt(after) - BigInt(textOf(amount))).toString(), after];
  });
}

const present = (members: Record<string, Json | undefined>): JsonObject =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject;
