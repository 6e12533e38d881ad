// `npm run demo`, `npm run demo -- --chain solana`, `--chain cardano`: an agent pays for an API, within limits, and never
// holds the key. Everything is real: the commands and the signer run as processes, the token moves on a chain, the shop is
// the reference server. It all happens on this machine, in a folder that is gone afterwards. Every line is printed after
// it was checked; a false one ends the demo with an error.
import { parseArgs } from "node:util";
import { formatUnits } from "../protocol/amount.ts";
import { Household, type Outcome } from "./household.ts";
import { CHAINS, type ChainName, type Town, openTown } from "./towns.ts";

const say = (line: string): void => {
  console.log(line);
};

function must(isTrue: boolean, what: string, outcome?: Outcome): void {
  if (!isTrue) throw new Error(outcome ? `${what}\n${outcome.stdout}${outcome.stderr}` : what);
}

/** Undefined for what is none. */
function chosenChain(): ChainName | undefined {
  const options = { chain: { type: "string", default: "base" } } as const;
  const { values } = parseArgs({ options, strict: false });
  return CHAINS.find((name) => name === values.chain);
}

async function main(): Promise<void> {
  const started = Date.now();
  const chain = chosenChain();
  if (chain === undefined) {
    console.error(`npm run demo -- --chain NAME, which is one of: ${CHAINS.join(", ")}`);
    process.exitCode = 2;
    return;
  }
  await using home = await Household.create();
  const stop = (): void => void home[Symbol.asyncDispose]().finally(() => process.exit(130));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const town = await openTown(chain);
  const coins = coinsOf(town);
  try {
    say(`A chain with ${town.symbol} on it and a shop for weather forecasts run on this machine. The owner:`);
    const wallet = await openWallet(home, town);
    await town.fund(wallet);
    must((await town.balanceOf(wallet)) === town.allowance, "the faucet did not pay");
    say(`    The owner puts ${coins(town.allowance)} into it.`);
    await unlock(home);
    await applyPolicy(home, town);
    const fees = await payThreeTimes(home, town);
    await beDeclinedTwice(home, town);
    const { shop, payee, price, allowance } = town;
    must(shop.served.length === 3, `the shop served ${shop.served.length} times`);
    must((await town.balanceOf(payee)) === 3n * price, "the shop did not earn its price");
    const left = allowance - 3n * price - fees;
    must((await town.balanceOf(wallet)) === left, "the wallet did not pay the price");
    say("The owner, looking back:");
    await lookBack(home, town);
    const paid = fees > 0n ? `, ${coins(fees)} went to the network` : "";
    say(`On the chain the wallet has ${coins(left)} left, and the shop earned ${coins(3n * price)}${paid}.`);
    say(
      `Done in ${((Date.now() - started) / 1000).toFixed(1)} seconds, and every line above was checked before it was printed.`,
    );
  } finally {
    await town.close();
  }
}

const coinsOf =
  ({ symbol }: Town) =>
  (units: bigint): string =>
    `${formatUnits(units, 6, 2)} ${symbol}`;

async function openWallet(home: Household, { rail, addressHere }: Town): Promise<string> {
  await home.write("passphrase", "five words of your own choice\n");
  const secret = ["--passphrase-file", home.path("passphrase")];
  const init = await home.run("bin/x402-vault.ts", "init", ...secret, "--words-to", home.path("words"));
  const address = new RegExp(`^${rail} +([0-9A-Za-z]+)$`, "m").exec(init.stdout)?.[1];
  if (init.status !== 0 || address === undefined) must(false, "no wallet was made", init);
  say("$ x402-vault init");
  say(`    ${addressHere(address!)}, 24 words on paper, sealed under a passphrase.`);
  return address!;
}

async function unlock(home: Household): Promise<void> {
  const pid = await home.startSigner();
  say("$ x402-signer");
  say(`    Process ${pid} listens for the agent, and holds no key yet.`);
  const secret = ["--passphrase-file", home.path("passphrase")];
  const outcome = await home.run("bin/x402-vault.ts", "unlock", "--for", "1h", ...secret);
  must(outcome.status === 0, "the signer was not unlocked", outcome);
  say("$ x402-vault unlock --for 1h");
  say(`    ${outcome.stderr.split("\n")[0]!}`);
}

