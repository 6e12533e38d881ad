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

export function expectNothingTwice(record: LedgerRecord): void {
  for (const rows of draftsIn(record).values()) {
    const { network = "" } = rows[0]!;
    if (network.startsWith("solana:")) assert.equal(rows.length, 1, "a second message for one intent");
    if (!network.startsWith("cardano:")) continue;
    const nonces = rows.map(({ draft = "" }) => inputsOf(Buffer.from(draft, "base64"))[0]);
    assert.equal(new Set(nonces).size, 1, "a second nonce input for one intent");
  }
  expectNoInputTwice(record);
}

/** While a draft is alive by the signer's clock, its inputs are in no other intent's. */
function expectNoInputTwice(record: LedgerRecord): void {
  const spent = new Map<string, { intent: string; until: number }>();
  for (const { kind, network, agent, id, at, draft = "", expires = 0 } of record.rows) {
    const hasDraft = kind === "payment.reserved" || kind === "payment.redrafted";
    if (!hasDraft || !network?.startsWith("cardano:")) continue;
    const intent = `${agent} ${id}`;
    for (const input of inputsOf(Buffer.from(draft, "base64"))) {
      const before = spent.get(input);
      const isFree = !before || before.intent === intent || before.until * 1000 <= at;
      assert.ok(isFree, `${intent} spends an input of ${before?.intent}`);
      spent.set(input, { intent, until: expires });
    }
  }
}

/** What can be used once, of everything on record: signed.ts's `once`. */
export const onceOnRecord = (record: LedgerRecord): ReadonlySet<string> =>
  new Set(
    [...draftsIn(record).values()].flat().map(({ network = "", draft = "" }) => {
      const bytes = Buffer.from(draft, "base64");
      if (network.startsWith("eip155:")) return `0x${bytes.subarray(224).toString("hex")}`;
      return network.startsWith("solana:") ? draft : inputsOf(bytes)[0]!;
    }),
  );
