// The passphrase: asked for, or read from a file.
import { X402Error } from "../../protocol/errors.ts";
import type { Secret } from "../../vault/secret.ts";
import { type OpenVault, open } from "../../vault/vault.ts";
import { askSecret } from "../prompt.ts";
import { say } from "../terminal.ts";
import { headerAt } from "./header.ts";
import type { PassphraseOptions } from "./options.ts";
import { readSecret } from "./secret-file.ts";

const LEAST_BYTES = 8;
const TRIES = 3;
const HOW_TO_CHOOSE = "take five words at random from a list, or 16 characters from a password manager";

/** Opens the vault. At a terminal a wrong passphrase may be typed again; the vault's other faults come first. */
export async function openVault(path: string, options: PassphraseOptions): Promise<OpenVault> {
  const { vault, passphrase } = await unsealVault(path, options);
  passphrase.wipe();
  return vault;
}

export interface Unsealed {
  readonly vault: OpenVault;
  readonly passphrase: Secret;
}

/** The same, for what has to wrap a key under the passphrase again. The caller wipes it. */
export async function unsealVault(path: string, { passphraseFile }: PassphraseOptions): Promise<Unsealed> {
  headerAt(path);
  if (passphraseFile !== undefined) return await tryOpen(path, readSecret(passphraseFile, "the passphrase"));
  for (let left = TRIES; ; left--) {
    const passphrase = await askSecret("Passphrase: ");
    try {
      return await tryOpen(path, passphrase);
    } catch (error) {
      const wrong = error instanceof X402Error && error.code === "VAULT_PASSPHRASE";
      if (!wrong || left === 1) throw error;
      say("That is not the passphrase. Try again.");
    }
  }
}

async function tryOpen(path: string, passphrase: Secret): Promise<Unsealed> {
  try {
    return { vault: await open(path, passphrase), passphrase };
  } catch (error) {
    passphrase.wipe();
    throw error;
  }
}

/** A passphrase for a vault that is made or rotated: asked twice. Throws USAGE for one that is too short. */
export async function newPassphrase(file: string | undefined): Promise<Secret> {
  if (file !== undefined) return longEnough(readSecret(file, "the new passphrase"));
  say(`Choose a passphrase of ${LEAST_BYTES} characters or more: ${HOW_TO_CHOOSE}.`);
  say("Nobody can recover it for you; the recovery phrase brings the wallet back without it.");
  for (let left = TRIES; ; left--) {
    const passphrase = await askSecret("New passphrase: ");
    using again = await askSecret("Again: ");
    if (!passphrase.equals(again)) say("The two differ.");
    else if (passphrase.length < LEAST_BYTES && left > 1) say(`That is too short: ${HOW_TO_CHOOSE}.`);
    else return longEnough(passphrase);
    passphrase.wipe();
    if (left === 1) throw new X402Error("ABORTED", "no passphrase was chosen");
  }
}

function longEnough(passphrase: Secret): Secret {
  if (passphrase.length >= LEAST_BYTES) return passphrase;
  passphrase.wipe();
  throw new X402Error("USAGE", `a passphrase has at least ${LEAST_BYTES} characters`, {
    hint: HOW_TO_CHOOSE,
  });
}
