// Payments that wait for a person: which there are, and what became of each. Those that are open are in memory, bounded
// by what an agent may hold; the table knows every one, so that none is asked for a second time. Writes are inside the
// caller's transaction.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Addition } from "../../policy/evaluate.ts";
import type { Chain } from "./chain.ts";
import { type HeldBody, readAdditions, readApproved, readHeld } from "./rows.ts";

export const HOLD_STATES = ["held", "approved", "signed", "denied", "lapsed"] as const;
export type HoldState = (typeof HOLD_STATES)[number];

/** One that is open: nobody has signed it, and its time is not over. */
export interface Hold {
  /** Ledger position of its row, which names it. */
  readonly seq: number;
  readonly row: HeldBody;
  readonly state: "held" | "approved";
  /** Unix ms: when it lapses. */
  readonly until: number;
  /** What its row added. */
  readonly booked: readonly Addition[];
}

export interface HoldEntry {
  readonly seq: number;
  readonly fingerprint: string;
  readonly state: HoldState;
}

/** So many requests wait at once, of all connections. */
const MOST_WAITING = 4096;

/** What is held for an agent in all, in micro-USD. `total` as the window: no clock ends it. */
export const heldKey = (agent: string): string => `agent:${agent}${HELD_SUFFIX}`;
export const HELD_SUFFIX = "|held|total";

export class Holds {
  readonly #db: DatabaseSync;
  readonly #chain: Chain;
  readonly #open = new Map<number, Hold>();
  readonly #newest = new Map<string, string>();
  readonly #waiting = new Set<() => void>();
  #isClosed = false;
  #select: StatementSync | undefined;
  /** Ledger position of the last change; of the newest hold after a start. */
  #changedAt = 0;

  constructor(db: DatabaseSync, chain: Chain) {
    this.#db = db;
    this.#chain = chain;
    this.reload();
  }

  get changedAt(): number {
    return this.#changedAt;
  }

  /** Whatever became of it. */
  find(agent: string, id: string): HoldEntry | undefined {
    // As in payments.ts: nearly every id is newer than all that were ever held.
    if (id > this.#newestOf(agent)) return undefined;
    this.#select ??= this.#db.prepare("SELECT seq, fingerprint, state FROM holds WHERE agent = ? AND id = ?");
    return this.#select.get(agent, id) as HoldEntry | undefined;
  }

  /** By its position. */
  entry(seq: number): { state: HoldState } | undefined {
    return this.#db.prepare("SELECT state FROM holds WHERE seq = ?").get(seq) as
      { state: HoldState } | undefined;
  }

  get(seq: number): Hold | undefined {
    return this.#open.get(seq);
  }

  /** Oldest first. */
  open(): Iterable<Hold> {
    return this.#open.values();
  }

  countOf(agent: string): number {
    return [...this.#open.values()].filter(({ row }) => row.agent === agent).length;
  }

  /** Of what a counter holds: what only waits. */
  held(key: string, from: number, to: number): bigint {
    let sum = 0n;
    for (const { booked } of this.#open.values())
      for (const add of booked)
        if (add.key === key && add.bucket >= from && add.bucket <= to) sum += add.amount;
    return sum;
  }

  /** Over at `now` (unix ms). */
  due(now: number): Hold[] {
    if (this.#open.size === 0) return [];
    return [...this.#open.values()].filter(({ until }) => until <= now);
  }

  insert(seq: number, row: HeldBody): Hold {
    const { agent, id, fingerprint, until, add } = row;
    this.#db
      .prepare("INSERT INTO holds (seq, agent, id, fingerprint, state) VALUES (?, ?, ?, ?, 'held')")
      .run(seq, agent, id, fingerprint);
    if (id > this.#newestOf(agent)) this.#newest.set(agent, id);
    const hold: Hold = { seq, row, state: "held", until, booked: readAdditions(add) };
    this.#open.set(seq, hold);
    this.#change(seq);
    return hold;
  }

  /** `decided`: position of the row that says so. */
  approve(hold: Hold, decided: number, until: number): void {
    this.#db.prepare("UPDATE holds SET state = 'approved', decided = ? WHERE seq = ?").run(decided, hold.seq);
    this.#open.set(hold.seq, { ...hold, state: "approved", until });
    this.#change(decided);
  }

  end({ seq }: Hold, state: "signed" | "denied" | "lapsed", decided: number): void {
    this.#db.prepare("UPDATE holds SET state = ? WHERE seq = ?").run(state, seq);
    this.#open.delete(seq);
    this.#change(decided);
  }

  /** Reads what is open again, after somebody else has written the table. A row that cannot be read is left out. */
  reload(): void {
    this.#open.clear();
    this.#newest.clear();
    const rows = this.#db
      .prepare("SELECT seq, decided FROM holds WHERE state IN ('held', 'approved') ORDER BY seq")
      .all() as { seq: number; decided: number | null }[];
    for (const { seq, decided } of rows) {
      const row = readHeld(this.#chain.wholeBody(seq) ?? "");
      const approved = decided === null ? undefined : readApproved(this.#chain.wholeBody(decided) ?? "");
      if (!row || (decided !== null && !approved)) continue;
      const state = approved ? "approved" : "held";
      const until = approved?.until ?? row.until;
      this.#open.set(seq, { seq, row, state, until, booked: readAdditions(row.add) });
      this.#changedAt = Math.max(this.#changedAt, decided ?? seq);
    }
    this.wake();
  }

  /** True at the next change or after `ms`; false at once when too many wait, or nobody may any more. */
  async changed(ms: number): Promise<boolean> {
    if (this.#isClosed || this.#waiting.size >= MOST_WAITING) return false;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiting.add(done);
    });
    return !this.#isClosed;
  }

  wake(): void {
    for (const done of this.#waiting) done();
  }

  /** Nobody waits any more: the signer ends. */
  dismiss(): void {
    this.#isClosed = true;
    this.wake();
  }

  /** Whoever waits is told when the event loop turns: what changed is on disk by then. */
  #change(seq: number): void {
    this.#changedAt = seq;
    if (this.#waiting.size > 0)
      setImmediate(() => {
        this.wake();
      });
  }

  #newestOf(agent: string): string {
    const known = this.#newest.get(agent);
    if (known !== undefined) return known;
    const row = this.#db.prepare("SELECT max(id) AS id FROM holds WHERE agent = ?").get(agent);
    const newest = String(row?.["id"] ?? "");
    this.#newest.set(agent, newest);
    return newest;
  }
}

/** What taking a hold back takes from the counters: all that it added and that anybody still reads. */
export function givenBack(
  booked: readonly Addition[],
  isOver: (key: string, bucket: number) => boolean,
): Addition[] {
  return booked
    .filter(({ key, bucket }) => !key.includes("|newKeys|") && !isOver(key, bucket))
    .map((addition) => ({ ...addition, amount: -addition.amount }));
}
