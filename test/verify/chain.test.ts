// The chain and the sums by themselves, against a second implementation and against every change.
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { genesisHash, rowHash } from "../../protocol/audit.ts";
import { hex } from "../protocol/arbitrary.ts";
import { Chain } from "../../verify/chain.ts";
import { Counters } from "../../verify/counters.ts";
import type { Counter, Head, Row } from "../../verify/export-file.ts";
import type { Json } from "../../verify/text.ts";
import { Untrue } from "../../verify/untrue.ts";

const body = fc.string({ unit: "grapheme" }).map((text) => JSON.stringify({ kind: "x", text }));
const bodies = fc.array(body, { minLength: 1, maxLength: 20 });
const ledger = hex(16);

/** The chain again, by another API and without ours: what docs/ledger.md tells a third party to do. */
function chainOf(ledgerId: string, texts: readonly string[]): { rows: Row[]; head: Head } {
  const sha256 = (text: string) => createHash("sha256").update(Buffer.from(text, "utf8")).digest("hex");
  let hash = sha256(`x402/ledger/1 ${ledgerId}`);
  const rows = texts.map((body, i) => {
    hash = sha256(hash + body);
    return { seq: i + 1, hash, body };
  });
  return { rows, head: { ledger: ledgerId, seq: rows.length, hash } };
}

const sameHead = (a: Head, b: Head): boolean => a.ledger === b.ledger && a.seq === b.seq && a.hash === b.hash;

/** True when the rows are a chain that ends at the head. */
function holds(ledgerId: string, rows: readonly Row[], head: Head): boolean {
  return isTrue(() => {
    const chain = new Chain(ledgerId);
    for (const row of rows) chain.add(row);
    chain.end();
    if (!sameHead(chain.head, head)) throw new Untrue("another head");
  });
}

function isTrue(fn: () => void): boolean {
  try {
    fn();
    return true;
  } catch (error) {
    if (error instanceof Untrue) return false;
    throw error;
  }
}

describe("the chain", () => {
  it("is what anyone makes of the rows", () => {
    fc.assert(
      fc.property(ledger, bodies, (id, texts) => {
        const { rows, head } = chainOf(id, texts);
        expect(holds(id, rows, head)).toBe(true);
        expect(holds(id, rows, { ...head, seq: head.seq + 1 })).toBe(false);
        expect(holds(id, rows, { ...head, hash: "00".repeat(32) })).toBe(false);
        expect(rowHash(genesisHash(id), texts[0]!)).toBe(rows[0]!.hash);
      }),
    );
  });

  it("shows a row that was changed, taken out, put in or moved", () => {
    fc.assert(
      fc.property(ledger, bodies, fc.nat(), fc.nat(), body, (id, texts, a, b, other) => {
        const { rows, head } = chainOf(id, texts);
        const at = a % rows.length;
        const to = b % rows.length;
        const damaged = (changed: readonly Row[]): boolean => !holds(id, changed, head);
        const renumbered = (changed: readonly Row[]) => changed.map((row, i) => ({ ...row, seq: i + 1 }));
        const text = other === rows[at]!.body ? `${other} ` : other;
        expect(damaged(rows.with(at, { ...rows[at]!, body: text }))).toBe(true);
        expect(damaged(rows.toSpliced(at, 1))).toBe(true);
        expect(damaged(renumbered(rows.toSpliced(at, 1)))).toBe(true);
        expect(damaged(renumbered(rows.toSpliced(at, 0, rows[to]!)))).toBe(true);
        if (rows[at]!.body !== rows[to]!.body)
          expect(damaged(renumbered(rows.with(at, rows[to]!).with(to, rows[at]!)))).toBe(true);
        // Chained up anew after the change, every row fits; only the head tells.
        expect(holds(id, chainOf(id, texts.with(at, text)).rows, head)).toBe(false);
      }),
    );
  });

  it("belongs to one ledger", () => {
    const { rows, head } = chainOf("00".repeat(16), ['{"kind":"x"}']);
    expect(holds("11".repeat(16), rows, { ...head, ledger: "11".repeat(16) })).toBe(false);
  });

  it("takes what an acceptance names, and nothing else", () => {
    const id = "00".repeat(16);
    const texts = Array.from({ length: 6 }, (_, i) => JSON.stringify({ kind: "x", i }));
    const { rows } = chainOf(id, texts);
    const accepted = (seq: number, before: readonly Row[], more: object): { rows: Row[]; head: Head } => {
      const text = JSON.stringify({ kind: "ledger.accepted", code: "LEDGER_DAMAGED", ...more });
      const hash = rowHash(before.at(-1)!.hash, text);
      return { rows: [...before, { seq, hash, body: text }], head: { ledger: id, seq, hash } };
    };
    const ok = (made: { rows: Row[]; head: Head }) => holds(id, made.rows, made.head);
    const lost = { seq: 9, hash: "ab".repeat(32) };
    expect(ok(accepted(10, rows, { lost }))).toBe(true);
    expect(ok(accepted(10, rows, {}))).toBe(false);
    expect(ok(accepted(11, rows, { lost }))).toBe(false);
    expect(ok(accepted(6, rows, {}))).toBe(false);
    const changed = rows.with(2, { ...rows[2]!, body: '{"kind":"y"}' });
    expect(ok(accepted(7, changed, { damaged: [3] }))).toBe(true);
    expect(ok(accepted(7, changed, { damaged: [4] }))).toBe(false);
    expect(ok(accepted(7, changed, {}))).toBe(false);
    const holed = rows.toSpliced(2, 1);
    expect(ok(accepted(7, holed, { damaged: [4] }))).toBe(true);
    expect(ok(accepted(7, holed, { damaged: [3] }))).toBe(false);
  });
});

