// x402-policy price: what an asset without a peg costs in USD. Without a fresh price nothing is paid in it, nor beside
// it: on Cardano every payment pays its fee in ADA.
import { type Command, InvalidArgumentError } from "commander";
import { operatorCall } from "../../client/signer.ts";
import { ONE_DOLLAR, formatPrice, parsePrice } from "../../protocol/amount.ts";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { parseDuration } from "../../policy/windows.ts";
import { keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable, say, table } from "../terminal.ts";
import { localTime } from "../times.ts";

interface SetOptions extends SocketOptions {
  /** Seconds. */
  maxAge: number;
}

type ListOptions = SocketOptions & { json?: true };

const DAY = 86_400;
const MOST_AGE = 30 * DAY;

export function addPrice(policy: Command): void {
  const price = policy.command("price").description("what assets that are no stablecoins count for");
  price
    .command("set")
    .description("count an asset at this price, until it is too old")
    .argument("<symbol>", "as the policy names it, such as ADA")
    .argument("<usd>", "USD for one whole unit, such as 0.41", usdOf)
    .option("--max-age <duration>", "how long it holds, such as 12h: 1m to 30d", ageOf, DAY)
    .addOption(socketOption())
    .action(setPrice);
  price
    .command("list")
    .description("the prices, and until when they hold")
    .option("--json", "print one JSON object for each price")
    .addOption(socketOption())
    .action(listPrices);
}

function usdOf(text: string): string {
  try {
    const price = parsePrice(text);
    if (price > 0n) return formatPrice(price);
  } catch {
    // Told below, in the words of the command.
  }
  throw new InvalidArgumentError("Write it as a decimal above 0, such as 0.41.");
}

function ageOf(text: string): number {
  const seconds = parseDuration(text);
  if (seconds !== undefined && seconds >= 60 && seconds <= MOST_AGE) return seconds;
  throw new InvalidArgumentError("Write it such as 12h: 1m to 30d.");
}

async function setPrice(symbol: string, usd: string, { socket, maxAge }: SetOptions): Promise<void> {
  const prices = await withSigner(socket, async (signer) => {
    keepHead((await operatorCall(signer, "price.set", { symbol, usd, maxAge })).head);
    return (await operatorCall(signer, "price.list", {})).prices;
  });
  const until = prices.find((price) => price.symbol === symbol)?.until ?? "";
  const isStable = PINNED_ASSETS.some((asset) => asset.symbol === symbol && asset.pegged);
  const least = isStable && parsePrice(usd) < ONE_DOLLAR ? "; a stablecoin counts at 1.00 at least" : "";
  print(`${printable(symbol)} counts at ${usd} USD until ${localTime(Date.parse(until))}${least}.`);
}

async function listPrices({ socket, json }: ListOptions): Promise<void> {
  const { prices } = await withSigner(socket, (signer) => operatorCall(signer, "price.list", {}));
  if (json) for (const price of prices) print(JSON.stringify(price));
  else if (prices.length === 0)
    say("No price is set: only stablecoins can be paid, on networks whose fee is not ours.");
  else
    for (const line of table([
      ["asset", "USD", "set", "until", ""],
      ...prices.map(({ symbol, usd, at, until, fresh }) => [
        ...[symbol, usd, localTime(Date.parse(at)), localTime(Date.parse(until))].map(printable),
        fresh ? "" : "too old",
      ]),
    ]))
      print(line);
}
