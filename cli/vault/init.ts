// x402-vault init: a new wallet.
import type { Command } from "commander";
import { type OpenVault, assertVacant, create } from "../../vault/vault.ts";
import { print, printable, say, table } from "../terminal.ts";
import { type CostOptions, type PassphraseOptions, type VaultOptions } from "./options.ts";
import { costOption, defaultVault, passphraseOption, vaultOption, wordsOption } from "./options.ts";
import { newPassphrase } from "./passphrase.ts";
import { type WordsOptions, assertRoomForWords, withNewPhrase } from "./words.ts";

type Options = VaultOptions & PassphraseOptions & CostOptions & WordsOptions;

export const addInit = (vault: Command): Command =>
  vault
    .command("init")
    .description("make a new wallet and its vault; shows 24 recovery words once and asks some of them back")
    .addOption(vaultOption())
    .addOption(passphraseOption())
    .addOption(wordsOption())
    .addOption(costOption())
    .action(init);

async function init(options: Options): Promise<void> {
  assertVacant(options.vault);
  assertRoomForWords(options);
  using passphrase = await newPassphrase(options.passphraseFile);
  await withNewPhrase(options, async (entropy) => {
    using made = await create(options.vault, passphrase, { wallet: { entropy }, cost: options.kdf });
    printPayers(made);
  });
  sayNext(options);
}

/** Where payments leave from, a rail a line. */
export function printPayers({ addresses }: Pick<OpenVault, "addresses">): void {
  const paying = addresses.filter(({ retired }) => !retired);
  for (const line of table(paying.map(({ rail, address }) => [rail, address]))) print(line);
}

export function sayNext({ vault }: VaultOptions): void {
  say(`The vault is ${printable(vault)}. Fund the accounts above that are to pay, then:`);
  say("  npx x402-signer         in a terminal of its own");
  const other = vault === defaultVault() ? "" : ` --vault '${printable(vault)}'`;
  say(`  npx x402-vault unlock${other}`);
  say("  npx x402-policy init");
}