describe("counters recomputed", () => {
  const addition: fc.Arbitrary<Counter> = fc.tuple(
    fc.constantFrom("household|usd|day", "agent:a|usd|day", "x", "\u{1f600}", "\uffee"),
    fc.integer({ min: -3, max: 3 }),
    fc.bigInt({ min: -5n, max: 10n ** 20n }).map(String),
  );
  const replay = (additions: readonly Counter[]): Counters => {
    const counters = new Counters();
    counters.add({ add: additions as unknown as Json }, 1, false);
    return counters;
  };
  const sums = (additions: readonly Counter[]): Counter[] => {
    const totals = new Map<string, bigint>();
    for (const [key, bucket, amount] of additions)
      totals.set(`${key}\n${bucket}`, (totals.get(`${key}\n${bucket}`) ?? 0n) + BigInt(amount));
    return [...totals].flatMap(([id, amount]) => {
      const [key = "", bucket] = id.split("\n");
      return amount === 0n ? [] : [[key, Number(bucket), amount.toString()] as const];
    });
  };

  it("agree with the record to the unit, or are not true", () => {
    fc.assert(
      fc.property(fc.array(addition, { minLength: 1, maxLength: 10 }), fc.nat(), (additions, n) => {
        const counters = sums(additions);
        const agrees = (claimed: readonly Counter[]): boolean =>
          isTrue(() => {
            replay(additions).expect(claimed);
          });
        expect(agrees(counters)).toBe(true);
        if (counters.length === 0) return;
        const at = n % counters.length;
        const [key, bucket, amount] = counters[at]!;
        expect(agrees(counters.with(at, [key, bucket, (BigInt(amount) + 1n).toString()]))).toBe(false);
        expect(agrees(counters.toSpliced(at, 1))).toBe(false);
        expect(agrees([...counters, ["new", 0, "1"]])).toBe(false);
        // One that is named twice does not stand in for one that is missing.
        const twice = counters.with(at, counters[(at + 1) % counters.length]!);
        expect(agrees(twice)).toBe(counters.length === 1);
      }),
    );
  });

  it("are hashed in the order of SQLite: keys by their bytes, buckets by number", () => {
    fc.assert(
      fc.property(fc.array(addition, { maxLength: 12 }), (additions) => {
        const db = new DatabaseSync(":memory:");
        db.exec("CREATE TABLE c (key TEXT, bucket INTEGER, amount TEXT)");
        for (const row of sums(additions)) db.prepare("INSERT INTO c VALUES (?, ?, ?)").run(...row);
        const rows = db.prepare("SELECT * FROM c ORDER BY key, bucket").all() as Record<string, unknown>[];
        const text = rows
          .map((row) =>
            Object.values(row)
              .map((value) => `${String(value)}\n`)
              .join(""),
          )
          .join("");
        expect(replay(additions).hash()).toBe(createHash("sha256").update(text).digest("hex"));
        db.close();
      }),
      { numRuns: 50 },
    );
  });
});
