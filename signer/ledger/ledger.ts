// The ledger: decides and records in one step, and makes the reservations that signing needs.
//
// Concurrency. One thread touches the database, and between BEGIN and COMMIT nothing else runs: commits.ts.
//
// A crash before COMMIT returns: no row, no counter, no reservation object, so nothing was signed. After it: the rows are
// on disk, and signing is a pure function of them. An error inside a commit leaves counters in memory that the disk does
// not have, so it ends the process; a decision that throws comes before its first write and costs only that payment.
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Addition } from "../../policy/evaluate.ts";
import { type Code, X402Error } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/shapes.ts";
import { type Acceptance, type Accepted, accept } from "./acceptance.ts";
import { Clock, thisBoot } from "./clock.ts";
import { Commits } from "./commits.ts";
import type { Finding } from "./finding.ts";
import { HeadFile } from "./head.ts";
import { type Opened, behindBy, openLedger } from "./open.ts";
import { type Hold, givenBack } from "./holds.ts";
import type { LedgerOptions } from "./options.ts";
import { LedgerReading } from "./reading.ts";
import { countedFields } from "./rows.ts";
import { Space, freeBytesAt } from "./space.ts";
import type { Store } from "./store.ts";
import type { Books, Decide, Recorded, Stored } from "./verdict.ts";

const ROWS_PER_CHECKPOINT = 10_000;

export class Ledger extends LedgerReading {
  #store: Store;
  #finding: Finding | undefined;
  readonly #home: string;
  readonly #clock: Clock;
  readonly #space: Space;
  readonly #headFile: HeadFile;
  readonly #options: LedgerOptions;
  readonly #commits: Commits;
  #fault: X402Error | undefined;

  private constructor(home: string, opened: Opened, head: HeadFile, options: LedgerOptions) {
    super();
    const { store, finding, mirror } = opened;
    this.#home = home;
    this.#options = options;
    this.#headFile = head;
    this.#store = store;
    this.#finding = finding;
    this.#clock = new Clock(options.clock, store.chain.lastTime(), options.boot ?? thisBoot(), mirror);
    this.#space = new Space(options.freeBytes ?? (() => freeBytesAt(home)));
    this.#commits = new Commits(this.#committing());
    if (!finding && store.chain.seq === 0) {
      // Before the first commit, with whose sync SQLite makes the folder's new names durable.
      this.#headFile.make();
      this.record("ledger.created", { ledger: store.chain.ledgerId, version: 2 });
      this.#keepHead(this.head());
    }
  }

  /**
   * Opens or creates the ledger in `home`, which the caller has locked. One that cannot be trusted is open too, but
   * frozen: it tells what it can and records nothing until `accept`. Throws LEDGER_SCHEMA, LEDGER_WRITE and
   * HOME_IN_USE, and then leaves no file open and none made.
   */
  static open(home: string, options: LedgerOptions): Ledger {
    const headFile = new HeadFile(join(home, "head"));
    try {
      const opened = openLedger(join(home, "ledger.db"), headFile, options);
      return new Ledger(home, opened, headFile, options);
    } catch (error) {
      headFile.close();
      throw error;
    }
  }

