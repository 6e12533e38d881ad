// What may be on record once only, read from the drafts by a library that the signer does not have: one message for an
// intent on Solana; on Cardano no input for two intents, and one nonce input for all drafts of one.
import assert from "node:assert/strict";
import type { LedgerRecord, RecordRow } from "../signer/record.ts";
import { inputsOf } from "./signed.ts";

/** Rows with a draft, in their order, by "agent id". */
export const draftsIn = (record: LedgerRecord): Map<string, RecordRow[]> =>
  Map.groupBy(
    [...record.ofKind("payment.reserved"), ...record.ofKind("payment.redrafted")],
    ({ agent = "", id = "" }) => `${agent} ${id}`,
  );

/** Of payments that are all alive, or share no input with one that is not. */
export function expectNothingTwice(record: LedgerRecord): void {
  const spentBy = new Map<string, string>();
  for (const [intent, rows] of draftsIn(record)) {
    const { network = "" } = rows[0]!;
    if (network.startsWith("solana:")) assert.equal(rows.length, 1, "a second message for one intent");
    if (!network.startsWith("cardano:")) continue;
    const inputs = rows.map(({ draft = "" }) => inputsOf(Buffer.from(draft, "base64")));
    assert.equal(new Set(inputs.map(([nonce]) => nonce)).size, 1, "a second nonce input for one intent");
    for (const input of inputs.flat()) {
      assert.equal(spentBy.get(input) ?? intent, intent, "two payments that spend one input");
      spentBy.set(input, intent);
    }
  }
}
