// x402-policy audit: every decision on record, filtered; `audit verify` proves that the record is whole.
import { type Command, Option } from "commander";
import { canonicalDomain } from "../../policy/domains.ts";
import { keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable, say } from "../terminal.ts";
import { localTime, parseTime } from "../times.ts";
import {
  type AuditEntry,
  type AuditFilter,
  COLUMNS,
  OUTCOMES,
  type Outcome,
  columnsOf,
  entryOfRow,
  isWanted,
  readAudit,
} from "./audit-rows.ts";
import { addExport } from "./audit-export.ts";
import { addReceipt } from "./audit-receipt.ts";
import { csvLine } from "./csv.ts";
import { addVerify } from "./verify.ts";

interface Options extends SocketOptions {
  since?: string;
  until?: string;
  agent?: string;
  domain?: string;
  outcome?: Outcome;
  json?: true;
  csv?: true;
}

export function addAudit(policy: Command): Command {
  const command = policy.command("audit").description("read, verify or export the record of every decision");
  command
    .command("list", { isDefault: true })
    .description("list payments, declines and what the operator did (also without its name)")
    .option("--since <time>", "from then on: 2h or 7d (ago), 2026-11-20, 2026-11-20T12:00Z")
    .option("--until <time>", "before then")
    .option("--agent <name>", "of one agent")
    .option("--domain <name>", "with this claimed domain or one below it")
    .addOption(new Option("--outcome <which>", "only these").choices(OUTCOMES))
    .addOption(new Option("--json", "print one JSON object a line, with the row's hash").conflicts("csv"))
    .option("--csv", "print CSV")
    .addOption(socketOption())
    .action(list);
  addVerify(command);
  addExport(command);
  addReceipt(command);
  return command;
}

async function list(options: Options): Promise<void> {
  const filter = filterOf(options);
  const write = options.json ? writeJson : options.csv ? writeCsv : writeText;
  let shown = 0;
  const { head } = await withSigner(options.socket, (signer) => {
    if (options.csv) print(csvLine(COLUMNS));
    return readAudit(signer, (row) => {
      const entry = entryOfRow(row);
      if (!isWanted(entry, filter)) return;
      write(entry);
      shown += 1;
    });
  });
  keepHead(head);
  say(`${shown} of ${head.seq} rows`);
}

function filterOf({ since, until, agent, domain, outcome }: Options): AuditFilter {
  const now = Date.now();
  return {
    ...(since !== undefined && { since: parseTime(since, now) }),
    ...(until !== undefined && { until: parseTime(until, now) }),
    ...(agent !== undefined && { agent }),
    ...(domain !== undefined && { domain: canonicalDomain(domain) ?? domain }),
    ...(outcome !== undefined && { outcome }),
  };
}

/** In ASCII: what others chose must not move a cursor, and it is the same JSON. */
const writeJson = ({ seq, hash, body }: AuditEntry): void => {
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  print(JSON.stringify({ seq, hash, body }).replaceAll(/[^ -~]/g, escape));
};

const writeCsv = (entry: AuditEntry): void => {
  const columns = columnsOf(entry);
  print(csvLine(COLUMNS.map((name) => columns[name])));
};

/** Rows come one by one, so that a log of any length can be read: columns are parted by two spaces, not aligned. */
function writeText(entry: AuditEntry): void {
  const { seq, kind, agent, usd, payee, domain, path, code, rule, count, detail } = columnsOf(entry);
  const parts = [
    seq.padStart(6),
    localTime(entry.body.at),
    kind.padEnd(16),
    agent,
    usd === "" ? "" : `${usd} USD`,
    payee === "" ? "" : `to ${payee}`,
    domain + path,
    code === "" ? "" : `${code} (${rule})`,
    count === "" ? "" : `${count} times`,
    detail,
  ];
  print(
    parts
      .filter((part) => part.trim() !== "")
      .map(printable)
      .join("  ")
      .trimEnd(),
  );
}
