// x402-vault credential: what lets a service unlock itself at start, for systemd-creds to encrypt.
import { randomBytes } from "node:crypto";
import { isatty } from "node:tty";
import type { Command } from "commander";
import { parseUsd } from "../../protocol/amount.ts";
import { X402Error } from "../../protocol/errors.ts";
import { type Credential, encodeCredential } from "../../vault/credential.ts";
import { say } from "../terminal.ts";
import { headerAt } from "./header.ts";
import { type PassphraseOptions, type VaultOptions, passphraseOption, vaultOption } from "./options.ts";
import { openVault } from "./passphrase.ts";
import { printSecret, writeSecret } from "./secret-file.ts";
import { parseLimits } from "./unlock.ts";

type Options = VaultOptions & PassphraseOptions & { out: string; spend?: string; count?: string };

const STDOUT = 1;

export const addCredential = (vault: Command): Command =>
  vault
    .command("credential")
    .description("write what unlocks a service at its start, without a person and without the passphrase")
    .requiredOption("--out <file>", "a new private file, or - for a pipe into systemd-creds encrypt")
    .option("--spend <usd>", "how much until a new credential is needed, such as 50.00")
    .option("--count <n>", "how many payments until then, such as 1000")
    .addOption(vaultOption())
    .addOption(passphraseOption())
    .action(credential);

async function credential(options: Options): Promise<void> {
  const { spend, count } = parseLimits(options);
  assertWritable(options);
  using vault = await openVault(options.vault, options);
  const { sealed, key } = vault.signingPart();
  using part = key;
  using bytes = encodeCredential({
    id: randomBytes(16).toString("hex"),
    ...(spend !== undefined && { spend: parseUsd(spend) }),
    ...(count !== undefined && { count: BigInt(count) }),
    key: part,
    sealed,
  } satisfies Credential);
  if (options.out === "-") printSecret(bytes);
  else writeSecret(options.out, [bytes]);
  say(
    "Whoever has this can sign with the wallet's keys. Encrypt it (systemd-creds), and keep no other copy.",
  );
}

/** Before a passphrase is asked for. */
function assertWritable({ vault, out }: Options): void {
  if (headerAt(vault).ledgerId === undefined)
    throw new X402Error("USAGE", "this vault names no ledger yet", {
      hint: "unlock the service with x402-vault unlock once; a credential is for its ledger alone",
    });
  if (out === "-" && isatty(STDOUT))
    throw new X402Error("USAGE", "- writes keys to a pipe, and stdout is a terminal", {
      hint: "pipe it into systemd-creds encrypt",
    });
}
