// x402-policy replay NEW.json: which payments of the past another document would have declined.
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Household, compileHousehold } from "../../policy/document.ts";
import { REPLAYED, type ReplayRow, intentOf, readReplayRow } from "../../policy/record.ts";
import { Replay } from "../../policy/replay.ts";
import type { Listed, Sum, Tally } from "../../policy/tally.ts";
import { formatUnits, formatUsd } from "../../protocol/amount.ts";
import { X402Error } from "../../protocol/errors.ts";
import { nameOf } from "../../protocol/networks.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable, say, table } from "../terminal.ts";
import { localTime, parseTime } from "../times.ts";
import { readDocument } from "./document-file.ts";
import { type ReadRecord, recordFile, recordOf } from "./record.ts";

interface Options extends SocketOptions {
  since?: string;
  record?: string;
  list: number;
  json?: true;
}

const MOST_LISTED = 10_000;

export const addReplay = (policy: Command): Command =>
  policy
    .command("replay")
    .description("say which payments on record a document would have declined; changes nothing")
    .argument("<file>", "the document, - for stdin")
    .option(
      "--since <time>",
      "as if it had been applied then: 30d (ago) or 2026-11-20; else, at the first payment",
    )
    .option("--record <file>", "the record as audit export wrote it, instead of the running signer's")
    .addOption(new Option("--list <count>", "how many of them to list").argParser(parseCount).default(20))
    .option("--json", "print it as JSON")
    .addOption(socketOption())
    .action(replay);

function parseCount(text: string): number {
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= MOST_LISTED) return Number(text);
  throw new InvalidArgumentError(`must be a number up to ${MOST_LISTED}`);
}

async function replay(file: string, options: Options): Promise<void> {
  const household = compileHousehold(await readDocument(file));
  const since = options.since === undefined ? 0 : parseTime(options.since, Date.now());
  const { record, list, json } = options;
  const tallied = (read: ReadRecord): Promise<Tally> => tallyOf(household, read, { since, listed: list });
  const tally =
    record === undefined
      ? await withSigner(options.socket, (signer) => tallied(recordOf(signer)))
      : await tallied(recordFile(record));
  if (json) print(JSON.stringify(jsonOf(tally)));
  else tell(tally);
}

const UNSETTLED: ReadonlySet<string> = new Set(["payment.redrafted", "payment.released"]);

/** Reads twice: what a later row takes back or adds to is remembered from the start, and nothing else is. */
async function tallyOf(
  household: Household,
  read: ReadRecord,
  options: { since: number; listed: number },
): Promise<Tally> {
  const unsettled = new Set<string>();
  await read(UNSETTLED, (body, seq) => {
    const row = rowOf(body, seq);
    if ("id" in row) unsettled.add(intentOf(row));
  });
  const replay = new Replay(household, { ...options, unsettled });
  await read(REPLAYED, (body, seq) => {
    replay.apply(rowOf(body, seq), seq);
  });
  return replay.tally;
}

function rowOf(body: string, seq: number): ReplayRow {
  const row = readReplayRow(body);
  if (!row) throw new X402Error("LEDGER_DAMAGED", `row ${seq} cannot be read`);
  return row;
}

function tell(tally: Tally): void {
  const { allowed, refused, first, last, gaps, listed } = tally;
  say(
    "Each payment by what it was counted for, at its own time. Sessions, unlocks and past declines are not part of it.",
  );
  if (gaps > 0) say(`${gaps} losses of the record were accepted: what was paid in them is not counted.`);
  if (first === undefined || last === undefined) {
    print("no payments");
    return;
  }
  print(`${localTime(first)} to ${localTime(last)}`);
  const sums = [
    ["would pass", ...cells(allowed)],
    ["would be declined", ...cells(refused)],
    ...tally.byRule().map((rule) => [`  ${rule.check.code}`, ...cells(rule), whereOf(rule.check)]),
  ];
  for (const line of table(sums, [1, 3])) print(line);
  if (listed.length === 0) return;
  print(`the first ${listed.length}:`);
  for (const line of table(listed.map(rowCells), [1, 2, 3])) print(line);
}

const cells = ({ payments, usd }: Sum): string[] => [
  `${payments}`,
  payments === 1 ? "payment" : "payments",
  formatUsd(usd),
  "USD",
];

const whereOf = ({ scope, rule }: { scope: string; rule: string }): string => printable(`${scope} ${rule}`);

function rowCells({ seq, row, check }: Listed): string[] {
  const { at, agent, usd, amount, decimals, symbol, network, payTo, claims } = row;
  return [
    `  ${localTime(at)}`,
    `row ${seq}`,
    formatUsd(BigInt(usd)),
    formatUnits(BigInt(amount), decimals, 2),
    ...[symbol, nameOf(network), agent, payTo].map(printable),
    printable(claims.origin === undefined ? "-" : claims.origin + (claims.path ?? "")),
    check.code,
    whereOf(check),
  ];
}

const jsonSum = ({ payments, usd }: Sum) => ({ payments, usd: formatUsd(usd) });

const jsonOf = (tally: Tally) => ({
  ...(tally.first !== undefined && { first: new Date(tally.first).toISOString() }),
  ...(tally.last !== undefined && { last: new Date(tally.last).toISOString() }),
  allowed: jsonSum(tally.allowed),
  declined: jsonSum(tally.refused),
  acceptedLosses: tally.gaps,
  rules: tally.byRule().map((rule) => ({ ...jsonCheck(rule.check), ...jsonSum(rule) })),
  payments: tally.listed.map(({ seq, row, check }) => ({
    seq,
    at: new Date(row.at).toISOString(),
    ...{ agent: row.agent, id: row.id, network: row.network, asset: row.asset, symbol: row.symbol },
    ...{ amount: row.amount, usd: formatUsd(BigInt(row.usd)), payTo: row.payTo, claims: row.claims },
    ...jsonCheck(check),
  })),
});

const jsonCheck = ({ code, scope, rule, claimed }: Listed["check"]) => ({ code, scope, rule, claimed });
