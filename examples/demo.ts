// `npm run demo`: an agent pays for an API, within limits, and never holds the key. Everything is real: the commands and
// the signer run as processes, the token moves on a chain, the shop is the reference server. It all happens on this
// machine, in a folder that is gone afterwards. Every line is printed after it was checked; a false one ends the demo
// with an error.

import type { Address } from "viem";
import { privateKeyToAddress, generatePrivateKey } from "viem/accounts";
import { formatUnits } from "../protocol/amount.ts";
import { startChain } from "../test/counterparts/chain.ts";
import { startFacilitator } from "../test/counterparts/facilitator.ts";
import { startShop } from "../test/counterparts/shop.ts";
import { Household, type Outcome } from "./household.ts";

const POLICY = {
  version: 1,
  allowedNetworks: ["base-sepolia"],
  allowedAssets: ["USDC"],
  perCallMax: "0.25",
  perDayMax: "0.35",
  totalMax: "5.00",
};
const PRICES = { "GET /weather": "0.10", "GET /satellite": "2.00" };
const ALLOWANCE = 5_000_000n;
const TENTH = 100_000n;

const say = (line: string): void => {
  console.log(line);
};
const usdc = (units: bigint): string => `${formatUnits(units, 6, 2)} USDC`;

function must(isTrue: boolean, what: string, outcome?: Outcome): void {
  if (!isTrue) throw new Error(outcome ? `${what}\n${outcome.stdout}${outcome.stderr}` : what);
}

async function main(): Promise<void> {
  const started = Date.now();
  await using home = await Household.create();
  const stop = (): void => void home[Symbol.asyncDispose]().finally(() => process.exit(130));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const chain = await startChain();
  const payTo = privateKeyToAddress(generatePrivateKey());
  const shop = await startShop({ chain, facilitator: startFacilitator(chain), payTo, prices: PRICES });
  try {
    say("A chain with USDC on it and a shop for weather forecasts run on this machine. The owner:");
    const wallet = await openWallet(home);
    await chain.mint(wallet, ALLOWANCE);
    must((await chain.balanceOf(wallet)) === ALLOWANCE, "the faucet did not pay");
    say(`    The owner puts ${usdc(ALLOWANCE)} into it.`);
    await unlock(home);
    await applyPolicy(home);
    await payThreeTimes(home, shop.url, chain);
    await beDeclinedTwice(home, shop.url);
    must(shop.served.length === 3, `the shop served ${shop.served.length} times`);
    must((await chain.balanceOf(payTo)) === 3n * TENTH, "the shop did not earn 0.30");
    must((await chain.balanceOf(wallet)) === ALLOWANCE - 3n * TENTH, "the wallet did not pay 0.30");
    say("The owner, looking back:");
    await lookBack(home, payTo);
    say(
      `On the chain the wallet has ${usdc(ALLOWANCE - 3n * TENTH)} left, and the shop earned ${usdc(3n * TENTH)}.`,
    );
    say(
      `Done in ${((Date.now() - started) / 1000).toFixed(1)} seconds, and every line above was checked before it was printed.`,
    );
  } finally {
    await Promise.all([shop.close(), chain.close()]);
  }
}

async function openWallet(home: Household): Promise<Address> {
  await home.write("passphrase", "five words of your own choice\n");
  const secret = ["--passphrase-file", home.path("passphrase")];
  const init = await home.run("bin/x402-vault.ts", "init", ...secret, "--words-to", home.path("words"));
  const address = /^evm +(0x[0-9a-fA-F]{40})$/m.exec(init.stdout)?.[1] ?? "";
  must(init.status === 0 && address !== "", "no wallet was made", init);
  say("$ x402-vault init");
  say(`    ${address}, 24 words on paper, sealed under a passphrase.`);
  return address as Address;
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

async function applyPolicy(home: Household): Promise<void> {
  await home.write("policy.json", JSON.stringify(POLICY));
  const outcome = await home.run("bin/x402-policy.ts", "apply", home.path("policy.json"), "--yes");
  must(outcome.status === 0, "the policy was not applied", outcome);
  say("$ x402-policy apply policy.json");
  say(
    `    USDC on Base Sepolia: ${POLICY.perCallMax} a call, ${POLICY.perDayMax} a day, ${POLICY.totalMax} in all.`,
  );
}

async function payThreeTimes(home: Household, shop: string, chain: Awaited<ReturnType<typeof startChain>>) {
  say(
    `The agent, who knows a socket and a URL and never sees a key:\n$ node pay.ts ${shop}/weather   # three times`,
  );
  for (let i = 0; i < 3; i++) {
    const outcome = await home.run("examples/pay.ts", `${shop}/weather`);
    const hash = /paid in (0x[0-9a-f]{64})$/m.exec(outcome.stdout)?.[1];
    must(
      outcome.status === 0 && outcome.stdout.startsWith("200 ") && hash !== undefined,
      "the agent did not pay",
      outcome,
    );
    const { status } = await chain.client.getTransactionReceipt({ hash: hash as `0x${string}` });
    must(status === "success", `the chain says ${status} of ${hash!}`);
    say(`    200 clear skies, for 0.10 USDC in ${hash!.slice(0, 18)}...`);
  }
}

async function beDeclinedTwice(home: Household, shop: string): Promise<void> {
  const asked = [
    { path: "/satellite", costs: "2.00", code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT" },
    { path: "/weather", costs: "0.10", code: "DAILY_BUDGET_EXCEEDED" },
  ];
  for (const { path, costs, code } of asked) {
    const outcome = await home.run("examples/pay.ts", shop + path);
    must(outcome.status === 1 && outcome.stdout.startsWith(`declined, ${code}:`), `no ${code}`, outcome);
    say(`$ node pay.ts ${shop}${path}   # for ${costs}`);
    say(`    ${outcome.stdout.trim()}`);
  }
}

async function lookBack(home: Household, payTo: Address): Promise<void> {
  const question = ["--network", "base-sepolia", "--to", payTo, "--amount", "0.10"];
  const why = await home.run("bin/x402-policy.ts", "explain", ...question);
  const budget = why.stdout.split("\n").find((line) => line.includes("perDayMax")) ?? "";
  const says = /FAIL .* limit 0.35 +used 0.30 +left 0.05 /.test(budget);
  must(why.status === 1 && says, "the day's budget is not 0.30 of 0.35", why);
  say("$ x402-policy explain --amount 0.10 ...");
  say(`    ${budget.trim()}`);
  const audit = await home.run("bin/x402-policy.ts", "audit", "verify");
  must(audit.status === 0, "the audit log does not verify", audit);
  say("$ x402-policy audit verify");
  say(`    ${audit.stdout.split("\n", 1).join("")}`);
}

await main();
