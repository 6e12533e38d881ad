// x402-vault status: the vault on disk, and what the signer says of itself.
import type { Command } from "commander";
import { operatorCall } from "../../client/signer.ts";
import { X402Error, entryOf } from "../../protocol/errors.ts";
import type { Status } from "../../protocol/shapes.ts";
import type { Header } from "../../vault/format.ts";
import { keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable, table } from "../terminal.ts";
import { headerAt } from "./header.ts";
import { type VaultOptions, vaultOption } from "./options.ts";

type Options = VaultOptions & SocketOptions & { json?: true };

export const addStatus = (vault: Command): Command =>
  vault
    .command("status")
    .description("show the vault and whether the signer is locked")
    .option("--json", "print the signer's answer as JSON")
    .addOption(vaultOption())
    .addOption(socketOption())
    .action(status);

async function status(options: Options): Promise<void> {
  const { rows, ledgerId } = vaultOnDisk(options.vault);
  if (options.json !== true) for (const line of table(rows)) print(line);
  const answer = await withSigner(options.socket, (signer) => operatorCall(signer, "signer.status", {}));
  keepHead(answer.head);
  if (options.json === true) print(JSON.stringify(answer));
  else for (const line of table(signerRows(answer, ledgerId))) print(line);
}

/** One sentence on an unlock that runs, or on there being none. */
export function describeUnlock({ state, unlock, frozenBy }: Status): string[] {
  if (state === "frozen") {
    const why =
      frozenBy === undefined ? "" : `, ${entryOf(frozenBy).text} (${frozenBy}): ${entryOf(frozenBy).hint}`;
    return [`The signer is frozen and signs nothing${why}.`];
  }
  if (unlock === undefined) return ["The signer is locked."];
  const limits = [
    ...(unlock.endsAt === undefined ? [] : [`until ${local(unlock.endsAt)}`]),
    ...(unlock.spendLeft === undefined ? [] : [`for ${unlock.spendLeft} USD`]),
    ...(unlock.countLeft === undefined ? [] : [`for ${unlock.countLeft} payments`]),
  ];
  return [`The signer is unlocked ${limits.length === 0 ? "until x402-vault lock" : limits.join(", ")}.`];
}

function lossRows({ frozen = [], maxLoss }: Status): string[][] {
  const { alive, unresolved, hour, day, total } = maxLoss;
  const before = [
    ...(alive === "0.00" ? [] : [`${alive} is signed and alive`]),
    ...(unresolved === "0.00" ? [] : [`${unresolved} has expired and is not known to be settled`]),
  ];
  return [
    ...(frozen.length === 0
      ? []
      : [["frozen", frozen.map((name) => (name === "*" ? "everyone" : name)).join(", ")]]),
    ["can be lost", `${hour} USD in an hour, ${day} in a day, ${total} in all`],
    ...(before.length === 0 ? [] : [["", before.join("; ")]]),
  ];
}

/** How much of the process is shut, and what could be but is not. */
function protectionRows({ protections }: Status): string[][] {
  const named = Object.entries(protections);
  if (named.length === 0) return [];
  const off = named.filter(([, state]) => state === "off").map(([name]) => printable(name));
  const on = named.filter(([, state]) => state === "on").length;
  const others = off.length === 0 ? "" : `; off: ${off.join(", ")} (x402-signer doctor)`;
  return [["protected", `${on} of ${named.length} protections on${others}`]];
}

/** A vault that cannot be read is told, too: it is no reason to hide what the signer says. */
function vaultOnDisk(path: string): { rows: string[][]; ledgerId?: string } {
  try {
    const header = headerAt(path);
    const { ledgerId } = header;
    return { rows: headerRows(path, header), ...(ledgerId === undefined ? {} : { ledgerId }) };
  } catch (error) {
    if (!(error instanceof X402Error)) throw error;
    return { rows: [["vault", printable(error.message)]] };
  }
}

function headerRows(path: string, { vaultId, generation, ledgerId, accounts }: Header): string[][] {
  const ledger = ledgerId === undefined ? "no ledger yet" : `ledger ${ledgerId.slice(0, 8)}`;
  const paying = accounts.filter(({ retired }) => !retired).map(({ rail, address }) => [rail, address]);
  const about = `${vaultId.slice(0, 8)}, generation ${generation}, of ${ledger}`;
  return [["vault", `${printable(path)} (${about})`], ...paying];
}

function signerRows(answer: Status, vaultLedger: string | undefined): string[][] {
  const { policy, head, version, auditKey } = answer;
  const other = vaultLedger !== undefined && vaultLedger !== head.ledger;
  return [
    [
      "signer",
      `${printable(version)}${answer.sameUid ? ", your own user: its limits are advisory for your programs" : ""}`,
    ],
    ...protectionRows(answer),
    ["state", describeUnlock(answer).join(" ")],
    ...lossRows(answer),
    [
      "policy",
      policy === undefined
        ? "none: nothing may be paid"
        : `version ${policy.version} (${policy.hash.slice(0, 8)})`,
    ],
    [
      "ledger",
      `${head.ledger.slice(0, 8)}, ${head.seq} rows (${head.hash.slice(0, 8)})${other ? OTHER : ""}`,
    ],
    // Whole, because it is what an auditor is given.
    ...(auditKey === undefined ? [] : [["audit key", printable(auditKey)]]),
  ];
}

const OTHER = ", not the vault's: see x402-vault move --help";

const local = (iso: string): string => {
  const at = new Date(iso);
  const pad = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}`;
};