  /** Unix milliseconds; never runs back. Throws why nothing is granted: LEDGER_*, CLOCK_BEHIND, CLOCK_AHEAD. */
  now(): number {
    if (this.#finding) throw this.#finding.error;
    return this.#clock.now();
  }

  /** Unix milliseconds, also while the clock is wrong: for what tells or ends, and grants nothing. */
  latest(): number {
    return this.#clock.latest();
  }

  /** What the operator may accept; nothing is recorded while there is something. */
  get finding(): Finding | undefined {
    return this.#finding;
  }

  get frozenBy(): Code | undefined {
    return this.#finding?.error.code ?? this.#clock.wrong;
  }

  /** What is left of the disk is kept for payments that are allowed. */
  get spaceIsLow(): boolean {
    return this.#space.isLow(this.latest());
  }

  head(): Head {
    return this.found.chain.head();
  }

  headAt(seq: number): Head {
    return this.#store.chain.headAt(seq);
  }

  /** A row that somebody has seen here is not on record, and its loss was not accepted. */
  lacks(head: Head): boolean {
    return behindBy(this.#store, head) !== undefined;
  }

  /**
   * Holds a head of this ledger that somebody has seen against the record. Without that row everything is frozen, also
   * after a restart, unless its loss was accepted: throws LEDGER_BEHIND. `head` must come from the operator or be signed.
   */
  seen(head: Head): void {
    if (this.#finding) throw this.#finding.error;
    const error = behindBy(this.#store, head);
    if (!error) return;
    this.#finding = { error, lost: head, store: this.#store };
    this.#keepHead(head);
    throw error;
  }

  /** For a row that is needed and cannot be read: everything is frozen until it is accepted. Returns what to throw. */
  damaged(seq: number): X402Error {
    const error = new X402Error("LEDGER_DAMAGED", `row ${seq} cannot be read`);
    this.#finding ??= { error, store: this.#store };
    return error;
  }

  /** Ends what is wrong, on the operator's word, with one row. Everything read from the ledger before is void then. */
  accept(acceptance: Acceptance): Accepted {
    if (this.#fault) throw this.#fault;
    const opened = accept(acceptance, { home: this.#home, store: this.#store, finding: this.#finding });
    this.#store = opened.store;
    const mark = this.#clock.latest();
    if (acceptance.believesClock) this.#clock.believe();
    const at = this.latest();
    const seq = this.#transaction(() => opened.record(at, mark, this.#options));
    this.#store.readAccepted();
    this.#store.holds.reload();
    this.#finding = undefined;
    this.#keepHead(this.head());
    return { seq, setAside: opened.setAside };
  }

  /** As of now; throws what now() throws when no time is given. */
  books(now = this.now()): Books {
    return {
      now,
      used: (key, from, to) => this.#store.counters.used(key, from, to),
      known: (key) => this.#store.counters.known(key),
      memory: this.#store.memory,
    };
  }

  /** Gives back what waits no longer: whoever reads what is used calls it first. Nothing while nothing is recorded. */
  lapse(): void {
    const at = this.latest();
    if (this.#refused || this.#store.holds.due(at).length === 0) return;
    this.#transaction(() => {
      this.#lapse(at);
    });
  }

  /** What ending a hold takes from the counters. */
  givenBack(hold: Hold): Addition[] {
    const at = this.latest();
    return givenBack(this.#bookedFor(hold), (key, bucket) => this.#options.isOver(key, bucket, at));
  }

  /** The intent's reservation with its newest draft, if it has one. Throws LEDGER_DAMAGED. */
  find(agent: string, id: string): Stored | undefined {
    return this.#store.record.find(agent, id);
  }

  /** Decides and records; resolves after the fsync. Rejects with the verdict's error, or with LEDGER_WRITE. */
  reserve(agent: string, decide: Decide): Promise<Recorded> {
    return this.#commits.push(agent, decide);
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
    if (this.#refused) throw this.#refused;
    const at = this.latest();
    const recorded = this.#transaction(() => {
      const used = add.map((addition) => this.#store.counters.add(addition));
      const seq = this.#store.record.append({ kind, at, ...fields, ...countedFields(add, used) });
      also?.(this.#store.db, seq);
      return seq;
    });
    this.#options.onRecord?.(kind, fields);
    this.#checkpointIfDue();
    return recorded;
  }

  /** Commits what waits, writes a checkpoint and closes the files. */
  close(): void {
    this.#commits.flush();
    if (!this.#refused && !this.#store.record.checkpointed) this.checkpoint();
    this.discard();
  }

  /** Closes the files and writes nothing. */
  discard(): void {
    this.#store.close();
    if (this.found !== this.#store) this.found.close();
    this.#headFile.close();
  }

  #bookedFor(hold: Hold): readonly Addition[] {
    return this.#options.bookedFor?.(hold) ?? hold.booked;
  }

  #lapse(at: number): void {
    const isOver = (key: string, bucket: number): boolean => this.#options.isOver(key, bucket, at);
    const lapsed = this.#store.record.lapse(at, (hold) => this.#bookedFor(hold), isOver);
    for (const fields of lapsed) this.#options.onRecord?.("payment.lapsed", fields);
  }

  #committing(): ConstructorParameters<typeof Commits>[0] {
    const refused = (): X402Error | undefined => this.#refused;
    return {
      get refused() {
        return refused();
      },
      books: () => this.books(),
      record: () => this.#store.record,
      lapse: (at) => {
        this.#lapse(at);
      },
      hasRoom: () => !this.spaceIsLow,
      transaction: (work) => {
        this.#transaction(work);
      },
      committed: (payments, ms) => {
        this.#options.onCommit?.(payments, ms);
        this.#checkpointIfDue();
      },
    };
  }

  #keepHead(head: Head): void {
    this.#headFile.writeSynced(head, this.#clock.base);
  }

  protected get store(): Store {
    return this.#store;
  }

  protected get found(): Store {
    return this.#finding?.store ?? this.#store;
  }

  /** Why nothing is recorded. */
  get #refused(): X402Error | undefined {
    return this.#fault ?? this.#finding?.error;
  }

  /** What is read at the next start stays bounded, whatever the rows are. */
  #checkpointIfDue(): void {
    if (this.#store.record.rowsSinceCheckpoint >= ROWS_PER_CHECKPOINT) this.checkpoint();
  }

  /** Writes what the counters are now, signed if the signer is unlocked, and forgets those that are over. */
  checkpoint(): void {
    if (this.#refused) throw this.#refused;
    const at = this.latest();
    this.#transaction(() => {
      this.#lapse(at);
      const isOver = (key: string, bucket: number): boolean => this.#options.isOver(key, bucket, at);
      this.#store.record.checkpoint(at, isOver, this.#options.attest);
    });
  }

  /** BEGIN .. COMMIT and the mirrored head. Whatever fails in here ends the ledger: see the header of this file. */
  #transaction<T>(work: () => T): T {
    try {
      const result = this.#store.transaction(work);
      this.#headFile.write(this.#store.chain.head(), this.#clock.base);
      return result;
    } catch (error) {
      this.#fault = new X402Error("LEDGER_WRITE", undefined, { cause: error });
      this.#options.onFault(this.#fault);
      throw this.#fault;
    }
  }
}
