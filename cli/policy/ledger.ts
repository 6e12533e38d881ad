// x402-policy ledger: what the signer found wrong with its ledger, its clock or the vault, and the operator's word on it.
import type { Command } from "commander";
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import { parseUsd } from "../../protocol/amount.ts";
import { X402Error, entryOf } from "../../protocol/errors.ts";
import type { ResultOf } from "../../protocol/methods.ts";
import type { Status } from "../../protocol/shapes.ts";
import { keepHead, knownHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { confirm } from "../prompt.ts";
import { print, printable, say, table } from "../terminal.ts";
import type { Yes } from "./applied.ts";
import { addBackup } from "./ledger-backup.ts";

type Found = ResultOf<"ledger.inspect">;
type Options = SocketOptions & Yes & { assume?: string };

export function addLedger(policy: Command): Command {
  const command = policy
    .command("ledger")
    .description(
      "show what the signer found wrong with its ledger or clock, accept it, or back the ledger up",
    );
  command
    .command("status", { isDefault: true })
    .description("show what was found (also without its name; exit status 1 when there is something)")
    .addOption(socketOption())
    .action(status);
  command
    .command("accept")
    .description("go on although rows are lost; every open budget counts as full")
    .option("--assume <usd>", "count this much as spent, in each open budget, instead of all of it")
    .option("--yes", "accept it without asking")
    .addOption(socketOption())
    .action(acceptFound);
  addBackup(command);
  return command;
}

async function status(options: SocketOptions): Promise<void> {
  const found = await withSigner(options.socket, (signer) => operatorCall(signer, "ledger.inspect", {}));
  print(`ledger ${found.head.ledger}, ${found.head.seq} rows, head ${found.head.hash}`);
  if (found.spaceIsLow) print("The disk is nearly full: declines and sessions are not written (DISK_LOW).");
  if (found.code === undefined) {
    print("Nothing is wrong with it.");
    return;
  }
  for (const line of describe(found)) print(line);
  print(`Put it right (docs/ledger.md, "When it refuses"), or run x402-policy ledger accept.`);
  process.exitCode = 1;
}

async function acceptFound(options: Options): Promise<void> {
  const { assume } = options;
  if (assume !== undefined) assertSum(assume);
  await withSigner(options.socket, async (signer) => {
    const found = await operatorCall(signer, "ledger.inspect", {});
    const { code } = found;
    if (code === undefined) throw new X402Error("NOTHING_TO_ACCEPT", "nothing is wrong");
    for (const line of describe(found)) say(line);
    await explain(signer, found, assume);
    if (!options.yes && !(await confirm("Accept it?"))) throw new X402Error("ABORTED");
    const lastHead = knownHead();
    const { seq, head, setAside } = await operatorCall(signer, "ledger.accept", {
      code,
      ...(assume === undefined ? {} : { assume }),
      ...(lastHead === undefined ? {} : { lastHead }),
    });
    keepHead(head, lastHead ? undefined : head.ledger);
    print(`Accepted ${code} in row ${seq}.`);
    for (const name of setAside) print(`The old file is kept as ${printable(name)}.`);
    if (!found.policy) say("No policy is in force: run x402-policy apply.");
    say("The signer is locked: run x402-vault unlock.");
  });
}

function describe({ code, detail, lost }: Found): string[] {
  if (code === undefined) return [];
  const said = `${code}: ${printable(detail ?? entryOf(code).text)}`;
  return lost === undefined ? [said] : [said, `  The newest row that is known to be missing is ${lost.seq}.`];
}

const LOSES_NOTHING: readonly string[] = ["VAULT_REPLACED", "CLOCK_AHEAD", "CLOCK_BEHIND"];

async function explain(signer: SignerConnection, { code, policy }: Found, assume?: string): Promise<void> {
  const full = assume === undefined;
  if (full && LOSES_NOTHING.includes(code ?? "")) {
    say("Nothing is lost with it, so nothing is counted as spent.");
    return;
  }
  say(
    full
      ? "Nobody knows what was spent in rows that are lost. Accepting counts every open budget as full:"
      : `Accepting counts ${assume} USD as spent in every open budget:`,
  );
  for (const line of table(budgetRows(await operatorCall(signer, "signer.status", {}), assume))) say(line);
  if (policy) say(`Policy version ${policy.version} is in force then. Was it the newest one?`);
  say("All sessions end. Freezes in lost rows are lost, too: freeze again what was frozen.");
}

const budgetRows = ({ scopes }: Status, assume: string | undefined): string[][] =>
  scopes.flatMap(({ id, left }) =>
    left
      .filter(({ rule }) => rule !== "perCallMax")
      .map(({ rule, used = "0", limit = "", unit }) => {
        const money = unit === "usd" && assume !== undefined;
        return [`  ${printable(id)}`, printable(rule), `${used} of ${limit}`, money ? `+ ${assume}` : "full"];
      }),
  );

function assertSum(text: string): void {
  try {
    if (parseUsd(text) >= 0n) return;
  } catch {
    // said below, in the words of the option
  }
  throw new X402Error("USAGE", "--assume is written such as 12.50", {
    hint: "see x402-policy ledger accept --help",
  });
}
