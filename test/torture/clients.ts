// What the clients of one home have received, over all the lives of its signer, and what must be true of it.
import assert from "node:assert/strict";
import { X402Error } from "../../protocol/errors.ts";
import { type SignerConnection, agentCall } from "../../client/signer.ts";
import { errorCode } from "./outcome.ts";
import type { Head, SignResult } from "../../protocol/shapes.ts";
import { idOf } from "../signer/intents.ts";
import { LedgerRecord } from "../signer/record.ts";
import { draftsIn, expectNothingTwice } from "./once.ts";
import { type Payments, onEvm, railOf } from "./payments.ts";
import { readSigned } from "./signed.ts";

export const CENT = 10_000n;

export class Clients {
  /** Payloads by intent's name, as JSON. */
  readonly held = new Map<number, string>();
  readonly heads: Head[] = [];
  /** Asked and not answered: signed or not, nobody knows. */
  unanswered: number[] = [];
  declined = 0;
  /** Nonces (messages, inputs) of what was signed: each can move money once, however often it is signed. */
  readonly nonces = new Set<string>();
  /** Intents that were signed again with other bytes, under the same nonce. */
  redrafted = 0;
  /** Asked again when they were over, on a rail where nobody knows whether that is the end of them. */
  unresolved = 0;
  /** The disk has lied: an intent may be forgotten, and then it is drafted again. */
  mayForget = false;
  readonly #payments: Payments;
  /** Unix ms at which what is held is over. */
  readonly #ends = new Map<number, number>();
  #next = 0;

  constructor(payments: Payments = onEvm) {
    this.#payments = payments;
  }

  /** The same knowledge, for another future. */
  copy(): Clients {
    const copy = new Clients(this.#payments);
    for (const [name, payload] of this.held) copy.held.set(name, payload);
    for (const [name, end] of this.#ends) copy.#ends.set(name, end);
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
  async ask(connection: SignerConnection, name: number): Promise<void> {
    try {
      this.#keep(name, await agentCall(connection, "payment.sign", this.#payments(name)));
    } catch (error) {
      if (error instanceof X402Error && error.code === "INTENT_UNRESOLVED") {
        this.#expectUnresolved(name);
        return;
      }
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
    const drafts = draftsIn(record);
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length, "an intent was reserved twice");
    for (const [name, payload] of this.held) {
      const signed = readSigned(payload);
      const row = drafts.get(`default ${idOf(name)}`)?.find(({ draft }) => signed.isOf(bytesOf(draft)));
      assert.ok(row, `a signature for ${idOf(name)} was received and is not on record`);
      assert.equal(signed.usd, BigInt(row.usd ?? 0), "the row counts another amount than was signed");
    }
    expectNothingTwice(record);
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
    if (payload !== before) {
      const isOver = (this.#ends.get(name) ?? Infinity) <= Date.now();
      assert.ok(this.mayForget || isOver, "a retry gave other bytes");
      assert.equal(readSigned(payload).once, readSigned(before).once, "a retry has another nonce");
      this.redrafted += 1;
    }
    this.held.set(name, payload);
    this.#ends.set(name, Date.parse(result.expiresAt));
    this.nonces.add(readSigned(payload).once);
    this.heads.push(result.head);
  }

  #expectUnresolved(name: number): void {
    assert.equal(railOf(name), "solana", "only a message of Solana has no end by our clock");
    assert.ok((this.#ends.get(name) ?? 0) <= Date.now(), "unresolved, and not over");
    this.unresolved += 1;
  }
}

const bytesOf = (draft: string | undefined): Buffer => Buffer.from(draft ?? "", "base64");
