// x402-vault move: from now on this vault belongs to the signer that listens, which has another ledger.
//
// First that ledger counts its windows as used up, then the vault names it. Whatever stops the command in between has
// cost headroom on the new signer and left the vault with the old one; there is no moment at which a vault that was
// unlocked would find budgets as if nothing had ever been spent.
import type { Command } from "commander";
import { operatorCall } from "../../client/signer.ts";
import { parseUsd } from "../../protocol/amount.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { Head, Status } from "../../protocol/shapes.ts";
import { keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { confirm } from "../prompt.ts";
import { say } from "../terminal.ts";
import { sayGained } from "./gained.ts";
import { headerAt } from "./header.ts";
import { type PassphraseOptions, type VaultOptions, passphraseOption, vaultOption } from "./options.ts";
import { openVault } from "./passphrase.ts";

interface MoveOptions extends VaultOptions, PassphraseOptions, SocketOptions {
  assume?: string;
  yes?: true;
}

export const addMove = (vault: Command): Command =>
  vault
    .command("move")
    .description("make this vault the one of the signer that listens; its budgets there begin used up")
    .option("--assume <usd>", "count this much as spent, in each open window, instead of all of it")
    .option("--yes", "do not ask: the old signer is stopped for good")
    .addOption(vaultOption())
    .addOption(passphraseOption())
    .addOption(socketOption())
    .action(move);

async function move(options: MoveOptions): Promise<void> {
  const assume = options.assume === undefined ? {} : { assume: assumed(options.assume) };
  const { ledgerId } = headerAt(options.vault);
  if (ledgerId === undefined) throw new X402Error("USAGE", "this vault belongs to no ledger yet", UNLOCK);
  const status = await withSigner(options.socket, (signer) => operatorCall(signer, "signer.status", {}));
  if (status.head.ledger === ledgerId) {
    say("This vault belongs to this signer already. Nothing was changed.");
    return;
  }
  explain(ledgerId, status, options.assume);
  using vault = await openVault(options.vault, options);
  if (options.yes !== true && !(await confirm("Is the old signer stopped for good?")))
    throw new X402Error("ABORTED");
  const { head } = await withSigner(options.socket, (signer) =>
    operatorCall(signer, "ledger.accept", { code: "VAULT_OTHER_LEDGER", ...assume }),
  );
  sayGained(await vault.change({ moveTo: head.ledger }));
  keepNewHead(head);
  say("Moved. The old signer refuses this vault from now on: run x402-vault unlock for the new one.");
  say(
    "A copy of the old file still works with the old signer. Remove the copies, and the old signer's state.",
  );
}

/** The vault is moved whether or not this can be written; unlock keeps a newer one. */
function keepNewHead(head: Head): void {
  try {
    keepHead(head, head.ledger);
  } catch (error) {
    if (!(error instanceof X402Error)) throw error;
    say("The newest head could not be kept beside the vault; x402-vault unlock asks for --no-head once.");
  }
}

const UNLOCK = { hint: "nothing was changed; x402-vault unlock gives it to the signer that listens" };

function explain(ledgerId: string, { head, policy, state }: Status, assume: string | undefined): void {
  const [from, to] = [ledgerId, head.ledger].map((id) => id.slice(0, 8));
  say(`The vault belongs to ledger ${from}; the signer that listens has ledger ${to}.`);
  say(
    "Stop the old signer for good before you go on: two signers have two budgets, and neither counts the other's.",
  );
  if (assume === undefined) {
    say("The history does not come along: here every budget counts as used up until its window is over,");
    say("  and one without a window until you raise it.");
  } else {
    say(
      `The history does not come along: here every budget of money has ${assume} USD less until its window is over.`,
    );
  }
  if (state === "unlocked") say("It is unlocked with another vault, and will be locked.");
  if (policy === undefined)
    say(
      "The new signer has no policy: nothing may be paid until x402-policy apply. It counts the same then.",
    );
}

function assumed(text: string): string {
  try {
    if (parseUsd(text) >= 0n) return text;
  } catch {
    // said below, in the words of the option
  }
  throw new X402Error("USAGE", "--assume is written such as 12.50", { hint: "see x402-vault move --help" });
}
