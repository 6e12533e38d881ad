// The rows of the audit log as the signer has them, and what a reader wants of each.
import { z } from "zod";
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import { siteOf } from "../../policy/domains.ts";
import type { RowAddition } from "../../protocol/audit.ts";
import { formatUsd } from "../../protocol/amount.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";

const PAGE = 5000;

export interface LastPage {
  readonly head: Head;
  readonly counters: readonly RowAddition[];
  readonly seal?: string | undefined;
}

/** Hands every row to `each`, oldest first; resolves with the head and the counters that stand at the last one. */
export async function readAudit(
  signer: SignerConnection,
  each: (row: AuditRow, head: Head) => void,
): Promise<LastPage> {
  for (let after = 0; ;) {
    const { rows, head, counters, seal } = await operatorCall(signer, "audit.query", { after, limit: PAGE });
    for (const row of rows) each(row, head);
    if (counters) return { head, counters, seal };
    const last = rows.at(-1);
    if (!last) throw new X402Error("LEDGER_DAMAGED", `no row follows row ${after}`);
    after = last.seq;
  }
}

/** What this command knows of a body; kinds and members that it does not know are kept out of tables, not refused. */
const bodySchema = z.looseObject({
  kind: z.string(),
  at: z.number(),
  agent: z.string().optional(),
  id: z.string().optional(),
  network: z.string().optional(),
  symbol: z.string().optional(),
  asset: z.string().optional(),
  amount: z.string().optional(),
  usd: z.string().optional(),
  payTo: z.string().optional(),
  claims: z.object({ origin: z.string().optional(), path: z.string().optional() }).optional(),
  session: z.string().optional(),
  check: z.object({ scope: z.string(), rule: z.string(), code: z.string() }).optional(),
  count: z.number().optional(),
  version: z.union([z.number(), z.string()]).optional(),
  reason: z.string().optional(),
});
export type AuditBody = z.infer<typeof bodySchema>;

export const OUTCOMES = ["signed", "declined", "event"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface AuditEntry {
  readonly seq: number;
  readonly hash: string;
  readonly body: AuditBody;
  /** A signature, a no, or anything else that is on record. */
  readonly outcome: Outcome;
  readonly domain: string | undefined;
}

export function entryOfRow({ seq, hash, body }: AuditRow): AuditEntry {
  const parsed = bodySchema.parse(JSON.parse(body));
  const origin = parsed.claims?.origin;
  return { seq, hash, body: parsed, outcome: outcomeOf(parsed.kind), domain: siteOf(origin)?.domain };
}

function outcomeOf(kind: string): Outcome {
  if (kind === "payment.reserved" || kind === "payment.redrafted") return "signed";
  return kind === "payment.declined" ? "declined" : "event";
}

export interface AuditFilter {
  /** Unix ms, from and including. */
  readonly since?: number;
  /** Unix ms, before. */
  readonly until?: number;
  readonly agent?: string;
  readonly domain?: string;
  readonly outcome?: Outcome;
}

/** A domain also stands for everything below it. */
export function isWanted({ body, outcome, domain }: AuditEntry, filter: AuditFilter): boolean {
  if (filter.since !== undefined && body.at < filter.since) return false;
  if (filter.until !== undefined && body.at >= filter.until) return false;
  if (filter.agent !== undefined && filter.agent !== body.agent) return false;
  if (filter.outcome !== undefined && filter.outcome !== outcome) return false;
  if (filter.domain === undefined) return true;
  return domain !== undefined && (domain === filter.domain || domain.endsWith(`.${filter.domain}`));
}

/** The columns of a table or CSV file, in order. */
export const COLUMNS = [
  "seq",
  "time",
  "kind",
  "agent",
  "usd",
  "symbol",
  "network",
  "payee",
  "domain",
  "path",
  "code",
  "rule",
  "count",
  "intent",
  "detail",
] as const;

export function columnsOf({ seq, body, domain }: AuditEntry): Record<(typeof COLUMNS)[number], string> {
  return {
    seq: String(seq),
    time: new Date(body.at).toISOString(),
    kind: body.kind,
    agent: body.agent ?? "",
    usd: body.usd === undefined || isPrice(body) ? "" : formatUsd(BigInt(body.usd)),
    symbol: body.symbol ?? "",
    network: body.network ?? "",
    payee: body.payTo ?? "",
    domain: domain ?? "",
    path: body.claims?.path ?? "",
    code: body.check?.code ?? "",
    rule: body.check ? `${body.check.scope} ${body.check.rule}` : "",
    count: body.count === undefined ? "" : String(body.count),
    intent: body.id ?? "",
    detail: detailOf(body),
  };
}

/** Of these, `usd` is for one whole unit, in decimals: no sum that was spent. */
const isPrice = ({ kind }: AuditBody): boolean => kind === "price.set";

function detailOf(body: AuditBody): string {
  if (isPrice(body)) return `${body.symbol ?? ""} at ${body.usd ?? ""} USD`;
  return body.reason ?? (body.version === undefined ? "" : `version ${body.version}`);
}
