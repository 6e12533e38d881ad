// The ledger: decides and records in one step, and makes the reservations that signing needs.
//
// Concurrency. The process has one thread that touches the database, and #commit has no await in it: between BEGIN and
// COMMIT nothing else runs. Requests queue up; one #commit takes them in turn from the agents, decides each against
// counters that the ones before it have changed, writes the rows and pays for one fsync. Everything that arrives while
// that runs shares the next one.
//
// A crash before COMMIT returns: no row, no counter, no reservation object, so nothing was signed. After it: the rows
// are on disk, and signing is a pure function of them. An error inside #commit leaves counters in memory that the disk
// does not have, so it ends the process; a decision that throws comes before that payment's first write and costs only
// that payment.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Addition } from "../../policy/evaluate.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";
import { Chain } from "./chain.ts";
import { Clock } from "./clock.ts";
import { Counters } from "./counters.ts";
import { asDamage, ledgerId, openDatabase } from "./database.ts";
import { HeadFile } from "./head.ts";
import type { LedgerOptions } from "./options.ts";
import { Payments } from "./payments.ts";
import { FairQueue, type Waiting } from "./queue.ts";
import { countedFields } from "./rows.ts";
import { verifyAtStart } from "./start.ts";
import { PaymentRecord } from "./record.ts";
import { upgradeLedger } from "./upgrade.ts";
import type { Books, Decide, Recorded, Stored, Verdict } from "./verdict.ts";

const MAX_BATCH = 256;
const ROWS_PER_CHECKPOINT = 10_000;

export class Ledger {
  readonly #db: DatabaseSync;
  readonly #chain: Chain;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #headFile: HeadFile;
  readonly #options: LedgerOptions;
  readonly #record: PaymentRecord;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #queue = new FairQueue();
  #scheduled = false;
  #fault: X402Error | undefined;

