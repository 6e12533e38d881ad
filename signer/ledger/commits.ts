// The payments that wait for a commit, and the commit that decides them: in turn from the agents, each on the counters
// that the ones before it left. Everything that arrives while one runs shares the next.
import type { X402Error } from "../../protocol/errors.ts";
import { knownError } from "./database.ts";
import { FairQueue, type Waiting } from "./queue.ts";
import type { PaymentRecord } from "./record.ts";
import type { Books, Decide, Recorded, Verdict } from "./verdict.ts";

/** Signing takes most of the time: a larger commit saves little of it, and everybody waits for its end. */
const MAX_BATCH = 32;

/** What a commit needs of the ledger. */
interface Committing {
  /** Why nothing is recorded. */
  readonly refused: X402Error | undefined;
  books(): Books;
  record(): PaymentRecord;
  /** Gives back what waits no longer at `at` (unix ms); inside the transaction. */
  lapse(at: number): void;
  /** On the disk, also for what no payment comes of. */
  hasRoom(): boolean;
  /** Runs it with the sync at its end, or throws and ends the ledger. */
  transaction(work: () => void): void;
  committed(payments: number, ms: number): void;
}

export class Commits {
  readonly #ledger: Committing;
  readonly #queue = new FairQueue();
  #scheduled = false;

  constructor(ledger: Committing) {
    this.#ledger = ledger;
  }

  push(agent: string, decide: Decide): Promise<Recorded> {
    return new Promise((resolve, reject) => {
      if (this.#ledger.refused) {
        reject(this.#ledger.refused);
        return;
      }
      this.#queue.push({ agent, decide, resolve, reject });
      this.#schedule();
    });
  }

  /** Commits what waits. */
  flush(): void {
    while (!this.#ledger.refused && !this.#queue.empty) this.#commit();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#queue.empty) this.#commit();
      if (!this.#queue.empty) this.#schedule();
    });
  }

  #commit(): void {
    const batch = this.#queue.take(MAX_BATCH);
    const settle: (() => void)[] = [];
    try {
      if (this.#ledger.refused) throw this.#ledger.refused;
      const books = this.#ledger.books();
      const began = performance.now();
      this.#ledger.transaction(() => {
        const hasRoom = this.#ledger.hasRoom();
        this.#ledger.lapse(books.now);
        for (const waiting of batch) settle.push(this.#decideOne(waiting, books, hasRoom));
        if (hasRoom) this.#ledger.record().countedDeclines(books.now);
      });
      this.#ledger.committed(batch.length, performance.now() - began);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error as Error);
      return;
    }
    for (const resolve of settle) resolve();
  }

  #decideOne(waiting: Waiting, books: Books, hasRoom: boolean): () => void {
    let verdict: Verdict;
    try {
      verdict = waiting.decide(books);
    } catch (error) {
      verdict = { is: "error", error: knownError(error) };
    }
    if (verdict.is === "error") {
      const { error } = verdict;
      return () => {
        waiting.reject(error);
      };
    }
    const recorded = this.#ledger.record().verdict(waiting.agent, verdict, books.now, hasRoom);
    return () => {
      waiting.resolve(recorded);
    };
  }
}
