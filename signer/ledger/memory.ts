// What was paid before, for rules that ask: a table beside the record, worked out from its rows alone. It is kept while
// the policy in force asks for it, and made anew from the whole record when one begins to.
//
// Entries that rest on claims are one agent's own, so that none can teach another, and only the newest so many are kept.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { siteOf } from "../../policy/domains.ts";
import { isAddress, skeletonOf } from "../../policy/lookalike.ts";
import {
  type KnownHost,
  MOST_AMOUNTS,
  MOST_TERMS,
  type Memory,
  type PayeeMemory,
  type ResourceMemory,
  markOf,
  payeeKey,
  shortKey,
  streakSubject,
  termsKey,
} from "../../policy/memory.ts";
import type { AuditRow } from "../../protocol/shapes.ts";
import { type ApprovedBody, type ReservedBody, readApproved, readReserved } from "./rows.ts";

const MOST_RESOURCES = 10_000;
const MOST_HOSTS = 256;
const MOST_MARKED = 16;
/** Entries in memory before those that are on disk are dropped. */
const MOST_CACHED = 5_000;

/** The members that a row is remembered by. */
export type Paid = Pick<ReservedBody, "agent" | "network" | "asset" | "payTo" | "usd" | "claims">;

interface Cell {
  readonly scope: string;
  readonly key: string;
  seq: number;
  value: unknown;
  isStored: boolean;
  isDirty: boolean;
}

interface StoredPayee {
  readonly known: boolean;
  readonly ceiling?: string;
  readonly amounts: readonly string[];
}
interface StoredResource {
  readonly terms: readonly string[];
  readonly amounts: readonly string[];
}
interface Streak {
  readonly subject: string;
  readonly count: number;
}

export class PaidBefore implements Memory {
  readonly #db: DatabaseSync;
  readonly #cells = new Map<string, Cell>();
  readonly #sizes = new Map<string, number>();
  #dirty: Cell[] = [];
  #isKept: boolean | undefined;
  #select: StatementSync | undefined;
  #write: StatementSync | undefined;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** The policy in force asks for it. */
  get isKept(): boolean {
    this.#isKept ??= this.#db.prepare("SELECT 1 FROM meta WHERE key = 'memory'").get() !== undefined;
    return this.#isKept;
  }

  payee(key: string): PayeeMemory | undefined {
    const stored = this.#find("payee", key) as StoredPayee | undefined;
    if (!stored) return undefined;
    const { known, ceiling, amounts } = stored;
    return {
      known,
      amounts: amounts.map(BigInt),
      ...(ceiling !== undefined && { ceiling: BigInt(ceiling) }),
    };
  }

  resource(agent: string, resource: string): ResourceMemory | undefined {
    const stored = this.#find(`resource:${agent}`, resource) as StoredResource | undefined;
    return stored && { terms: stored.terms, amounts: stored.amounts.map(BigInt) };
  }

  streak(agent: string, subject: string): number {
    const streak = this.#find("streak", agent) as Streak | undefined;
    return streak?.subject === subject ? streak.count : 0;
  }

