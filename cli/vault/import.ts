// x402-vault import: a wallet that exists. A phrase makes a new vault; a key makes one too, or joins one.
//
// In a vault that pays already a key needs --replace, because from then on payments leave from another address. The
// account before it stays, retired: the signer may have to repeat what it signed.
import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { X402Error } from "../../protocol/errors.ts";
import { evmFromKey } from "../../vault/accounts.ts";
import { entropyOf } from "../../vault/phrase.ts";
import { Secret } from "../../vault/secret.ts";
import { MAX_ACCOUNTS } from "../../vault/signing.ts";
import { type Wallet, assertVacant, create, readHeader } from "../../vault/vault.ts";
import { askSecret } from "../prompt.ts";
import { print, say } from "../terminal.ts";
import { sayNext } from "./init.ts";
import { type CostOptions, type PassphraseOptions, type VaultOptions } from "./options.ts";
import { costOption, passphraseOption, vaultOption } from "./options.ts";
import { newPassphrase, openVault } from "./passphrase.ts";
import { readSecret } from "./secret-file.ts";

interface Options extends VaultOptions, PassphraseOptions, CostOptions {
  from?: string;
  replace?: true;
  accounts?: number;
}

export const addImport = (vault: Command): Command =>
  vault
    .command("import")
    .description("take over a wallet: a recovery phrase of 12 to 24 words, or a private key in hex")
    .argument("[nothing...]", "never a secret: arguments are seen by every process and kept by the shell")
    .usage("[options]")
    .addOption(vaultOption())
    .option("--from <file>", "read the phrase or key from a file (- for stdin) instead of asking")
    .option(
      "--replace",
      "into a vault that is there: the key pays from now on, the account before it retires",
    )
    .option("--accounts <n>", "how many accounts of the phrase were used; the last one pays", parseAccounts)
    .addOption(passphraseOption())
    .addOption(costOption())
    .action(importWallet);

function parseAccounts(text: string): number {
  const count = /^[1-9][0-9]?$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MAX_ACCOUNTS) return count;
  throw new InvalidArgumentError(`1 to ${MAX_ACCOUNTS}, as the paper says beside the words`);
}

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
  const paying = readHeader(vault).accounts.find(({ retired }) => !retired)?.address ?? "nowhere";
  if (replace !== true) {
    throw new X402Error("VAULT_EXISTS", `it pays from ${paying}`, {
      hint: "nothing was changed; --replace makes an imported key pay instead, --vault FILE makes another vault",
    });
  }
}

async function makeVault(options: Options): Promise<void> {
  assertVacant(options.vault);
  const wallet = await readWallet(options);
  using _secret = "entropy" in wallet ? wallet.entropy : wallet.key;
  if (options.accounts !== undefined && "key" in wallet) {
    throw new X402Error("USAGE", "a key is one account; --accounts is for a phrase");
  }
  using passphrase = await newPassphrase(options.passphraseFile);
  const { kdf: cost, accounts } = options;
  using made = await create(options.vault, passphrase, { wallet, cost, ...(accounts && { accounts }) });
  print(made.addresses.find(({ retired }) => !retired)?.address);
  sayNext(options);
}

async function addKey(options: Options): Promise<void> {
  const wallet = await readWallet(options);
  if ("entropy" in wallet) {
    wallet.entropy.wipe();
    throw new X402Error("VAULT_EXISTS", "a vault holds one phrase", {
      hint: "nothing was changed; --vault FILE makes another vault from this phrase",
    });
  }
  using key = wallet.key;
  using vault = await openVault(options.vault, options);
  await vault.change({ key });
  print(evmFromKey(key).address);
  say("This account pays from the next unlock on; the one before it is retired.");
}

async function readWallet({ from }: Options): Promise<Wallet> {
  using input = from === undefined ? await askSecret(QUESTION) : readSecret(from, "the phrase or key");
  const key = input.use(keyFrom);
  if (key !== undefined) return { key: validKey(key) };
  if (!input.use(hasSpace)) throw new X402Error("PHRASE_INVALID", "neither 12 to 24 words nor 64 hex digits");
  return { entropy: entropyOf(input) };
}

const QUESTION = "Recovery phrase or private key (not shown): ";

const hasSpace = (bytes: Uint8Array): boolean => bytes.some((byte) => byte <= 32);

/** Refuses what is no private key before a passphrase is asked for. */
function validKey(key: Secret): Secret {
  evmFromKey(key);
  return key;
}

/** 64 hex digits, with or without 0x; read digit by digit, because a string of them could not be wiped. */
function keyFrom(bytes: Uint8Array): Secret | undefined {
  const digits = bytes.filter((byte) => byte > 32);
  const start = digits[0] === 48 && ((digits[1] ?? 0) | 0x20) === 120 ? 2 : 0;
  const values = digits.subarray(start).map(hexValue);
  digits.fill(0);
  const isKey = values.length === 64 && !values.includes(NOT_HEX);
  const key = Uint8Array.from(
    { length: 32 },
    (_, at) => ((values[2 * at] ?? 0) << 4) | (values[2 * at + 1] ?? 0),
  );
  values.fill(0);
  return isKey ? Secret.take(key) : undefined;
}

const NOT_HEX = 255;

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : NOT_HEX;
}
