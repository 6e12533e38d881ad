// The whole record, read as any auditor reads it: page by page, the chain followed to the head, every counter
// recomputed from the rows.
import { z } from "zod";
import { Lifetimes } from "../../cli/policy/lifetimes.ts";
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import { isOver } from "../../policy/counters.ts";
import { ChainVerifier, CounterReplay, type RowAddition } from "../../protocol/audit.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";

const bodySchema = z.looseObject({
  kind: z.string(),
  at: z.int(),
  agent: z.string().optional(),
  id: z.string().optional(),
  amount: z.string().optional(),
  draft: z.string().optional(),
  count: z.int().optional(),
  reason: z.string().optional(),
  session: z.string().optional(),
  endsAt: z.int().optional(),
  check: z.object({ code: z.string() }).optional(),
  add: z.array(z.tuple([z.string(), z.int(), z.string()])).optional(),
});
export type RecordRow = z.infer<typeof bodySchema> & { readonly seq: number; readonly hash: string };

export class LedgerRecord {
  readonly head: Head;
  readonly rows: readonly RecordRow[];
  readonly counters: readonly RowAddition[];

  private constructor(head: Head, rows: readonly RecordRow[], counters: readonly RowAddition[]) {
    this.head = head;
    this.rows = rows;
    this.counters = counters;
  }

  /** Throws LEDGER_DAMAGED unless the rows chain up to the head and give exactly the counters. */
  static async read(operator: SignerConnection, limit?: number): Promise<LedgerRecord> {
    const raw: AuditRow[] = [];
    for (;;) {
      const params = { after: raw.at(-1)?.seq ?? 0, ...(limit === undefined ? {} : { limit }) };
      const { rows, head, counters } = await operatorCall(operator, "audit.query", params);
      raw.push(...rows);
      if (counters) return verified(raw, head, counters);
    }
  }

  static of(head: Head, rows: readonly RecordRow[], counters: readonly RowAddition[]): LedgerRecord {
    return new LedgerRecord(head, rows, counters);
  }

  /** Hash of the row at this position. */
  hashOf(seq: number): string | undefined {
    return this.rows[seq - 1]?.hash;
  }

  ofKind(kind: string): RecordRow[] {
    return this.rows.filter((row) => row.kind === kind);
  }

  /** Amount of one counter, all buckets together. */
  counter(key: string): bigint {
    return this.counters.reduce((sum, [name, , amount]) => (name === key ? sum + BigInt(amount) : sum), 0n);
  }

  /** Atomic units of all reservations. */
  reserved(): bigint {
    return this.ofKind("payment.reserved").reduce((sum, { amount }) => sum + BigInt(amount ?? 0), 0n);
  }
}

function verified(raw: readonly AuditRow[], head: Head, counters: readonly RowAddition[]): LedgerRecord {
  const chain = new ChainVerifier(head.ledger);
  const replay = new CounterReplay();
  const lifetimes = new Lifetimes();
  const rows: RecordRow[] = [];
  for (const row of raw) {
    chain.add(row);
    const body = bodySchema.parse(JSON.parse(row.body));
    replay.add(body.add ?? []);
    lifetimes.add(row.seq, body);
    rows.push({ ...body, seq: row.seq, hash: row.hash });
  }
  if (!chain.endsAt(head)) throw new Error("the rows do not end at the head");
  const present = new Set(counters.map(([key, bucket]) => `${key}\n${bucket}`));
  const at = rows.at(-1)?.at ?? 0;
  // The signer forgets counters of windows that are over, and may do so only then.
  for (const id of replay.totals.keys()) {
    const [key = "", bucket] = id.split("\n");
    const over = isOver(key, Number(bucket), at) || lifetimes.ended(key, Number(bucket), at);
    if (over && !present.has(id)) replay.totals.delete(id);
  }
  replay.expect(counters);
  return LedgerRecord.of(head, rows, counters);
}
