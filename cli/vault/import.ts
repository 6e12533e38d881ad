// x402-vault import: a wallet that exists. A phrase makes a new vault; a key makes one too, or joins one.
//
// On a rail where the vault pays already a key needs --replace, because from then on payments leave from another address.
// The account before it stays, retired: the signer may have to repeat what it signed.
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { X402Error } from "../../protocol/errors.ts";
import { RAIL_NAMES } from "../../protocol/networks.ts";
import { Accounts, type Keyed } from "../../vault/accounts.ts";
import type { Account } from "../../vault/format.ts";
import { readWallet } from "../../vault/forms/wallet.ts";
import type { Secret } from "../../vault/secret.ts";
import { assertVacant, create, readHeader } from "../../vault/vault.ts";
import { askSecret } from "../prompt.ts";
import { print, say } from "../terminal.ts";
import { type Counts, parseCounts } from "./counts.ts";
import { sayGained } from "./gained.ts";
import { printPayers, sayNext } from "./init.ts";
import { type CostOptions, type PassphraseOptions, type VaultOptions } from "./options.ts";
import { costOption, passphraseOption, vaultOption } from "./options.ts";
import { newPassphrase, openVault } from "./passphrase.ts";
import { readSecret } from "./secret-file.ts";

interface Options extends VaultOptions, PassphraseOptions, CostOptions {
  from?: string;
  replace?: true;
  accounts?: Counts;
  address?: string;
}

export const addImport = (vault: Command): Command =>
  vault
    .command("import")
    .description(
      "take over a wallet: a recovery phrase of 12 to 24 words, or a private key: EVM in hex, Solana as id.json or in base58, Cardano as .skey or in bech32",
    )
    .argument("[nothing...]", "never a secret: arguments are seen by every process and kept by the shell")
    .usage("[options]")
    .addOption(vaultOption())
    .option("--from <file>", "read the phrase or key from a file (- for stdin) instead of asking")
    .option(
      "--replace",
      "into a vault that pays on that rail: the key pays from now on, the account before it retires",
    )
    .option(
      "--accounts <n>",
      "how many accounts of the phrase were used, such as evm=2,solana=1; the last of a rail pays. A bare number is evm's",
      parseCounts,
    )
    .option("--address <addr1>", "the address that a Cardano payment key belongs to, if it has a stake part")
    .addOption(passphraseOption())
    .addOption(costOption())
    .action(importWallet);

async function importWallet(words: readonly string[], options: Options): Promise<void> {
  assertUse(words, options);
  if (existsSync(options.vault)) await addKey(options);
  else await makeVault(options);
}

function assertUse(
  words: readonly string[],
  { from, passphraseFile, replace, accounts, vault }: Options,
): void {
  if (words.length > 0) {
    throw new X402Error(
      "USAGE",
      "a secret on the command line is known to the shell's history and to every process",
      {
        hint: "move the money to a new wallet if it was a real one; then run x402-vault import and type it when asked",
      },
    );
  }
  if (from === "-" && passphraseFile === "-") {
    throw new X402Error("USAGE", "stdin can be the wallet or the passphrase, not both");
  }
  if (!existsSync(vault)) return;
  if (accounts !== undefined)
    throw new X402Error("VAULT_EXISTS", "--accounts is for a vault that is made from a phrase");
  const payers = payersOf(vault);
  if (replace !== true && RAIL_NAMES.every((name) => payers.some(({ rail }) => rail === name)))
    throw pays(payers);
}

const payersOf = (vault: string): Account[] => readHeader(vault).accounts.filter(({ retired }) => !retired);

const pays = (payers: readonly Account[]): X402Error =>
  new X402Error("VAULT_EXISTS", `it pays from ${payers.map(({ address }) => address).join(", ")}`, {
    hint: "nothing was changed; --replace makes an imported key pay instead, --vault FILE makes another vault",
  });

async function makeVault(options: Options): Promise<void> {
  assertVacant(options.vault);
  const wallet = await givenWallet(options);
  using _secret = "entropy" in wallet ? wallet.entropy : wallet.key;
  if (options.accounts !== undefined && "key" in wallet) {
    throw new X402Error("USAGE", "a key is one account; --accounts is for a phrase");
  }
  using passphrase = await newPassphrase(options.passphraseFile);
  const { kdf: cost, accounts: used } = options;
  using made = await create(options.vault, passphrase, { wallet, cost, ...(used && { used }) });
  printPayers(made);
  sayNext(options);
}

async function addKey(options: Options): Promise<void> {
  const wallet = await givenWallet(options);
  if ("entropy" in wallet) {
    wallet.entropy.wipe();
    throw new X402Error("VAULT_EXISTS", "a vault holds one phrase", {
      hint: "nothing was changed; --vault FILE makes another vault from this phrase",
    });
  }
  const { rail, address, key: imported } = wallet;
  using key = imported;
  const before = payersOf(options.vault).filter((payer) => payer.rail === rail);
  if (before.length > 0 && options.replace !== true) throw pays(before);
  using vault = await openVault(options.vault, options);
  sayGained(await vault.change({ rail, address, key }));
  print(`${rail}  ${address}`);
  const retires = before.length > 0 ? "; the one before it is retired" : "";
  say(`This account pays from the next unlock on${retires}.`);
}

/** Refuses what is no key, or another key's address, before a passphrase is asked for. */
async function givenWallet({ from, address }: Options): Promise<{ readonly entropy: Secret } | Keyed> {
  using input = from === undefined ? await askSecret(QUESTION) : readSecret(from, "the phrase or key");
  const wallet = await readWallet(input);
  if (address === undefined) return "entropy" in wallet ? wallet : (await Accounts.load()).fromKey(wallet);
  if ("entropy" in wallet || wallet.rail !== "cardano" || wallet.address !== undefined) {
    throw new X402Error("USAGE", "--address is for a Cardano payment key, which does not say its own");
  }
  return (await Accounts.load()).fromKey({ ...wallet, address });
}

const QUESTION = "Recovery phrase or private key (not shown): ";
