// x402-policy approvals: what waits for a person's word, and the word. Names, addresses and URLs in it were chosen by
// agents and sellers: they are escaped, and what is only claimed is called so.
import { type Command, InvalidArgumentError } from "commander";
import { operatorCall } from "../../client/signer.ts";
import { formatUsd, parseUsd } from "../../protocol/amount.ts";
import { type Code, X402Error, entryOf } from "../../protocol/errors.ts";
import { nameOf } from "../../protocol/networks.ts";
import type { Approval, WireCheck } from "../../protocol/shapes.ts";
import { keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable, say } from "../terminal.ts";
import { localTime } from "../times.ts";

type ListOptions = SocketOptions & { json?: true };
type ApproveOptions = SocketOptions & { remember?: string };

const WAIT_MS = 30_000;

export function addApprovals(policy: Command): void {
  const approvals = policy.command("approvals").description("payments that wait for your word");
  approvals
    .command("list", { isDefault: true })
    .description("what waits, why, and what approving does to the limits")
    .option("--json", "print one JSON object for each payment")
    .addOption(socketOption())
    .action(list);
  approvals
    .command("watch")
    .description("the same, and whatever comes, until it is stopped")
    .option("--json", "print one JSON object for each payment, as it comes and as it changes")
    .addOption(socketOption())
    .action(watch);
  approvals
    .command("approve")
    .description(
      "let one payment be made, once, as it was asked for (exit status 1: a rule stands against it)",
    )
    .argument("<approval>", "such as a17", approvalOf)
    .option(
      "--remember <usd>",
      "and know this payee: up to so much for each payment nobody is asked about it",
      usdOf,
    )
    .addOption(socketOption())
    .action(approve);
  approvals
    .command("deny")
    .description("say no; its budget is free again")
    .argument("<approval>", "such as a17", approvalOf)
    .addOption(socketOption())
    .action(deny);
}

function approvalOf(text: string): string {
  if (/^a[1-9][0-9]{0,14}$/.test(text)) return text;
  throw new InvalidArgumentError("Write it as the list has it, such as a17.");
}

function usdOf(text: string): string {
  try {
    return formatUsd(parseUsd(text));
  } catch {
    throw new InvalidArgumentError("Write USD as a decimal, such as 2.00.");
  }
}

async function list({ socket, json }: ListOptions): Promise<void> {
  const { approvals } = await withSigner(socket, (signer) => operatorCall(signer, "approval.list", {}));
  if (json) for (const approval of approvals) print(JSON.stringify(approval));
  else if (approvals.length === 0) say("Nothing waits.");
  else for (const approval of approvals) show(approval);
}

async function watch({ socket, json }: ListOptions): Promise<void> {
  await withSigner(socket, async (signer) => {
    let shown = new Map<string, string>();
    let after: number | undefined;
    if (!json) say("Waiting for payments that need your word. Stop with Ctrl-C.");
    for (;;) {
      const page = await operatorCall(
        signer,
        "approval.list",
        after === undefined ? {} : { after, waitMs: WAIT_MS },
      );
      after = page.at;
      const now = new Map(page.approvals.map((approval) => [approval.approval, approval.state]));
      for (const approval of page.approvals) {
        if (shown.get(approval.approval) === approval.state) continue;
        if (json) print(JSON.stringify(approval));
        else show(approval);
      }
      for (const name of shown.keys()) if (!now.has(name) && !json) print(`${name} waits no longer.\n`);
      shown = now;
    }
  });
}

async function approve(approval: string, { socket, remember }: ApproveOptions): Promise<void> {
  const params = { approval, ...(remember !== undefined && { remember: { ceiling: remember } }) };
  const result = await withSigner(socket, (signer) => operatorCall(signer, "approval.approve", params));
  if (result.outcome === "declined") {
    const { code, scope, rule } = result.check;
    throw new X402Error(code, `${scope} ${rule}`, {
      hint: "it goes on waiting; change the rule, or deny it",
    });
  }
  keepHead(result.head);
  print(`Approved, once. The agent can make this payment until ${localTime(Date.parse(result.expiresAt))}.`);
  if (remember !== undefined) print(`Its payee is known now for payments of up to ${remember} USD.`);
}

async function deny(approval: string, { socket }: SocketOptions): Promise<void> {
  const { head } = await withSigner(socket, (signer) => operatorCall(signer, "approval.deny", { approval }));
  keepHead(head);
  print("Denied. Its budget is free again.");
}

function show(asked: Approval): void {
  const { approval, state, agent, usd, amount, symbol, network, payTo, asset, uid, ceiling, budgets } = asked;
  const lines: (readonly [string, string])[] = [
    ["agent", uid === undefined ? agent : `${agent}, user ${uid}`],
    ["pays", `${usd} USD: ${amount} units of ${symbol} (${asset}) on ${nameOf(network)}`],
    ["to", ceiling === undefined ? payTo : `${payTo}, known for up to ${ceiling} USD`],
    ["says it is for", claimsOf(asked)],
    ...asked.why.map((check, at) => [at === 0 ? "waits because" : "and", reasonOf(check)] as const),
    ...budgets.map((check, at) => [at === 0 ? "approving makes" : "", effectOf(check, usd)] as const),
    ["lapses", localTime(Date.parse(asked.expiresAt))],
  ];
  print(`${approval}${state === "approved" ? " (approved, and not used yet)" : ""}`);
  for (const [name, text] of lines) print(`  ${name.padEnd(16)}${printable(text)}`);
  print();
}

function claimsOf({ claims: { origin, path, method, category } }: Approval): string {
  const url = origin === undefined ? "nothing" : `${method ?? ""} ${origin}${path ?? ""}`.trim();
  return `${url}${category === undefined ? "" : `, as ${category}`} (claimed)`;
}

const reasonOf = ({ code, scope, rule, claimed }: WireCheck): string =>
  `${textOf(code)} (${scope}, ${rule}${claimed ? ", by what is claimed" : ""})`;

const textOf = (code: Code): string => entryOf(code).text;

/** "perDayMax 3.00 -> 5.00 of 25.00 USD (household)" */
function effectOf({ scope, rule, unit, limit = "0", used = "0" }: WireCheck, usd: string): string {
  const isCount = unit === "count";
  const after = isCount ? (BigInt(used) + 1n).toString() : formatUsd(parseUsd(used) + parseUsd(usd));
  return `${rule} ${used} -> ${after} of ${limit}${isCount ? "" : " USD"} (${scope})`;
}
