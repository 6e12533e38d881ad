// What may change in a vault, as a step from one file to the next. Every step raises the generation.
import { X402Error } from "../protocol/errors.ts";
import { RAIL_NAMES, type RailName } from "../protocol/networks.ts";
import type { Accounts, BareKey, Keyed } from "./accounts.ts";
import { openRecovery, openSigning, sealRecovery, sealSigning } from "./content.ts";
import type { Account, Header, VaultFile } from "./format.ts";
import type { ImportedKey, RecoveryPart } from "./recovery.ts";
import * as recoveryCodec from "./recovery.ts";
import type { Secret } from "./secret.ts";
import * as signingCodec from "./signing.ts";
import { MAX_ACCOUNTS, type SigningAccount, type SigningPart } from "./signing.ts";
import type { Wrapped } from "./wrap.ts";

/**
 * Who pays on `rail` from now on, in one of three ways; the account before it retires. The caller keeps and wipes the
 * secret.
 */
export interface NewPayer extends Partial<BareKey> {
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

export interface Advanced {
  readonly file: VaultFile;
  /** Accounts of the phrase on rails that had none, beside the one that the step asked for. */
  readonly gained: readonly Account[];
}

interface Opened {
  readonly file: VaultFile;
  readonly dataKey: Secret;
  readonly signing: SigningPart;
  readonly recovery: RecoveryPart | undefined;
}

/**
 * The file after `step`, with at least `generation`. Opens the recovery part only for a new payer or data key, or when
 * a rail has no account: a phrase then gives its first one.
 */
export function advance(
  file: VaultFile,
  dataKey: Secret,
  step: Step,
  generation: number,
  accounts: Accounts,
): Advanced {
  const signing = openSigning(file, dataKey);
  const touched = changesPayer(step) || step.dataKey !== undefined || bareRails(signing.accounts).length > 0;
  const recovery = touched ? openRecovery(file, dataKey) : undefined;
  const keyed: Keyed[] = [];
  try {
    const opened = { file, dataKey, signing, recovery };
    const payer = recovery && payerOf(step, file.header, recovery, accounts);
    if (payer !== undefined) keyed.push(payer);
    const gained = gainedBy(opened, step, payer, accounts);
    keyed.push(...gained);
    return { file: stepFrom(opened, step, generation, payer, gained), gained: gained.map(lineOf) };
  } finally {
    for (const { key } of keyed) key.wipe();
    signingCodec.wipe(signing);
    if (recovery !== undefined) recoveryCodec.wipe(recovery);
  }
}

/** Rails on which nothing was ever paid from this vault. */
export const bareRails = (accounts: readonly { readonly rail: string }[]): readonly RailName[] =>
  RAIL_NAMES.filter((name) => accounts.every(({ rail }) => rail !== name));

function stepFrom(
  opened: Opened,
  step: Step,
  generation: number,
  payer: Keyed | undefined,
  gained: readonly Keyed[],
): VaultFile {
  const { file, dataKey, signing } = opened;
  const ledgerId = step.moveTo ?? ledgerAfter(signing.ledgerId, step.ledgerId);
  const named = ledgerId === undefined ? {} : { ledgerId };
  const fresh = payer === undefined ? gained : [payer, ...gained];
  const accounts = fresh.reduce(accountsAfter, signing.accounts);
  const after: SigningPart = { ...signing, generation, ...named, accounts };
  const header = { ...file.header, ...named, generation, accounts: lines(accounts, file.header, fresh) };
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
function payerOf(
  step: NewPayer,
  header: Header,
  { entropy }: RecoveryPart,
  accounts: Accounts,
): Keyed | undefined {
  const { rail = "evm", key, address } = step;
  if (key !== undefined)
    return accounts.fromKey({ rail, key: key.copy(), ...(address === undefined ? {} : { address }) });
  if (step.next !== undefined) {
    if (entropy === undefined) throw new X402Error("PHRASE_INVALID", "the vault has no phrase");
    return nextOf(rail, entropy, header.accounts, accounts);
  }
  if (step.entropy === undefined) return undefined;
  if (entropy !== undefined) throw new X402Error("VAULT_BUSY", "it was given a phrase meanwhile");
  return accounts.fromPhrase(rail, step.entropy);
}

/** The first account of the phrase behind those that were used, which is not there as an imported key either. */
function nextOf(rail: RailName, entropy: Secret, lines: readonly Account[], accounts: Accounts): Keyed {
  const used = lines.map(
    (line) => (line.rail === rail ? accounts.placeOf(rail, line.origin)?.index : -1) ?? -1,
  );
  for (let index = 1 + Math.max(-1, ...used); ; index++) {
    const keyed = accounts.fromPhrase(rail, entropy, index);
    if (lines.every(({ address }) => address !== keyed.address)) return keyed;
    keyed.key.wipe();
  }
}

/** As many as there is room for: a vault that is full can still be given another passphrase. */
function gainedBy(
  { signing, recovery }: Opened,
  step: Step,
  payer: Keyed | undefined,
  accounts: Accounts,
): Keyed[] {
  const entropy = recovery && (recovery.entropy ?? step.entropy);
  if (entropy === undefined) return [];
  const there = payer === undefined ? signing.accounts : [...signing.accounts, payer];
  const room = Math.max(0, MAX_ACCOUNTS - there.length);
  return bareRails(there)
    .slice(0, room)
    .map((rail) => accounts.fromPhrase(rail, entropy));
}

const lineOf = ({ rail, address, origin }: Keyed): Account => ({ rail, address, origin, retired: false });

function ledgerAfter(old: string | undefined, named: string | undefined): string | undefined {
  if (old !== undefined && named !== undefined && old !== named) throw new X402Error("VAULT_OTHER_LEDGER");
  return old ?? named;
}

/** One account pays per rail, the last of it. A key that is there already, retired, is taken up again. */
function accountsAfter(accounts: readonly SigningAccount[], payer: Keyed): readonly SigningAccount[] {
  const others = accounts.filter(({ rail, address }) => rail !== payer.rail || address !== payer.address);
  if (others.length >= MAX_ACCOUNTS)
    throw new X402Error("USAGE", `a vault has up to ${MAX_ACCOUNTS} accounts`, {
      hint: "nothing was changed; make a new vault: x402-vault init --vault FILE",
    });
  const retired = others.map((other) => (other.rail === payer.rail ? { ...other, retired: true } : other));
  const behind = 1 + retired.findLastIndex(({ rail }) => rail === payer.rail) || retired.length;
  const { rail, address, key } = payer;
  return retired.toSpliced(behind, 0, { rail, address, key, retired: false });
}

function lines(accounts: readonly SigningAccount[], header: Header, fresh: readonly Keyed[]): Account[] {
  const known = [...header.accounts, ...fresh];
  const originOf = (account: SigningAccount): string =>
    known.find(({ rail, address }) => rail === account.rail && address === account.address)?.origin ?? "";
  return accounts.map((account) => {
    const { rail, address, retired } = account;
    return { rail, address, origin: originOf(account), retired };
  });
}

/** As it stands in the file, unless its content or its key changes. */
function recoveryAfter(
  { file, dataKey, recovery }: Opened,
  step: Step,
  payer: Keyed | undefined,
): Uint8Array {
  if (recovery === undefined) return file.recovery;
  const { vaultId, accounts } = file.header;
  const added = payer === undefined ? undefined : importOf(payer, step, accounts, recovery.imports);
  const changed = added !== undefined || step.entropy !== undefined || step.dataKey !== undefined;
  if (!changed) return file.recovery;
  const entropy = recovery.entropy ?? step.entropy;
  const imports = added === undefined ? recovery.imports : [...recovery.imports, added];
  const after = { ...(entropy === undefined ? {} : { entropy }), imports };
  return sealRecovery(after, vaultId, step.dataKey ?? dataKey);
}

/** A key that the vault could not give back yet. On Cardano one key may be there at two addresses. */
function importOf(
  { rail, address }: Keyed,
  { key }: Step,
  accounts: readonly Account[],
  imports: readonly ImportedKey[],
): ImportedKey | undefined {
  if (key === undefined || accounts.some((line) => line.rail === rail && line.address === address))
    return undefined;
  return imports.some((other) => other.rail === rail && other.key.equals(key)) ? undefined : { rail, key };
}
