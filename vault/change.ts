// What may change in a vault, as a step from one file to the next. Every step raises the generation.
import { X402Error } from "../protocol/errors.ts";
import { type Keyed, evmFromKey } from "./accounts.ts";
import { openRecovery, openSigning, sealRecovery, sealSigning } from "./content.ts";
import type { Account, Header, VaultFile } from "./format.ts";
import type { RecoveryPart } from "./recovery.ts";
import * as recoveryCodec from "./recovery.ts";
import type { Secret } from "./secret.ts";
import * as signingCodec from "./signing.ts";
import type { SigningAccount, SigningPart } from "./signing.ts";
import type { Wrapped } from "./wrap.ts";

export interface Step {
  /** Names the ledger, once: VAULT_OTHER_LEDGER when the vault names another. */
  readonly ledgerId?: string;
  /** An EVM key that pays from now on; the accounts before it retire. The caller keeps and wipes it. */
  readonly key?: Secret;
  /** The data key under a new passphrase. */
  readonly wrapped?: Wrapped;
}

/** The file after `step`, with at least `generation`. Opens the recovery part only to add a key to it. */
export function advance(file: VaultFile, dataKey: Secret, step: Step, generation: number): VaultFile {
  const before = openSigning(file, dataKey);
  const keyed = step.key === undefined ? undefined : evmFromKey(step.key);
  try {
    const ledgerId = ledgerAfter(before.ledgerId, step.ledgerId);
    const named = ledgerId === undefined ? {} : { ledgerId };
    const accounts = keyed === undefined ? before.accounts : accountsAfter(before.accounts, keyed);
    const after: SigningPart = { ...before, generation, ...named, accounts };
    const header = { ...file.header, ...named, generation, accounts: lines(accounts, file.header, keyed) };
    return {
      header: { ...header, kdf: step.wrapped?.kdf ?? header.kdf },
      wrappedKey: step.wrapped?.wrappedKey ?? file.wrappedKey,
      signing: sealSigning(after, dataKey),
      recovery: keyed === undefined ? file.recovery : recoveryAfter(file, dataKey, keyed),
    };
  } finally {
    signingCodec.wipe(before);
  }
}

function ledgerAfter(old: string | undefined, named: string | undefined): string | undefined {
  if (old !== undefined && named !== undefined && old !== named) throw new X402Error("VAULT_OTHER_LEDGER");
  return old ?? named;
}

/** One account pays per rail. A key that is there already, retired, is taken up again. */
function accountsAfter(accounts: readonly SigningAccount[], keyed: Keyed): SigningAccount[] {
  const others = accounts.filter(({ address }) => address !== keyed.address);
  const retired = others.map((other) => (other.rail === keyed.rail ? { ...other, retired: true } : other));
  return [...retired, { rail: keyed.rail, address: keyed.address, key: keyed.key, retired: false }];
}

function lines(accounts: readonly SigningAccount[], header: Header, keyed: Keyed | undefined): Account[] {
  const originOf = (address: string): string =>
    header.accounts.find((line) => line.address === address)?.origin ?? keyed?.origin ?? "";
  return accounts.map(({ rail, address, retired }) => ({
    rail,
    address,
    origin: originOf(address),
    retired,
  }));
}

function recoveryAfter(file: VaultFile, dataKey: Secret, keyed: Keyed): Uint8Array {
  const known = file.header.accounts.some(({ address }) => address === keyed.address);
  if (known) return file.recovery;
  const before = openRecovery(file, dataKey);
  const added = { rail: keyed.rail, key: keyed.key };
  const after: RecoveryPart = { ...before, imports: [...before.imports, added] };
  try {
    return sealRecovery(after, file.header.vaultId, dataKey);
  } finally {
    recoveryCodec.wipe(before);
  }
}
