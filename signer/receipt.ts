// Receipts: what the signer attests about one row of a payment, signed when asked for. Nothing is kept of them, because
// the same row gives the same bytes; and a client that hands one back proves what this ledger once held.
import { createHash } from "node:crypto";
import { feeAsset } from "../protocol/assets.ts";
import { X402Error } from "../protocol/errors.ts";
import { type Head, headSchema } from "../protocol/shapes.ts";
import { verifyAttestation } from "./attest.ts";
import type { ReservedBody } from "./ledger/rows.ts";
import type { Wallet } from "./wallet.ts";

/** Of the intent's newest draft. Throws INTENT_UNKNOWN and SIGNER_LOCKED. */
export function receiptFor({ ledger, keyring }: Wallet, agent: string, id: string): string {
  const stored = ledger.find(agent, id);
  if (!stored) throw new X402Error("INTENT_UNKNOWN");
  const head = ledger.headAt(stored.draftSeq);
  const receipt = keyring.attest("x402-receipt", receiptOf(head, stored.newest));
  if (receipt === undefined) throw new X402Error("SIGNER_LOCKED");
  return receipt;
}

/**
 * Holds the record against a receipt of our own. One whose row is not here means that the ledger was rolled back:
 * throws LEDGER_BEHIND, and everything is frozen. Throws INVALID_REQUEST for one that this signer's key has not signed
 * or that is of another ledger.
 */
export function presentReceipt(wallet: Wallet, receipt: string): void {
  const { payload } = verifyAttestation(receipt, "x402-receipt", wallet.auditKey ?? "");
  const { success, data } = headSchema.loose().safeParse(payload);
  if (!success) throw new X402Error("INVALID_REQUEST", "the receipt names no row");
  const { ledger, seq, hash } = data;
  const head: Head = { ledger, seq, hash };
  if (ledger !== wallet.ledger.head().ledger)
    throw new X402Error("INVALID_REQUEST", "the receipt is of another ledger");
  wallet.seen(head);
}

/** A function of the row alone: docs/ledger.md, "Receipts". Rows of older versions have less in them. */
function receiptOf(head: Head, row: ReservedBody): object {
  const { at, agent, id, fingerprint, scheme, network, asset, payTo, amount, claims, session } = row;
  const { from, usd, expires, unlock, policy, policyHash, draft } = row;
  return {
    ...{ ...head, at, agent, session, from, usd, expires, unlock },
    intent: { id, fingerprint, scheme, network, asset, payTo, amount, claims },
    outflow: outflowOf(row),
    policy: { version: policy, hash: policyHash },
    counters: row.used && countersOf(row.add, row.used),
    draft: createHash("sha256").update(Buffer.from(draft, "base64")).digest("hex"),
  };
}

/** A row with one part alone does not list it. What is no payment is in the network's own asset. */
function outflowOf({ network, asset, symbol, amount, outflow }: ReservedBody) {
  const parts: NonNullable<typeof outflow> = outflow ?? [[symbol, amount, "payment"]];
  const fees = feeAsset(network)?.address;
  return parts.map(([, part, why]) => ({ asset: why === "payment" ? asset : fees, amount: part, why }));
}

/** [key, bucket, before, after] */
const countersOf = (add: ReservedBody["add"], used: readonly string[]) =>
  add.map(([key, bucket, amount], i) => {
    const after = used[i] ?? "0";
    return [key, bucket, (BigInt(after) - BigInt(amount)).toString(), after];
  });
