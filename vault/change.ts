// What may change in a vault, as a step from one file to the next. Every step raises the generation.
import { X402Error } from "../protocol/errors.ts";
import { type Keyed, evmFromKey, evmFromPhrase, evmIndex } from "./accounts.ts";
import { openRecovery, openSigning, sealRecovery, sealSigning } from "./content.ts";
import type { Account, Header, VaultFile } from "./format.ts";
import type { RecoveryPart } from "./recovery.ts";
import * as recoveryCodec from "./recovery.ts";
import type { Secret } from "./secret.ts";
import * as signingCodec from "./signing.ts";
import { MAX_ACCOUNTS, type SigningAccount, type SigningPart } from "./signing.ts";
import type { Wrapped } from "./wrap.ts";

/** Who pays from now on, in one of three ways; the accounts before it retire. The caller keeps and wipes the secret. */
export interface NewPayer {
  /** An EVM key that no phrase recovers. */
  readonly key?: Secret;
  /** The next account of the vault's phrase. */
  readonly next?: true;
  /** A phrase (its entropy) for a vault that has none: its first account. */
  readonly entropy?: Secret;
}

export interface Step extends NewPayer {
  /** Names the ledger, once: VAULT_OTHER_LEDGER when the vault names another. */
  readonly ledgerId?: string;
  /** Names this ledger, whichever one the vault names. */
  readonly moveTo?: string;
  /** The data key, or `dataKey`, under a passphrase. */
  readonly wrapped?: Wrapped;
  /** Takes the place of the data key; both parts are sealed anew. */
  readonly dataKey?: Secret;
}

interface Opened {
  readonly file: VaultFile;
  readonly dataKey: Secret;
  readonly signing: SigningPart;
  readonly recovery: RecoveryPart | undefined;
}

/** The file after `step`, with at least `generation`. Opens the recovery part only for a new payer or data key. */
export function advance(file: VaultFile, dataKey: Secret, step: Step, generation: number): VaultFile {
  const signing = openSigning(file, dataKey);
  const touched = changesPayer(step) || step.dataKey !== undefined;
  const recovery = touched ? openRecovery(file, dataKey) : undefined;
  try {
    return stepFrom({ file, dataKey, signing, recovery }, step, generation);
  } finally {
    signingCodec.wipe(signing);
    if (recovery !== undefined) recoveryCodec.wipe(recovery);
  }
}

function stepFrom(opened: Opened, step: Step, generation: number): VaultFile {
  const { file, dataKey, signing, recovery } = opened;
  const payer = recovery && payerOf(step, file.header, recovery);
  using _key = payer?.key;
  const ledgerId = step.moveTo ?? ledgerAfter(signing.ledgerId, step.ledgerId);
  const named = ledgerId === undefined ? {} : { ledgerId };
  const accounts = payer === undefined ? signing.accounts : accountsAfter(signing.accounts, payer);
  const after: SigningPart = { ...signing, generation, ...named, accounts };
  const header = { ...file.header, ...named, generation, accounts: lines(accounts, file.header, payer) };
  return {
    header: { ...header, kdf: step.wrapped?.kdf ?? header.kdf },
    wrappedKey: step.wrapped?.wrappedKey ?? file.wrappedKey,
    signing: sealSigning(after, step.dataKey ?? dataKey),
    recovery: recoveryAfter(opened, step, payer),
  };
}

const changesPayer = ({ key, next, entropy }: NewPayer): boolean =>
  key !== undefined || next !== undefined || entropy !== undefined;

/** The account, with a key of its own to wipe. Throws VAULT_BUSY when another command was faster. */
function payerOf(step: NewPayer, header: Header, { entropy }: RecoveryPart): Keyed | undefined {
  if (step.key !== undefined) return evmFromKey(step.key.copy());
  if (step.next !== undefined) {
    if (entropy === undefined) throw new X402Error("PHRASE_INVALID", "the vault has no phrase");
    return nextOf(entropy, header.accounts);
  }
  if (step.entropy === undefined) return undefined;
  if (entropy !== undefined) throw new X402Error("VAULT_BUSY", "it was given a phrase meanwhile");
  return evmFromPhrase(step.entropy);
}

/** The first account of the phrase behind those that were used, which is not there as an imported key either. */
function nextOf(entropy: Secret, accounts: readonly Account[]): Keyed {
  for (let index = 1 + Math.max(-1, ...accounts.map(({ origin }) => evmIndex(origin) ?? -1)); ; index++) {
    const keyed = evmFromPhrase(entropy, index);
    if (accounts.every(({ address }) => address !== keyed.address)) return keyed;
    keyed.key.wipe();
  }
}

function ledgerAfter(old: string | undefined, named: string | undefined): string | undefined {
  if (old !== undefined && named !== undefined && old !== named) throw new X402Error("VAULT_OTHER_LEDGER");
  return old ?? named;
}

/** One account pays per rail. A key that is there already, retired, is taken up again. */
function accountsAfter(accounts: readonly SigningAccount[], payer: Keyed): SigningAccount[] {
  const others = accounts.filter(({ address }) => address !== payer.address);
  if (others.length >= MAX_ACCOUNTS)
    throw new X402Error("USAGE", `a vault has up to ${MAX_ACCOUNTS} accounts`, {
      hint: "nothing was changed; make a new vault: x402-vault init --vault FILE",
    });
  const retired = others.map((other) => (other.rail === payer.rail ? { ...other, retired: true } : other));
  return [...retired, { rail: payer.rail, address: payer.address, key: payer.key, retired: false }];
}

function lines(accounts: readonly SigningAccount[], header: Header, payer: Keyed | undefined): Account[] {
  const originOf = (address: string): string =>
    header.accounts.find((line) => line.address === address)?.origin ?? payer?.origin ?? "";
  return accounts.map(({ rail, address, retired }) => ({
    rail,
    address,
    origin: originOf(address),
    retired,
  }));
}

/** As it stands in the file, unless its content or its key changes. */
function recoveryAfter(
  { file, dataKey, recovery }: Opened,
  step: Step,
  payer: Keyed | undefined,
): Uint8Array {
  const { vaultId, accounts } = file.header;
  const known = accounts.some(({ address }) => address === payer?.address);
  const added = step.key !== undefined && !known ? [{ rail: "evm", key: step.key }] : [];
  const changed = added.length > 0 || step.entropy !== undefined || step.dataKey !== undefined;
  if (recovery === undefined || !changed) return file.recovery;
  const entropy = recovery.entropy ?? step.entropy;
  const after = { ...(entropy === undefined ? {} : { entropy }), imports: [...recovery.imports, ...added] };
  return sealRecovery(after, vaultId, step.dataKey ?? dataKey);
}
