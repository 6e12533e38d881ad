// x402-policy explain: would this payment pass, what does every rule say, and what binds? Nothing is recorded.
import type { Command } from "commander";
import { operatorCall } from "../../client/signer.ts";
import { type Household, compileHousehold } from "../../policy/document.ts";
import { binding } from "../../policy/evaluate.ts";
import { parseUnits } from "../../protocol/amount.ts";
import { type PinnedAsset, canonicalAddress } from "../../protocol/assets.ts";
import { X402Error, entryOf } from "../../protocol/errors.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import type { Quote, WireCheck } from "../../protocol/shapes.ts";
import { networkOf, railOf } from "../../protocol/networks.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable, say, table } from "../terminal.ts";
import { localTime } from "../times.ts";
import { requireApplied } from "./applied.ts";
import { readDocument } from "./document-file.ts";

interface Options extends SocketOptions {
  network: string;
  asset: string;
  to: string;
  amount: string;
  url?: string;
  category?: string;
  agent?: string;
  file?: string;
  json?: true;
}

export const addExplain = (policy: Command): Command =>
  policy
    .command("explain")
    .description("say whether a payment would pass now (exit status 1 when not), rule by rule")
    .requiredOption("--network <name>", "the network, such as base or eip155:8453")
    .requiredOption("--to <address>", "the payee")
    .requiredOption("--amount <amount>", "how much, in units of the asset, such as 0.25")
    .option("--asset <asset>", "symbol or address", "USDC")
    .option("--url <url>", "what is paid for, as the agent would claim it")
    .option("--category <name>", "its category, as the agent would claim it")
    .option("--agent <name>", "the agent that would pay")
    .option("--file <file>", "go by this document instead of the policy in force, - for stdin")
    .option("--json", "print the checks as JSON")
    .addOption(socketOption())
    .action(explain);

async function explain(options: Options): Promise<void> {
  const { file, agent } = options;
  const tried = file === undefined ? undefined : await readDocument(file);
  const [quote] = await withSigner(options.socket, async (signer) => {
    const document = tried ?? (await requireApplied(signer)).document;
    const { state } = await operatorCall(signer, "signer.status", {});
    if (state !== "unlocked") say(`The signer is ${state}: whatever the rules say, it signs nothing now.`);
    return operatorCall(signer, "payment.quote", {
      intents: [intentOf(options, compileHousehold(document))],
      ...(agent !== undefined && { agent }),
      ...(tried && { document: tried }),
    });
  });
  if (!quote) throw new X402Error("INTERNAL", "the signer answered no quote");
  if (options.json) print(JSON.stringify(quote));
  else for (const line of describe(quote)) print(line);
  if (quote.outcome !== "allow") process.exitCode = 1;
}

function intentOf(options: Options, household: Household): WireIntent {
  const network = networkOf(options.network);
  if (network === undefined) throw new X402Error("USAGE", `${options.network} is not a network`);
  const asset = [...household.registry.values()].find(
    (known) => known.network === network && isNamed(known, options.asset),
  );
  if (!asset) throw new X402Error("USAGE", `${options.asset} is not a known asset on ${options.network}`);
  const { url, category } = options;
  return {
    id: "explain-0000000000000000",
    scheme: "exact",
    network,
    asset: asset.address,
    payTo: options.to,
    amount: parseUnits(options.amount, asset.decimals, "--amount").toString(),
    maxTimeoutSeconds: 60,
    claims: { ...(url !== undefined && { url }), ...(category !== undefined && { category }) },
    ...(railOf(network) === "solana" && { extra: { feePayer: ANY_FEE_PAYER } }),
  };
}

/** On Solana a seller names who pays the network's fee; who that is decides nothing here. */
const ANY_FEE_PAYER = "Vote111111111111111111111111111111111111111";

const isNamed = ({ network, address, symbol }: PinnedAsset, name: string): boolean =>
  symbol === name || canonicalAddress(network, address) === canonicalAddress(network, name);

function describe({ outcome, checks }: Quote): string[] {
  const binds = binding({ checks: checks.map(comparable) });
  const verdict = binds ? `${outcome}: ${binds.code}, ${entryOf(binds.code).text}` : outcome;
  return [verdict, ...table(checks.map(row), [4, 5, 6])];
}

/** The parts of a check that decide which one is named. */
const comparable = ({ scope, rule, code, ok, claimed, reopensAt }: WireCheck) => ({
  scope,
  rule,
  code,
  ok,
  claimed,
  ...(reopensAt !== undefined && { reopensAt: Date.parse(reopensAt) }),
});

function row({ scope, rule, ok, claimed, limit, used, left, reopensAt, code }: WireCheck): string[] {
  return [
    ok ? "  pass" : "  FAIL",
    printable(scope),
    printable(rule),
    claimed ? "claim" : "fact",
    limit === undefined ? "" : `limit ${limit}`,
    used === undefined ? "" : `used ${used}`,
    left === undefined ? "" : `left ${left}`,
    ok ? "" : code,
    reopensAt === undefined ? "" : `reopens ${localTime(Date.parse(reopensAt))}`,
  ];
}
