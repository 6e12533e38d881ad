// The newest receipt that the signer gave, handed back when a connection is made anew: a signer whose ledger was rolled
// back meanwhile has no such row, and stops. Kept in memory alone. Nothing here may fail a payment.
import type { SignResult } from "../protocol/shapes.ts";
import { type SignerConnection, agentCall } from "./signer.ts";

/** A receipt costs the signer a signature: one a minute is enough to notice. */
const INTERVAL_MS = 60_000;

export class Receipts {
  #newest: string | undefined;
  #askedAt = -Infinity;

  /** Asks for the receipt of a payment that was just made, now and then, behind the caller's back. */
  async after(connection: SignerConnection, id: string, result: SignResult): Promise<void> {
    const now = performance.now();
    if (result.outcome !== "signed" || now - this.#askedAt < INTERVAL_MS) return;
    this.#askedAt = now;
    try {
      this.#newest = (await agentCall(connection, "receipt.get", { id })).receipt;
    } catch {
      // A signer that is locked by now, or an older one: the next payment asks again.
    }
  }

  /** Sent before anything else on a new connection, and not waited for: the signer reads requests in order. */
  async present(connection: SignerConnection): Promise<void> {
    if (this.#newest === undefined) return;
    try {
      await agentCall(connection, "receipt.present", { receipt: this.#newest });
    } catch {
      // What it means for payments the signer says itself, with their own code.
    }
  }
}
