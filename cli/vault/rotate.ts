// x402-vault rotate: a new passphrase, under a fresh salt. The wallet stays the same.
import type { Command } from "commander";
import { say } from "../terminal.ts";
import { type CostOptions, type PassphraseOptions, type VaultOptions } from "./options.ts";
import { costOption, passphraseOption, vaultOption } from "./options.ts";
import { newPassphrase, openVault } from "./passphrase.ts";

type Options = VaultOptions & PassphraseOptions & Partial<CostOptions> & { newPassphraseFile?: string };

export const addRotate = (vault: Command): Command =>
  vault
    .command("rotate")
    .description("change the passphrase")
    .addOption(vaultOption())
    .addOption(passphraseOption())
    .option("--new-passphrase-file <file>", "read the new passphrase from a file instead of asking")
    .addOption(costOption().default(undefined, "as before"))
    .action(rotate);

async function rotate(options: Options): Promise<void> {
  using vault = await openVault(options.vault, options);
  using passphrase = await newPassphrase(options.newPassphraseFile);
  await vault.change({ passphrase, ...(options.kdf === undefined ? {} : { cost: options.kdf }) });
  say("The passphrase is changed.");
  say("Copies of the old file still open with the old passphrase. If someone may have both, move the money:");
  say("  only a new wallet (x402-vault init --vault FILE) makes them worthless.");
}
