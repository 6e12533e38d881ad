// x402-vault export: the recovery phrase and imported keys, for a human who asked twice.
import type { Command } from "commander";
import { X402Error } from "../../protocol/errors.ts";
import { IMPORTED } from "../../vault/accounts.ts";
import { writeKey } from "../../vault/forms/wallet.ts";
import { Secret } from "../../vault/secret.ts";
import type { OpenVault } from "../../vault/vault.ts";
import { askText, confirm, show } from "../prompt.ts";
import { printable, say } from "../terminal.ts";
import { type PassphraseOptions, type VaultOptions, passphraseOption, vaultOption } from "./options.ts";
import { openVault } from "./passphrase.ts";
import { writeSecret } from "./secret-file.ts";

type Options = VaultOptions & PassphraseOptions & { to?: string };

const WORD = "export";

export const addExport = (vault: Command): Command =>
  vault
    .command("export")
    .description("give out the recovery phrase and imported keys, on the terminal or into a new private file")
    .addOption(vaultOption())
    .addOption(passphraseOption())
    .option("--to <file>", "write them to a new private file instead of the terminal")
    .action(exportWallet);

async function exportWallet(options: Options): Promise<void> {
  using vault = await openVault(options.vault, options);
  const where = options.to === undefined ? "on this terminal" : `in ${printable(options.to)}, unencrypted`;
  say("Whoever sees this has the money, for ever, without this vault and without the signer's limits.");
  const sure = await confirm(`Put the wallet's secrets ${where}?`);
  if (!sure || (await askText(`Sure? Type ${WORD} to go on: `)) !== WORD) throw new X402Error("ABORTED");
  const pieces = await secretsOf(vault);
  try {
    if (options.to === undefined) show(...pieces);
    else writeSecret(options.to, pieces);
  } finally {
    for (const piece of pieces) if (piece instanceof Secret) piece.wipe();
  }
}

/**
 * One line each: "phrase <words>", its accounts "account <rail> <address> <path>", "key <rail> <address> <key>", the key
 * as import reads it.
 */
async function secretsOf(vault: OpenVault): Promise<(string | Secret)[]> {
  const phrase = vault.phrase();
  const words = phrase === undefined ? [] : ["phrase ", phrase, "\n"];
  const accounts = vault.addresses
    .filter(({ origin }) => origin !== IMPORTED)
    .map(({ rail, address, origin }) => `account ${rail} ${address} ${origin}\n`);
  const keys: (string | Secret)[] = [];
  for (const { rail, address, key: imported } of vault.imports()) {
    using key = imported;
    keys.push(`key ${rail} ${address} `, await writeKey({ rail, key }), "\n");
  }
  return [...words, ...accounts, ...keys];
}
