// What was found true, as data and as text.
import type { Audit } from "./audit.ts";
import type { Accepted } from "./chain.ts";
import type { Head } from "./export-file.ts";
import type { Sum } from "./totals.ts";

export interface Report {
  readonly true: true;
  readonly head: Head;
  /** ISO 8601, of the first and of the last row. */
  readonly since: string;
  readonly until: string;
  readonly key?: { readonly key: string; readonly from: "you" | "the file" };
  readonly signed: { readonly checkpoints: number; readonly sealed: boolean; readonly upTo: number };
  /** Rows up to this one were written by version 0.1, which recorded less. */
  readonly old?: number;
  readonly accepted: readonly Accepted[];
  readonly policies: readonly { readonly row: number; readonly version: number; readonly hash: string }[];
  readonly kinds: Readonly<Record<string, number>>;
  readonly counters: number;
  readonly totals: Readonly<Record<"assets" | "agents" | "payees" | "ended", readonly Group[]>>;
  readonly proved: readonly { readonly what: "head" | "receipt"; readonly seq: number }[];
}

interface Group {
  readonly name: string;
  readonly payments: number;
  /** Atomic units, of an asset. */
  readonly amount?: string;
  /** Micro-USD. */
  readonly usd: string;
}

export function reportOf({ chain, standing, counters, payments, proofs, kinds, policies }: Audit): Report {
  const { totals } = payments;
  const { key } = proofs;
  const groups = (sums: ReadonlyMap<string, Sum>, isAsset = false): Group[] =>
    [...sums]
      .map(([name, { payments: count, amount, usd }]) => ({
        ...{ name, payments: count, usd: usd.toString() },
        ...(isAsset ? { amount: amount.toString() } : {}),
      }))
      .sort((a, b) => (BigInt(b.usd) > BigInt(a.usd) ? 1 : -1));
  return {
    true: true,
    head: chain.head,
    since: new Date(standing.since ?? 0).toISOString(),
    until: new Date(standing.at).toISOString(),
    ...(key === undefined ? {} : { key: { key, from: proofs.keyIsGiven ? "you" : "the file" } }),
    signed: { checkpoints: proofs.checkpoints, sealed: proofs.sealed, upTo: proofs.signedUpTo },
    ...(standing.lastOld > 0 ? { old: standing.lastOld } : {}),
    accepted: chain.accepted,
    policies,
    kinds: Object.fromEntries(kinds),
    counters: counters.size,
    totals: {
      assets: groups(totals.byAsset, true),
      agents: groups(totals.byAgent),
      payees: groups(totals.byPayee),
      ended: groups(totals.ended),
    },
    proved: proofs.proved,
  };
}

const SHOWN = 10;

/** Lines for a person. Names that others chose are escaped. */
export function linesOf(report: Report): string[] {
  const { head, since, until, counters, policies, kinds } = report;
  const count = (kind: string): string => `${kinds[kind] ?? 0}`;
  const unknown = Object.entries(kinds).filter(([kind]) => kind.startsWith("unknown"));
  return [
    `true: ${head.seq} rows, ${counters} counters, head ${head.hash}`,
    `ledger    ${head.ledger}, ${since} to ${until}`,
    ...signatures(report),
    `policies  ${[policies.length, ...policies.slice(-5).map(({ version, hash }) => `version ${version} (${hash.slice(0, 8)})`)].join(", ")}`,
    `payments  ${count("payment.reserved")} reserved, ${count("payment.redrafted")} drafted again, ${count("payment.declined")} rows of declines`,
    ...groupLines("asset", report.totals.assets),
    ...groupLines("agent", report.totals.agents),
    ...groupLines("payee", report.totals.payees),
    ...groupLines("of these", report.totals.ended),
    ...(report.old === undefined ? [] : [oldLine(report.old)]),
    ...report.accepted.map(acceptedLine),
    ...unknown.map(
      ([kind, n]) => `note      ${n} rows of a kind that this version does not know (${printable(kind)})`,
    ),
    ...report.proved.map(({ what, seq }) => `proved    row ${seq} is the one that the ${what} names`),
  ];
}

function signatures({ key, signed, head }: Report): string[] {
  const { checkpoints, sealed, upTo } = signed;
  const tail = head.seq - upTo;
  const what = `${checkpoints} signed checkpoints${sealed ? " and a seal" : ""}`;
  if (key === undefined) return [`signed    nothing: ${what}, so the chain alone holds the rows together`];
  return [
    `signed    rows 1 to ${upTo}: ${what}`,
    ...(tail === 0 ? [] : [`note      the last ${tail} rows are not signed: the chain alone holds them`]),
    `key       ${key.key}`,
    ...(key.from === "you"
      ? []
      : ["note      the key is the file's own word: compare it with the owner's, or give it with --key"]),
  ];
}

function groupLines(title: string, groups: readonly Group[]): string[] {
  const lines = groups.slice(0, SHOWN).map(({ name, payments, amount, usd }) => {
    const units = amount === undefined ? "" : `, ${amount} units`;
    return `${title.padEnd(9)} ${printable(name)}: ${dollars(usd)} USD in ${payments} payments${units}`;
  });
  const rest = groups.length - SHOWN;
  return rest > 0 ? [...lines, `${title.padEnd(9)} and ${rest} more`] : lines;
}

const oldLine = (row: number): string =>
  `note      rows 1 to ${row} are of version 0.1: their limits, sums and policies' hashes were not recorded so that they can be checked`;

function acceptedLine({ row, code, lost, gaps, damaged }: Accepted): string {
  const what = [
    ...gaps.map(([from, to]) => `rows ${from} to ${to} are lost`),
    ...(lost ? [`row ${lost.seq} had been seen as ${lost.hash.slice(0, 8)}`] : []),
    ...(damaged.length > 0 ? [`rows ${damaged.join(", ")} do not continue the chain`] : []),
  ];
  return `accepted  row ${row}: the operator accepted ${printable(code)}${what.length > 0 ? `: ${what.join("; ")}` : ""}`;
}

function dollars(micro: string): string {
  const digits = micro.replace("-", "").padStart(7, "0");
  const cents = digits.slice(-6).replace(/0{1,4}$/, "");
  return `${micro.startsWith("-") ? "-" : ""}${digits.slice(0, -6)}.${cents}`;
}

/** Printable ASCII: a terminal obeys some characters, and some only look like others. */
export const printable = (text: string): string =>
  text.replaceAll(/[^ -~]/g, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