async function applyPolicy(home: Household, { network, symbol, limits, rates, title }: Town): Promise<void> {
  const policy = { version: 1, allowedNetworks: [network], allowedAssets: [symbol], ...limits };
  await home.write("policy.json", JSON.stringify(policy));
  const outcome = await home.run("bin/x402-policy.ts", "apply", home.path("policy.json"), "--yes");
  must(outcome.status === 0, "the policy was not applied", outcome);
  say("$ x402-policy apply policy.json");
  const { perCallMax, perDayMax, totalMax } = limits;
  say(`    ${symbol} on ${title}: ${perCallMax} a call, ${perDayMax} a day, ${totalMax} in all.`);
  for (const [asset, usd] of Object.entries(rates)) {
    const set = await home.run("bin/x402-policy.ts", "price", "set", asset, usd);
    must(set.status === 0, "the price was not set", set);
    say(`$ x402-policy price set ${asset} ${usd}`);
    say(`    ${set.stdout.trim()}`);
  }
}

/** The agent knows the shop's URL and, on some chains, where to ask about the chain. */
const agent = (home: Household, { shop, context }: Town, path: string): Promise<Outcome> =>
  home.run("examples/pay.ts", shop.url + path, ...(context ? [JSON.stringify(context)] : []));

/** What the network took, in all. */
async function payThreeTimes(home: Household, town: Town): Promise<bigint> {
  const { url } = town.shop;
  say(
    `The agent, who knows a socket and a URL and never sees a key:\n$ node pay.ts ${url}/weather   # three times`,
  );
  let fees = 0n;
  for (let i = 0; i < 3; i++) {
    const outcome = await agent(home, town, "/weather");
    const transaction = /paid in ([0-9A-Za-z]+)$/m.exec(outcome.stdout)?.[1];
    const isPaid = outcome.status === 0 && outcome.stdout.startsWith("200 ") && transaction !== undefined;
    must(isPaid, "the agent did not pay", outcome);
    fees += await town.feeOf(transaction!);
    say(`    200 clear skies, for ${coinsOf(town)(town.price)} in ${transaction!.slice(0, 18)}...`);
  }
  return fees;
}

async function beDeclinedTwice(home: Household, town: Town): Promise<void> {
  const { price, dear, shop } = town;
  const asked = [
    { path: "/satellite", costs: dear, code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT" },
    { path: "/weather", costs: price, code: "DAILY_BUDGET_EXCEEDED" },
  ];
  for (const { path, costs, code } of asked) {
    const outcome = await agent(home, town, path);
    must(outcome.status === 1 && outcome.stdout.startsWith(`declined, ${code}:`), `no ${code}`, outcome);
    say(`$ node pay.ts ${shop.url}${path}   # for ${formatUnits(costs, 6, 2)}`);
    say(`    ${outcome.stdout.trim()}`);
  }
}

async function lookBack(home: Household, { network, symbol, payee, price, limits }: Town): Promise<void> {
  const amount = formatUnits(price, 6, 2);
  const question = ["--network", network, "--asset", symbol, "--to", payee, "--amount", amount];
  const why = await home.run("bin/x402-policy.ts", "explain", ...question);
  const budget = why.stdout.split("\n").find((line) => line.includes("perDayMax")) ?? "";
  const says = new RegExp(`FAIL .* limit ${limits.perDayMax} +used [0-9.]+ +left 0.[0-9]+ `).test(budget);
  must(why.status === 1 && says, "the day's budget is not used up", why);
  say(`$ x402-policy explain --amount ${amount} ...`);
  say(`    ${budget.trim()}`);
  const audit = await home.run("bin/x402-policy.ts", "audit", "verify");
  must(audit.status === 0, "the audit log does not verify", audit);
  say("$ x402-policy audit verify");
  say(`    ${audit.stdout.split("\n", 1).join("")}`);
}

await main();
