// Options that several subcommands share, and what they mean.
import { join } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { X402Error } from "../../protocol/errors.ts";
import { x402Home } from "../../client/paths.ts";
import { DEFAULT_COST, type KdfCost, assertCost } from "../../vault/kdf.ts";

export interface VaultOptions {
  vault: string;
}

export interface PassphraseOptions {
  passphraseFile?: string;
}

export interface CostOptions {
  kdf: KdfCost;
}

export const defaultVault = (): string => join(x402Home(), "vault.enc");

export const vaultOption = (): Option =>
  new Option("--vault <file>", "the vault").default(defaultVault(), "$X402_HOME/vault.enc");

export const passphraseOption = (): Option =>
  new Option("--passphrase-file <file>", "read the passphrase from a file (- for stdin) instead of asking");

export const wordsOption = (): Option =>
  new Option("--words-to <file>", "write the words to a new private file instead of showing and asking them");

export const costOption = (): Option =>
  new Option("--kdf <MiB,passes,lanes>", "what one try of a passphrase costs (argon2id)")
    .argParser(parseCost)
    .default(DEFAULT_COST, "256,3,4");

function parseCost(text: string): KdfCost {
  const [mib = "", passes = "", lanes = "", ...more] = text.split(",");
  const cost = { memoryKiB: Number(mib) * 1024, passes: Number(passes), lanes: Number(lanes) };
  try {
    if (more.length > 0) throw new X402Error("VAULT_KDF_COST");
    assertCost(cost);
  } catch {
    throw new InvalidArgumentError(
      "19 to 2048 MiB, 2 to 16 passes, 1 to 8 lanes, MiB times passes up to 8192",
    );
  }
  return cost;
}
