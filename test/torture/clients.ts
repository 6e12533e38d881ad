// What the clients of one home have received, over all the lives of its signer, and what must be true of it.
import assert from "node:assert/strict";
import { type SignerConnection, agentCall } from "../../client/signer.ts";
import { errorCode } from "./outcome.ts";
import type { Head, SignResult } from "../../protocol/shapes.ts";
import { idOf, intent } from "../signer/intents.ts";
import { LedgerRecord } from "../signer/record.ts";

/** Valid long enough that a retry is never a new draft. */
export const longIntent = (name: number) => intent(name, { maxTimeoutSeconds: 600 });
export const CENT = 10_000n;

export class Clients {
  /** Payloads by intent's name, as JSON. */
  readonly held = new Map<number, string>();
  readonly heads: Head[] = [];
  /** Asked and not answered: signed or not, nobody knows. */
  unanswered: number[] = [];
  declined = 0;
  /** Nonces of what was signed: each can move money once, however often it is signed. */
  readonly nonces = new Set<string>();
  /** Intents that were signed again with other bytes, under the same nonce. */
  redrafted = 0;
  /** The disk has lied: an intent may be forgotten, and then it is drafted again. */
  mayForget = false;
  #next = 0;

  /** The same knowledge, for another future. */
  copy(): Clients {
    const copy = new Clients();
    for (const [name, payload] of this.held) copy.held.set(name, payload);
    for (const nonce of this.nonces) copy.nonces.add(nonce);
    copy.heads.push(...this.heads);
    copy.unanswered = [...this.unanswered];
    copy.#next = this.#next;
    return copy;
  }

  /** A name that was not asked for yet. */
  nextName(): number {
    return this.#next++;
  }

  /** Asks for a payment and keeps what comes. Rejects with what it was refused with; then the name is unanswered. */
  async ask(connection: SignerConnection, name: number): Promise<SignResult> {
    try {
      const result = await agentCall(connection, "payment.sign", { intent: longIntent(name) });
      this.#keep(name, result);
      return result;
    } catch (error) {
      this.unanswered.push(name);
      throw error;
    }
  }

  /** Asks again for all that is open, and for some of what is held. */
  async repeat(connection: SignerConnection, names: readonly number[]): Promise<void> {
    const open = this.unanswered;
    this.unanswered = [];
    await Promise.all([...names, ...open].map((name) => this.ask(connection, name)));
  }

  /** Pays on until `stop` says so or the signer is gone; `inFlight` at once. The codes of errors that are not the end. */
  async load(connection: SignerConnection, inFlight: number, stop: () => boolean): Promise<void> {
    const worker = async (): Promise<void> => {
      while (!stop()) {
        try {
          await this.ask(connection, this.nextName());
        } catch (error) {
          // The policy changed while the payment was on its way: for the client to ask again.
          if (errorCode(error) === "BUSY") continue;
          if (errorCode(error) === "SIGNER_UNREACHABLE") return;
          throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
  }

  /** Every signature and every head that anyone received is on record; the record gives exactly the counters. */
  async expectOnRecord(operator: SignerConnection): Promise<LedgerRecord> {
    const record = await LedgerRecord.read(operator);
    const rows = record.ofKind("payment.reserved");
    const reserved = new Map(rows.map((row) => [row.id, row]));
    assert.equal(reserved.size, rows.length, "an intent was reserved twice");
    for (const [name, payload] of this.held) {
      const row = reserved.get(idOf(name));
      assert.ok(row, `a signature for ${idOf(name)} was received and is not on record`);
      const draft = Buffer.from(row.draft ?? "", "base64");
      assert.equal(`0x${draft.subarray(224).toString("hex")}`, nonceOf(payload));
    }
    for (const { ledger, seq, hash } of this.heads) {
      assert.equal(ledger, record.head.ledger);
      assert.equal(record.hashOf(seq), hash, `the head of row ${seq} that a reply named is not on record`);
    }
    return record;
  }

  #keep(name: number, result: SignResult): void {
    if (result.outcome !== "signed") {
      assert.equal(result.check.code, "BUDGET_EXCEEDED");
      assert.ok(this.mayForget || !this.held.has(name), "declined what was signed before");
      this.declined += 1;
      return;
    }
    const payload = JSON.stringify(result.payload);
    const before = this.held.get(name) ?? payload;
    if (this.mayForget && payload !== before) {
      assert.equal(nonceOf(payload), nonceOf(before), "a retry has another nonce");
      this.redrafted += 1;
    } else assert.equal(payload, before, "a retry gave other bytes");
    this.held.set(name, payload);
    this.nonces.add(nonceOf(payload));
    this.heads.push(result.head);
  }
}

const nonceOf = (payload: string): string =>
  (JSON.parse(payload) as { authorization: { nonce: string } }).authorization.nonce;