  payeesMarked(mark: string): readonly string[] {
    return (this.#find("mark", mark) as string[] | undefined) ?? [];
  }

  hosts(agent: string): readonly KnownHost[] {
    this.flush();
    const rows = this.#db.prepare("SELECT key, value FROM memory WHERE scope = ?").all(`host:${agent}`);
    return rows.map(({ key, value }) => ({
      host: String(key),
      skeleton: JSON.parse(String(value)) as string,
    }));
  }

  /** A reservation. What a person approved, once or up to a ceiling, teaches what things cost, and nobody's name. */
  note(row: Paid & Pick<ReservedBody, "approval">, seq: number): void {
    const isAsked = row.approval !== undefined;
    const key = payeeKey(row.network, row.payTo);
    const payee = this.#find("payee", key) as StoredPayee | undefined;
    const amounts = newest([...(payee?.amounts ?? []), row.usd]);
    const isCovered =
      payee?.ceiling !== undefined && !payee.known && BigInt(row.usd) <= BigInt(payee.ceiling);
    const teaches = !isAsked && !isCovered;
    this.#put("payee", key, seq, { ...payee, known: payee?.known === true || teaches, amounts });
    if (teaches && payee?.known !== true) this.#mark(row, seq);
    const site = siteOfRow(row);
    if (site) {
      const scope = `resource:${row.agent}`;
      const resource = shortKey(site.resource);
      const known = this.#find(scope, resource) as StoredResource | undefined;
      this.#put(scope, resource, seq, {
        terms: teaches ? withTerms(known, row) : (known?.terms ?? []),
        amounts: newest([...(known?.amounts ?? []), row.usd]),
      });
      if (teaches) this.#knowHost(row.agent, site.domain, seq);
    }
    const subject = streakSubject(site, key);
    this.#put("streak", row.agent, seq, {
      subject,
      count: isAsked ? 0 : this.streak(row.agent, subject) + 1,
    } satisfies Streak);
  }

  /** An approval that makes the payee known, up to a ceiling. */
  remember(row: Paid, ceiling: string, seq: number): void {
    const key = payeeKey(row.network, row.payTo);
    const payee = (this.#find("payee", key) as StoredPayee | undefined) ?? { known: false, amounts: [] };
    this.#put("payee", key, seq, { ...payee, ceiling });
    this.#mark(row, seq);
    const site = siteOfRow(row);
    if (!site) return;
    const scope = `resource:${row.agent}`;
    const known = this.#find(scope, shortKey(site.resource)) as StoredResource | undefined;
    const terms = withTerms(known, row);
    this.#put(scope, shortKey(site.resource), seq, { terms, amounts: known?.amounts ?? [] });
    this.#knowHost(row.agent, site.domain, seq);
  }

  /** A row of the record, if it is one of these. */
  noteRow({ seq, body }: AuditRow): void {
    const reserved = readReserved(body);
    if (reserved?.kind === "payment.reserved") this.note(reserved, seq);
    const approved: ApprovedBody | undefined = reserved ? undefined : readApproved(body);
    if (approved?.remember !== undefined) this.remember(approved, approved.remember, seq);
  }

  /** Of these rows, oldest first, and of nothing else; inside the caller's transaction. */
  rebuild(rows: Iterable<AuditRow>): void {
    this.clear();
    for (const row of rows) {
      this.noteRow(row);
      if (this.#dirty.length > MOST_CACHED) this.flush();
    }
    this.flush();
  }

  /**
   * Begins or ends for the document in force; inside the caller's transaction. `seq` is the row that applied it, `rows`
   * the whole record.
   */
  keep(asked: boolean, seq: number, rows: Iterable<AuditRow>): void {
    const wasKept = this.isKept;
    this.#isKept = asked;
    if (asked)
      this.#db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('memory', ?)").run(String(seq));
    else this.#db.exec("DELETE FROM meta WHERE key = 'memory'");
    if (asked && !wasKept) this.rebuild(rows);
    if (!asked && wasKept) this.clear();
  }

  /** After somebody else has written the tables; inside the caller's transaction. */
  restore(rows: Iterable<AuditRow>): void {
    this.#isKept = undefined;
    if (this.isKept) this.rebuild(rows);
    else this.clear();
  }

  clear(): void {
    this.#db.exec("DELETE FROM memory");
    this.#cells.clear();
    this.#sizes.clear();
    this.#dirty = [];
  }

  /** Writes what changed; inside the caller's transaction. */
  flush(): void {
    if (this.#dirty.length === 0) return;
    const write = (this.#write ??= this.#db.prepare(
      "INSERT OR REPLACE INTO memory (scope, key, seq, value) VALUES (?, ?, ?, ?)",
    ));
    const grown = new Set<string>();
    for (const cell of this.#dirty) {
      if (!cell.isStored && mostOf(cell.scope) !== undefined) grown.add(cell.scope);
      if (!cell.isStored && this.#sizes.has(cell.scope))
        this.#sizes.set(cell.scope, (this.#sizes.get(cell.scope) ?? 0) + 1);
      write.run(cell.scope, cell.key, cell.seq, JSON.stringify(cell.value));
      cell.isStored = true;
      cell.isDirty = false;
    }
    this.#dirty = [];
    for (const scope of grown) this.#forgetOldest(scope);
    if (this.#cells.size > MOST_CACHED) this.#cells.clear();
  }

  #forgetOldest(scope: string): void {
    const size = this.#sizes.get(scope) ?? this.#count(scope);
    const over = size - (mostOf(scope) ?? size);
    this.#sizes.set(scope, size - Math.max(over, 0));
    if (over <= 0) return;
    this.#db
      .prepare(
        "DELETE FROM memory WHERE scope = ? AND key IN (SELECT key FROM memory WHERE scope = ? ORDER BY seq, key LIMIT ?)",
      )
      .run(scope, scope, over);
    this.#cells.clear();
  }

  #count(scope: string): number {
    return Number(
      this.#db.prepare("SELECT count(*) AS n FROM memory WHERE scope = ?").get(scope)?.["n"] ?? 0,
    );
  }

  #mark({ payTo, network }: Paid, seq: number): void {
    const address = payeeKey(network, payTo).slice(network.length + 1);
    const mark = markOf(address);
    if (mark === undefined) return;
    const marked = this.payeesMarked(mark);
    if (!marked.includes(address)) this.#put("mark", mark, seq, [...marked, address].slice(-MOST_MARKED));
  }

  #knowHost(agent: string, host: string, seq: number): void {
    if (!isAddress(host)) this.#put(`host:${agent}`, host, seq, skeletonOf(host));
  }

  #find(scope: string, key: string): unknown {
    const id = `${scope}\n${key}`;
    const cached = this.#cells.get(id);
    if (cached) return cached.value;
    const select = (this.#select ??= this.#db.prepare(
      "SELECT seq, value FROM memory WHERE scope = ? AND key = ?",
    ));
    const row = select.get(scope, key) as { seq: number; value: string } | undefined;
    if (!row) return undefined;
    const value: unknown = JSON.parse(row.value);
    this.#cells.set(id, { scope, key, seq: row.seq, value, isStored: true, isDirty: false });
    return value;
  }

  #put(scope: string, key: string, seq: number, value: unknown): void {
    const id = `${scope}\n${key}`;
    this.#find(scope, key);
    const cell = this.#cells.get(id) ?? { scope, key, seq, value, isStored: false, isDirty: false };
    Object.assign(cell, { seq, value });
    this.#cells.set(id, cell);
    if (!cell.isDirty) this.#dirty.push(cell);
    cell.isDirty = true;
  }
}

/** Undefined where there is no bound: payees are facts, and each one on record was paid. */
function mostOf(scope: string): number | undefined {
  if (scope.startsWith("resource:")) return MOST_RESOURCES;
  return scope.startsWith("host:") ? MOST_HOSTS : undefined;
}

const newest = (amounts: readonly string[]): string[] => amounts.slice(-MOST_AMOUNTS);

const siteOfRow = ({ claims: { origin, path } }: Paid) =>
  origin === undefined ? undefined : siteOf(origin + (path ?? "/"));

function withTerms(known: StoredResource | undefined, { network, asset, payTo }: Paid): string[] {
  const key = termsKey(network, asset, payTo);
  return [...(known?.terms ?? []).filter((other) => other !== key), key].slice(-MOST_TERMS);
}
