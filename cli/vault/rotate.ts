// x402-vault rotate: a new passphrase; or a new data key, a new account that pays, or all of it in one step.
//
// What it cannot do it says: a copy of the old file still opens with the old passphrase, and the phrase in it derives
// the new account, too. Only money in a new wallet is out of its reach.
import { type Command, Option } from "commander";
import { RAIL_NAMES, type RailName } from "../../protocol/networks.ts";
import type { Account } from "../../vault/format.ts";
import type { Secret } from "../../vault/secret.ts";
import type { Edit, OpenVault } from "../../vault/vault.ts";
import { print, say, table } from "../terminal.ts";
import { type CostOptions, type PassphraseOptions, type VaultOptions } from "./options.ts";
import { costOption, passphraseOption, vaultOption, wordsOption } from "./options.ts";
import { sayGained } from "./gained.ts";
import { newPassphrase, unsealVault } from "./passphrase.ts";
import { type WordsOptions, assertRoomForWords, withNewPhrase } from "./words.ts";

interface RotateOptions extends VaultOptions, PassphraseOptions, Partial<CostOptions>, WordsOptions {
  dataKey?: true;
  wallet?: RailName;
  newPassphrase?: true;
  newPassphraseFile?: string;
}

export const addRotate = (vault: Command): Command =>
  vault
    .command("rotate")
    .description("change the passphrase; with --data-key or --wallet, change that instead")
    .addOption(vaultOption())
    .addOption(passphraseOption())
    .option("--data-key", "a new key under the passphrase: everything is sealed anew")
    .addOption(
      new Option("--wallet <rail>", "pay from a new account; the old one retires").choices(RAIL_NAMES),
    )
    .option("--new-passphrase", "with those, change the passphrase, too")
    .option("--new-passphrase-file <file>", "read the new passphrase from a file instead of asking")
    .addOption(wordsOption())
    .addOption(costOption().default(undefined, "as before"))
    .action(rotate);

async function rotate(options: RotateOptions): Promise<void> {
  const { vault, passphrase: old } = await unsealVault(options.vault, options);
  using _vault = vault;
  using _old = old;
  const { wallet: rail } = options;
  const paid = rail && payerOf(vault, rail);
  const needsPhrase = rail !== undefined && !hasPhrase(vault);
  if (needsPhrase) assertRoomForWords(options);
  using fresh = wantsPassphrase(options) ? await newPassphrase(options.newPassphraseFile) : undefined;
  const edit = editOf(options, old, fresh);
  if (needsPhrase) {
    say("This vault has no recovery phrase. It gets one, and its first account pays from now on.");
    await withNewPhrase(options, async (entropy) => {
      sayGained(await vault.change({ ...edit, rail, entropy }));
    });
  } else {
    sayGained(await vault.change(rail === undefined ? edit : { ...edit, rail, next: true }));
  }
  if (fresh !== undefined) say("The passphrase is changed.");
  if (options.dataKey === true) say("The data key is changed: the vault is sealed anew.");
  if (rail !== undefined) tellPayer(vault, rail, paid);
  if (options.dataKey === true || rail !== undefined) say(UNLOCK_AGAIN);
  for (const line of rail === undefined ? OLD_COPIES : OLD_COPIES_OF_PHRASE) say(line);
}

/** Alone the command means the passphrase; with another purpose only when told so. */
const wantsPassphrase = ({ dataKey, wallet, newPassphrase, newPassphraseFile }: RotateOptions): boolean =>
  (dataKey === undefined && wallet === undefined) ||
  newPassphrase === true ||
  newPassphraseFile !== undefined;

function editOf({ dataKey, kdf }: RotateOptions, old: Secret, fresh: Secret | undefined): Edit {
  const wraps = dataKey === true || kdf !== undefined || fresh !== undefined;
  return {
    ...(wraps ? { passphrase: fresh ?? old } : {}),
    ...(kdf === undefined ? {} : { cost: kdf }),
    ...(dataKey === undefined ? {} : { newDataKey: dataKey }),
  };
}

function hasPhrase(vault: OpenVault): boolean {
  using phrase = vault.phrase();
  return phrase !== undefined;
}

const payerOf = (vault: OpenVault, rail: RailName): Account | undefined =>
  vault.addresses.find((account) => account.rail === rail && !account.retired);

function tellPayer(vault: OpenVault, rail: RailName, before: Account | undefined): void {
  const payer = payerOf(vault, rail);
  const rows = [["fund", payer?.address ?? ""], ...(before === undefined ? [] : [["empty", before.address]])];
  for (const line of table(rows)) print(line);
  if (before !== undefined) for (const line of RETIRED) say(line);
  const counts = [...vault.used()]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => `${name}=${count}`);
  if (counts.length === 0) return;
  say(`Write beside the words: accounts ${counts.join()}. They bring all of them back:`);
  say(`  x402-vault import --accounts ${counts.join()}`);
}

const RETIRED = [
  "The old account is retired: it repeats what it signed and pays nothing new. Its money stays where it is until",
  "  you move it, with any wallet that takes the phrase or the key (x402-vault export).",
];

const UNLOCK_AGAIN =
  "A signer that is unlocked goes on with the old keys, and a stored credential holds them: unlock again, and make it anew.";

const OLD_COPIES = [
  "Copies of the old file still open with the old passphrase. If someone may have both, move the money:",
  "  only a new wallet (x402-vault init --vault FILE) makes them worthless.",
];

const OLD_COPIES_OF_PHRASE = [
  "Copies of the old file still open, and the phrase in them derives the new account, too. If someone may have a copy",
  "  and its passphrase, or the words, move the money to a new wallet: x402-vault init --vault FILE",
];
