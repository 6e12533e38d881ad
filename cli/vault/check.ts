// x402-vault check FILE: is this vault, or this copy of it, whole?
import type { Command } from "commander";
import { print, table } from "../terminal.ts";
import { headerAt } from "./header.ts";
import { type PassphraseOptions, passphraseOption } from "./options.ts";
import { openVault } from "./passphrase.ts";

type Options = PassphraseOptions & { passphrase: boolean };

export const addCheck = (vault: Command): Command =>
  vault
    .command("check")
    .description("prove that a vault is whole, opens, and recovers every account it lists; changes nothing")
    .argument("<file>", "the vault")
    .addOption(passphraseOption())
    .option("--no-passphrase", "look for accidents only, without opening it")
    .action(check);

async function check(file: string, options: Options): Promise<void> {
  const { vaultId, generation, ledgerId, kdf, accounts } = headerAt(file);
  const rows = [
    ["vault", vaultId],
    ["generation", String(generation)],
    ["ledger", ledgerId ?? "named at the first unlock"],
    ["argon2id", `${kdf.memoryKiB / 1024} MiB, passes ${kdf.passes}, lanes ${kdf.lanes}`],
    ...accounts.map(({ rail, address, retired }) => [rail, `${address}${retired ? " (retired)" : ""}`]),
  ];
  for (const line of table(rows)) print(line);
  if (options.passphrase) {
    using vault = await openVault(file, options);
    vault.check();
  }
  print(
    options.passphrase ? "whole, and it opens" : "no accident found; only the passphrase proves the rest",
  );
}
