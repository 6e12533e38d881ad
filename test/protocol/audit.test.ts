import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ChainVerifier,
  CounterReplay,
  type RowAddition,
  genesisHash,
  rowHash,
} from "../../protocol/audit.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";
import { hex } from "./arbitrary.ts";
import { codeOf } from "./code.ts";

const bodies = fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 20 });
const ledger = hex(16);

/** The chain again, by another API and without ours: what docs/ledger.md tells a third party to do. */
function chainOf(ledgerId: string, texts: readonly string[]): { rows: AuditRow[]; head: Head } {
  const sha256 = (text: string) => createHash("sha256").update(Buffer.from(text, "utf8")).digest("hex");
  let hash = sha256(`x402/ledger/1 ${ledgerId}`);
  const rows = texts.map((body, i) => {
    hash = sha256(hash + body);
    return { seq: i + 1, hash, body };
  });
  return { rows, head: { ledger: ledgerId, seq: rows.length, hash } };
}

const verify = (ledgerId: string, rows: readonly AuditRow[]): ChainVerifier => {
  const verifier = new ChainVerifier(ledgerId);
  for (const row of rows) verifier.add(row);
  return verifier;
};

describe("the chain", () => {
  it("is what anyone makes of the rows", () => {
    fc.assert(
      fc.property(ledger, bodies, (id, texts) => {
        const { rows, head } = chainOf(id, texts);
        const verifier = verify(id, rows);
        expect(verifier.endsAt(head)).toBe(true);
        expect(verifier.endsAt({ ...head, seq: head.seq + 1 })).toBe(false);
        expect(verifier.endsAt({ ...head, hash: "00".repeat(32) })).toBe(false);
        expect(rowHash(genesisHash(id), texts[0]!)).toBe(rows[0]!.hash);
      }),
    );
  });

  it("shows a row that was changed, taken out, put in or moved", () => {
    fc.assert(
      fc.property(ledger, bodies, fc.nat(), fc.nat(), fc.string(), (id, texts, a, b, other) => {
        const { rows, head } = chainOf(id, texts);
        const at = a % rows.length;
        const to = b % rows.length;
        const damaged = (changed: readonly AuditRow[]): boolean =>
          codeOf(() => verify(id, changed)) === "LEDGER_DAMAGED" || !verify(id, changed).endsAt(head);
        const renumbered = (changed: readonly AuditRow[]) =>
          changed.map((row, i) => ({ ...row, seq: i + 1 }));
        const body = other === rows[at]!.body ? `${other}!` : other;
        expect(damaged(rows.with(at, { ...rows[at]!, body }))).toBe(true);
        expect(damaged(rows.toSpliced(at, 1))).toBe(true);
        expect(damaged(renumbered(rows.toSpliced(at, 1)))).toBe(true);
        expect(damaged(renumbered(rows.toSpliced(at, 0, rows[to]!)))).toBe(true);
        if (rows[at]!.body !== rows[to]!.body)
          expect(damaged(renumbered(rows.with(at, rows[to]!).with(to, rows[at]!)))).toBe(true);
        // Chained up anew after the change, every row fits; only the head tells.
        expect(verify(id, chainOf(id, texts.with(at, body)).rows).endsAt(head)).toBe(false);
      }),
    );
  });

  it("belongs to one ledger", () => {
    const { rows } = chainOf("00".repeat(16), ["a"]);
    expect(codeOf(() => verify("11".repeat(16), rows))).toBe("LEDGER_DAMAGED");
  });
});

describe("counters recomputed", () => {
  const addition: fc.Arbitrary<RowAddition> = fc.tuple(
    fc.constantFrom("household|usd|day", "agent:a|usd|day", "x"),
    fc.integer({ min: 0, max: 3 }),
    fc.bigInt({ min: -5n, max: 10n ** 20n }).map(String),
  );
  const replay = (additions: readonly RowAddition[]) => {
    const counters = new CounterReplay();
    counters.add(additions);
    return counters;
  };
  const sums = (additions: readonly RowAddition[]): RowAddition[] =>
    [...replay(additions).totals]
      .filter(([, amount]) => amount !== 0n)
      .map(([id, amount]) => [id.split("\n")[0]!, Number(id.split("\n")[1]), amount.toString()]);

  it("agree with the record to the unit, or are damaged", () => {
    fc.assert(
      fc.property(fc.array(addition, { minLength: 1, maxLength: 10 }), fc.nat(), (additions, n) => {
        const counters = sums(additions);
        const code = (claimed: readonly RowAddition[]) =>
          codeOf(() => {
            replay(additions).expect(claimed);
          });
        expect(code(counters)).toBe("no error");
        if (counters.length === 0) return;
        const at = n % counters.length;
        const [key, bucket, amount] = counters[at]!;
        expect(code(counters.with(at, [key, bucket, (BigInt(amount) + 1n).toString()]))).toBe(
          "LEDGER_DAMAGED",
        );
        expect(code(counters.toSpliced(at, 1))).toBe("LEDGER_DAMAGED");
        expect(code([...counters, ["new", 0, "1"]])).toBe("LEDGER_DAMAGED");
        // One that is named twice does not stand in for one that is missing.
        expect(code(counters.with(at, counters[(at + 1) % counters.length]!))).toBe(
          counters.length === 1 ? "no error" : "LEDGER_DAMAGED",
        );
      }),
    );
  });
});
