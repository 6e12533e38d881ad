// x402-policy explain: would this payment pass, what does every rule say, and what binds? Nothing is recorded.
import type { Command } from "commander";
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import { type Household, compileHousehold } from "../../policy/document.ts";
import { binding } from "../../policy/evaluate.ts";
import type { PolicyDocument } from "../../policy/schema.ts";
import { formatUnits, parseUnits } from "../../protocol/amount.ts";
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
import { guessOf, largestPassing, reopensAt } from "./would-pass.ts";

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
    .description(
      "say whether a payment would pass now (exit status 1 when not), rule by rule, and what would",
    )
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

interface Explained {
  readonly quote: Quote;
  readonly asset: PinnedAsset;
  /** Atomic units: the largest amount that would pass now. */
  readonly largest: bigint | undefined;
}

async function explain(options: Options): Promise<void> {
  const { file } = options;
  const tried = file === undefined ? undefined : await readDocument(file);
  const explained = await withSigner(options.socket, (signer) => ask(signer, options, tried));
  if (options.json) print(JSON.stringify(jsonOf(explained)));
  else for (const line of describe(explained, options.amount)) print(line);
  if (explained.quote.outcome !== "allow") process.exitCode = 1;
}

async function ask(
  signer: SignerConnection,
  options: Options,
  tried: PolicyDocument | undefined,
): Promise<Explained> {
  const document = tried ?? (await requireApplied(signer)).document;
  const { state } = await operatorCall(signer, "signer.status", {});
  if (state !== "unlocked") say(`The signer is ${state}: whatever the rules say, it signs nothing now.`);
  const { intent, asset } = intentOf(options, compileHousehold(document));
  const quotes = (amounts: readonly bigint[]): Promise<Quote[]> =>
    operatorCall(signer, "payment.quote", {
      intents: amounts.map((amount) => ({ ...intent, amount: amount.toString() })),
      ...(options.agent !== undefined && { agent: options.agent }),
      ...(tried && { document: tried }),
    });
  const asked = BigInt(intent.amount);
  if (asked === 0n) throw new X402Error("USAGE", "--amount must be more than 0");
  const [quote] = await quotes([asked]);
  if (!quote) throw new X402Error("INTERNAL", "the signer answered no quote");
  const passes = quote.outcome === "allow";
  const largest = await largestPassing(quotes, { asked, passes, guess: guessOf(quote, asked) });
  return { quote, asset, largest };
}

function intentOf(options: Options, household: Household): { intent: WireIntent; asset: PinnedAsset } {
  const network = networkOf(options.network);
  if (network === undefined) throw new X402Error("USAGE", `${options.network} is not a network`);
  const asset = [...household.registry.values()].find(
    (known) => known.network === network && isNamed(known, options.asset),
  );
  if (!asset) throw new X402Error("USAGE", `${options.asset} is not a known asset on ${options.network}`);
  const { url, category } = options;
  const intent: WireIntent = {
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
  return { intent, asset };
}

/** On Solana a seller names who pays the network's fee; who that is decides nothing here. */
const ANY_FEE_PAYER = "Vote111111111111111111111111111111111111111";

const isNamed = ({ network, address, symbol }: PinnedAsset, name: string): boolean =>
  symbol === name || canonicalAddress(network, address) === canonicalAddress(network, name);

function describe({ quote, asset, largest }: Explained, amount: string): string[] {
  const { outcome, checks } = quote;
  const binds = bindingOf(quote);
  const verdict = binds ? `${outcome}: ${binds.code}, ${entryOf(binds.code).text}` : outcome;
  const hint = binds ? [entryOf(binds.code).hint] : [];
  const costs =
    quote.usd === undefined ? [] : [`it counts for ${quote.usd} USD, with what the network takes`];
  const most =
    largest === undefined ? "no amount would pass now" : `at most ${unitsOf(asset, largest)} would pass now`;
  const from = reopensAt(quote);
  const later =
    from === undefined ? "waiting does not help" : `what stops ${amount} opens again ${localTime(from)}`;
  return [
    verdict,
    ...(binds ? table([row(binds)], [4, 5, 6]) : []),
    printable(binds ? `${most}; ${later}` : most),
    ...hint,
    ...costs,
    ...table(checks.map(row), [4, 5, 6]),
  ];
}

const unitsOf = ({ decimals, symbol }: PinnedAsset, units: bigint): string =>
  `${formatUnits(units, decimals, 2)} ${symbol}`;

/** What a signer answers, the one check that is named, and what would pass. */
function jsonOf({ quote, asset, largest }: Explained) {
  const binds = bindingOf(quote);
  const from = reopensAt(quote);
  return {
    ...quote,
    ...(binds && { binding: binds }),
    ...(largest !== undefined && { largest: formatUnits(largest, asset.decimals, 2) }),
    ...(binds && from !== undefined && { reopensAt: new Date(from).toISOString() }),
  };
}

/** Of the failing checks the one to name, as the signer names it. */
function bindingOf({ checks }: Quote): WireCheck | undefined {
  const named = binding({ checks: checks.map(comparable) });
  return (
    named &&
    checks.find(
      ({ scope, rule, code, ok }) =>
        !ok && scope === named.scope && rule === named.rule && code === named.code,
    )
  );
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
