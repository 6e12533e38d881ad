// The whole record, read as any auditor reads it: page by page, with every check of x402-audit-verify.
import { z } from "zod";
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import type { RowAddition } from "../../protocol/audit.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";
import { Audit } from "../../verify/audit.ts";

const bodySchema = z.looseObject({
  kind: z.string(),
  at: z.int(),
  agent: z.string().optional(),
  id: z.string().optional(),
  network: z.string().optional(),
  amount: z.string().optional(),
  usd: z.string().optional(),
  outflow: z.array(z.array(z.string())).optional(),
  rates: z.record(z.string(), z.string()).optional(),
  draft: z.string().optional(),
  expires: z.int().optional(),
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

  /** Throws Untrue unless every check of x402-audit-verify passes. */
  static async read(operator: SignerConnection, limit?: number): Promise<LedgerRecord> {
    const { auditKey: key, head } = await operatorCall(operator, "signer.status", {});
    const audit = new Audit({ ledger: head.ledger, ...(key === undefined ? {} : { key }) });
    const rows: RecordRow[] = [];
    for (;;) {
      const params = { after: rows.at(-1)?.seq ?? 0, ...(limit === undefined ? {} : { limit }) };
      const page = await operatorCall(operator, "audit.query", params);
      for (const row of page.rows) {
        audit.row(row);
        rows.push(recordRow(row));
      }
      const { counters, seal } = page;
      if (!counters) continue;
      audit.end({ head: page.head, counters, ...(seal === undefined ? {} : { seal }) });
      return new LedgerRecord(page.head, rows, counters);
    }
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

const recordRow = ({ seq, hash, body }: AuditRow): RecordRow => ({
  ...bodySchema.parse(JSON.parse(body)),
  seq,
  hash,
});