  private constructor(
    db: DatabaseSync,
    headFile: HeadFile,
    mirrored: Head | undefined,
    options: LedgerOptions,
  ) {
    this.#options = options;
    this.#db = db;
    this.#headFile = headFile;
    this.#chain = new Chain(db, ledgerId(db));
    this.#counters = new Counters(db);
    const rows = verifyAtStart(this.#chain, this.#counters, mirrored);
    this.#clock = new Clock(options.clock, this.#chain.lastTime());
    const steps = upgradeLedger(db, this.#chain, this.#counters, this.latest());
    this.#record = new PaymentRecord(this.#chain, this.#counters, new Payments(db), rows + steps);
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#end = db.prepare("COMMIT");
    if (this.#chain.seq === 0) this.record("ledger.created", { ledger: this.#chain.ledgerId, version: 2 });
  }

  /**
   * Opens or creates the ledger in `home`, which the caller has locked. Throws LEDGER_* when it cannot be trusted, and
   * then leaves no file open and none made.
   */
  static open(home: string, options: LedgerOptions): Ledger {
    const file = join(home, "ledger.db");
    const headFile = new HeadFile(join(home, "head"));
    let db: DatabaseSync | undefined;
    try {
      const mirrored = headFile.read();
      // A new database in place of a lost one, and its log, would be in the way of the copy that is put back.
      if (mirrored && !existsSync(file)) throw new X402Error("LEDGER_BEHIND", "ledger.db is missing");
      db = openDatabase(file);
      return new Ledger(db, headFile, mirrored, options);
    } catch (error) {
      db?.close();
      headFile.close();
      throw asDamage(error);
    }
  }

  /** Unix milliseconds; never runs back. Throws CLOCK_BEHIND. */
  now(): number {
    return this.#clock.now();
  }

  /** Unix milliseconds, also while the clock is behind: for what tells or ends, and grants nothing. */
  latest(): number {
    return this.#clock.latest();
  }

  get clockIsBehind(): boolean {
    return this.#clock.behind;
  }

  head(): Head {
    return this.#chain.head();
  }

  headAt(seq: number): Head {
    return this.#chain.headAt(seq);
  }

  contains(head: Head): boolean {
    return this.#chain.contains(head);
  }

  /** As of now; throws CLOCK_BEHIND when no time is given. */
  books(now = this.now()): Books {
    return {
      now,
      used: (key, from, to) => this.#counters.used(key, from, to),
      known: (key) => this.#counters.known(key),
    };
  }

  /** The intent's reservation with its newest draft, if it has one. Throws LEDGER_DAMAGED. */
  find(agent: string, id: string): Stored | undefined {
    return this.#record.find(agent, id);
  }

  /** Decides and records; resolves after the fsync. Rejects with the verdict's error, or with LEDGER_WRITE. */
  reserve(agent: string, decide: Decide): Promise<Recorded> {
    return new Promise((resolve, reject) => {
      if (this.#fault) {
        reject(this.#fault);
        return;
      }
      this.#queue.push({ agent, decide, resolve, reject });
      this.#schedule();
    });
  }

  /**
   * Records an event of the operator or of the signer itself; on disk when it returns. `also` joins the commit. Also
   * while the clock is behind, so that a lock is on record: whoever grants something asks for now() first.
   */
  record(
    kind: string,
    fields: object,
    add: readonly Addition[] = [],
    also?: (db: DatabaseSync, seq: number) => void,
  ): number {
    if (this.#fault) throw this.#fault;
    const at = this.latest();
    const recorded = this.#transaction(() => {
      const used = add.map((addition) => this.#counters.add(addition));
      const seq = this.#record.append({ kind, at, ...fields, ...countedFields(add, used) });
      also?.(this.#db, seq);
      return seq;
    });
    this.#options.onRecord?.(kind, fields);
    this.#checkpointIfDue();
    return recorded;
  }

  /** For the tables beside the record (policies, sessions): reading only. */
  select(sql: string): StatementSync {
    return this.#db.prepare(sql);
  }

  rowsAfter(seq: number): Iterable<AuditRow> {
    return this.#chain.after(seq);
  }

  rowsBefore(seq: number): Iterable<AuditRow> {
    return this.#chain.before(seq);
  }

  /** The body of a row, as it was written. Throws LEDGER_DAMAGED. */
  body(seq: number): string {
    return this.#chain.body(seq);
  }

  counters(): Iterable<{ key: string; bucket: number; amount: bigint }> {
    return this.#counters.all();
  }

  countersHash(): string {
    return this.#counters.hash();
  }

  /** Commits what waits, writes a checkpoint and closes the files. */
  close(): void {
    while (!this.#fault && !this.#queue.empty) this.#commit();
    if (!this.#fault && !this.#record.checkpointed) this.checkpoint();
    this.discard();
  }

  /** Closes the files and writes nothing. */
  discard(): void {
    this.#db.close();
    this.#headFile.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#fault && !this.#queue.empty) this.#commit();
      if (!this.#queue.empty) this.#schedule();
    });
  }

  #commit(): void {
    const batch = this.#queue.take(MAX_BATCH);
    const settle: (() => void)[] = [];
    try {
      const books = this.books();
      const began = performance.now();
      this.#transaction(() => {
        for (const waiting of batch) settle.push(this.#decideOne(waiting, books));
        this.#record.countedDeclines(books.now);
      });
      this.#options.onCommit?.(batch.length, performance.now() - began);
      this.#checkpointIfDue();
    } catch (error) {
      for (const waiting of batch) waiting.reject(error as Error);
      return;
    }
    for (const resolve of settle) resolve();
  }

  #decideOne(waiting: Waiting, books: Books): () => void {
    let verdict: Verdict;
    try {
      verdict = waiting.decide(books);
    } catch (error) {
      const fault =
        error instanceof X402Error ? error : new X402Error("INTERNAL", undefined, { cause: error });
      verdict = { is: "error", error: fault };
    }
    if (verdict.is === "error") {
      const { error } = verdict;
      return () => {
        waiting.reject(error);
      };
    }
    const recorded = this.#record.verdict(waiting.agent, verdict, books.now);
    return () => {
      waiting.resolve(recorded);
    };
  }

  /** What is read at the next start stays bounded, whatever the rows are. */
  #checkpointIfDue(): void {
    if (this.#record.rowsSinceCheckpoint >= ROWS_PER_CHECKPOINT) this.checkpoint();
  }

  /** Writes what the counters are now, signed if the signer is unlocked, and forgets those that are over. */
  checkpoint(): void {
    if (this.#fault) throw this.#fault;
    const at = this.latest();
    this.#transaction(() => {
      const isOver = (key: string, bucket: number): boolean => this.#options.isOver(key, bucket, at);
      this.#record.checkpoint(at, isOver, this.#options.attest);
    });
  }

  /** BEGIN .. COMMIT and the mirrored head. Whatever fails in here ends the ledger: see the header of this file. */
  #transaction<T>(work: () => T): T {
    try {
      this.#begin.run();
      const result = work();
      this.#counters.flush();
      this.#end.run();
      this.#headFile.write(this.head());
      return result;
    } catch (error) {
      this.#fault = new X402Error("LEDGER_WRITE", undefined, { cause: error });
      this.#options.onFault(this.#fault);
      throw this.#fault;
    }
  }
}
