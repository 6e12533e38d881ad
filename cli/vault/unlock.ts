// x402-vault unlock: hands the signing part to the signer, for as long and as much as the operator says.
import type { Command } from "commander";
import { operatorCall } from "../../client/signer.ts";
import { parseDuration } from "../../policy/windows.ts";
import { parseUsd } from "../../protocol/amount.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { ParamsOf } from "../../protocol/methods.ts";
import type { Head, Status } from "../../protocol/shapes.ts";
import { sealFor } from "../../vault/handoff.ts";
import type { OpenVault } from "../../vault/vault.ts";
import { guardingHead, keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { say } from "../terminal.ts";
import { sayGained } from "./gained.ts";
import { headerAt } from "./header.ts";
import { type PassphraseOptions, type VaultOptions, passphraseOption, vaultOption } from "./options.ts";
import { openVault } from "./passphrase.ts";
import { describeUnlock } from "./status.ts";

type Options = VaultOptions &
  PassphraseOptions &
  SocketOptions & { for?: string; spend?: string; count?: string; head: boolean };
type Scope = ParamsOf<"vault.unlock">["scope"];

const MAX_COUNT = 1_000_000_000;

export const addUnlock = (vault: Command): Command =>
  vault
    .command("unlock")
    .description("let the signer sign; whichever limit ends first locks it again")
    .option("--for <time>", "how long, such as 30m, 8h or 7d")
    .option("--spend <usd>", "how much, such as 5.00")
    .option("--count <n>", "how many payments, such as 100")
    .option("--no-head", "go on without head.json: nobody sees then whether the ledger was rolled back")
    .addOption(vaultOption())
    .addOption(passphraseOption())
    .addOption(socketOption())
    .action(unlock);

async function unlock(options: Options): Promise<void> {
  const limits = parseLimits(options);
  const { ledgerId } = headerAt(options.vault);
  const before = await withSigner(options.socket, (signer) => operatorCall(signer, "signer.status", {}));
  assertLedger(ledgerId, before.head);
  const lastHead = options.head ? guardingHead(ledgerId, before.head) : undefined;
  using vault = await openVault(options.vault, options);
  const status = await handOver(vault, options.socket, { ...limits, ...(lastHead && { lastHead }) });
  keepHead(status.head, vault.header.ledgerId);
  for (const line of describeUnlock(status)) say(line);
  if (status.policy === undefined)
    say("No policy is applied, so nothing may be paid: run npx x402-policy init.");
  if (status.sameUid)
    say("The signer runs as your own user: another program of yours could have posed as it.");
}

interface Limits {
  readonly seconds?: number;
  readonly spend?: string;
  readonly count?: number;
}

/** Before a passphrase is asked for. Throws USAGE. */
export function parseLimits(options: { for?: string; spend?: string; count?: string }): Limits {
  const limits: { seconds?: number; spend?: string; count?: number } = {};
  if (options.for !== undefined)
    limits.seconds = parseDuration(options.for) ?? wrong("--for", "30m, 8h or 7d");
  if (options.spend !== undefined) limits.spend = positiveUsd(options.spend);
  if (options.count !== undefined) limits.count = parseCount(options.count);
  return limits;
}

/** The time begins when the key is sent, not when the passphrase was asked for. */
async function handOver(
  vault: OpenVault,
  socket: string,
  { seconds, lastHead, ...rest }: Limits & { lastHead?: Head },
): Promise<Status> {
  return await withSigner(socket, async (signer) => {
    const offer = await operatorCall(signer, "vault.offer", {});
    assertNotTaken(vault, offer.vault);
    await nameLedger(vault, offer.ledger);
    const { sealed, key } = vault.signingPart();
    using part = key;
    const scope: Scope = { ...rest, ...(seconds === undefined ? {} : { endsAt: inSeconds(seconds) }) };
    const message = sealFor(offer.publicKey, part, sealed);
    return await operatorCall(signer, "vault.unlock", { ...message, ...(lastHead && { lastHead }), scope });
  });
}

/** Before the vault is bound to a ledger that takes another: nothing would take it then. */
function assertNotTaken({ header }: OpenVault, known: string | undefined): void {
  if (header.ledgerId !== undefined || known === undefined || known === header.vaultId) return;
  throw new X402Error("VAULT_REPLACED", "this signer was unlocked with another vault", {
    hint: "nothing was changed; a second wallet has a signer of its own: start one with another X402_HOME",
  });
}

async function nameLedger(vault: OpenVault, head: Head): Promise<void> {
  const { ledgerId } = vault.header;
  assertLedger(ledgerId, head);
  sayGained(ledgerId === undefined ? await vault.change({ ledgerId: head.ledger }) : await vault.complete());
}

function assertLedger(named: string | undefined, head: Head): void {
  if (named !== undefined && named !== head.ledger) throw new X402Error("VAULT_OTHER_LEDGER");
}

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

function positiveUsd(text: string): string {
  try {
    if (parseUsd(text) > 0n) return text;
  } catch {
    // said below, in the words of the option
  }
  return wrong("--spend", "5.00");
}

function parseCount(text: string): number {
  const count = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : MAX_COUNT + 1;
  return count <= MAX_COUNT ? count : wrong("--count", "100");
}

function wrong(option: string, example: string): never {
  throw new X402Error("USAGE", `${option} is written such as ${example}`, {
    hint: "see x402-vault unlock --help",
  });
}
