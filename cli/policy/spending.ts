// x402-policy spending: what was signed for today, this week and this month, in the policy's time zone.
import type { Command } from "commander";
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import { siteOf } from "../../policy/domains.ts";
import { Calendar } from "../../policy/windows.ts";
import { type MicroUsd, formatUsd, parseUsd } from "../../protocol/amount.ts";
import { canonicalAddress } from "../../protocol/assets.ts";
import type { PaymentRow } from "../../protocol/shapes.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable, say, table } from "../terminal.ts";
import { readApplied } from "./applied.ts";

type Options = SocketOptions & { agent?: string; json?: true };

const PERIODS = ["day", "week", "month"] as const;
type PeriodName = (typeof PERIODS)[number];
type Sums = Record<PeriodName, { usd: MicroUsd; payments: number }>;

export const addSpending = (policy: Command): Command =>
  policy
    .command("spending")
    .description("show what was spent today, this week and this month, by domain and payee")
    .option("--agent <name>", "of one agent only")
    .option("--json", "print it as JSON")
    .addOption(socketOption())
    .action(spending);

async function spending(options: Options): Promise<void> {
  const now = Date.now();
  const { timezone, starts, payments } = await withSigner(options.socket, async (signer) => {
    const applied = await readApplied(signer);
    const timezone = applied?.document.timezone ?? "UTC";
    const starts = startsOf(timezone, now);
    const since = Math.min(...Object.values(starts));
    return { timezone, starts, payments: await paymentsSince(signer, since, options.agent) };
  });
  const groups = {
    all: [["all", sumsOf(payments, starts)]] as const,
    domains: sumBy(payments, starts, (row) => siteOf(row.origin)?.domain ?? "(none)"),
    payees: sumBy(payments, starts, ({ network, payTo }) => canonicalAddress(network, payTo)),
    agents: sumBy(payments, starts, (row) => row.agent),
  };
  if (options.json) {
    const plain = Object.entries(groups).map(([name, group]) => [
      name,
      Object.fromEntries(group.map(jsonSums)),
    ]);
    print(JSON.stringify({ timezone, ...Object.fromEntries(plain) }));
    return;
  }
  say(`USD, in ${timezone}; domains are the agents' claims`);
  const lines = [
    ["", "today", "week", "month", "payments"],
    ...section("all", groups.all),
    ...section("by agent", groups.agents),
    ...section("by domain", groups.domains),
    ...section("by payee", groups.payees),
  ];
  for (const line of table(lines, [1, 2, 3, 4])) print(line);
}

/** Unix ms at which the current periods began. */
function startsOf(timezone: string, now: number): Record<PeriodName, number> {
  const start = (unit: PeriodName): number => new Calendar(unit, timezone).at(now).start * 1000;
  return { day: start("day"), week: start("week"), month: start("month") };
}

async function paymentsSince(
  signer: SignerConnection,
  since: number,
  agent: string | undefined,
): Promise<PaymentRow[]> {
  const filter = { since: new Date(since).toISOString(), limit: 1000, ...(agent !== undefined && { agent }) };
  const rows: PaymentRow[] = [];
  let before: number | undefined;
  do {
    const page = await operatorCall(signer, "history.list", {
      ...filter,
      ...(before !== undefined && { before }),
    });
    // What was given back was never spent.
    rows.push(...page.payments.filter(({ state }) => state !== "released"));
    before = page.next;
  } while (before !== undefined);
  return rows;
}

type Group = readonly (readonly [string, Sums])[];

/** Sums by the name that `nameOf` gives a payment, the most of this month first. */
function sumBy(
  payments: readonly PaymentRow[],
  starts: Record<PeriodName, number>,
  nameOf: (row: PaymentRow) => string,
): Group {
  const groups = new Map<string, PaymentRow[]>();
  for (const row of payments) {
    const name = nameOf(row);
    const rows = groups.get(name);
    if (rows) rows.push(row);
    else groups.set(name, [row]);
  }
  return [...groups]
    .map(([name, rows]) => [name, sumsOf(rows, starts)] as const)
    .sort(([, a], [, b]) => (a.month.usd > b.month.usd ? -1 : 1));
}

function sumsOf(rows: readonly PaymentRow[], starts: Record<PeriodName, number>): Sums {
  const sum = (period: PeriodName) => {
    const within = rows.filter(({ at }) => Date.parse(at) >= starts[period]);
    return { usd: within.reduce((usd, row) => usd + parseUsd(row.usd), 0n), payments: within.length };
  };
  return { day: sum("day"), week: sum("week"), month: sum("month") };
}

const section = (title: string, group: Group): string[][] =>
  title === "all"
    ? group.map(([, sums]) => ["all", ...cells(sums)])
    : [[title], ...group.map(([name, sums]) => [`  ${printable(name)}`, ...cells(sums)])];

const cells = (sums: Sums): string[] => [
  ...PERIODS.map((period) => formatUsd(sums[period].usd)),
  String(sums.month.payments),
];

const jsonSums = ([name, sums]: readonly [string, Sums]) =>
  [
    name,
    Object.fromEntries(
      PERIODS.map((period) => [
        period,
        { usd: formatUsd(sums[period].usd), payments: sums[period].payments },
      ]),
    ),
  ] as const;
