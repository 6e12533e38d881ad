// The vault: one encrypted file that holds a wallet, and what may be done with it.
//
// docs/vault-format.md is the file; SECURITY.md says what a thief of it can try. Nothing here is ever written before
// the passphrase was right, and nothing is written that was not read back.
import { randomBytes } from "node:crypto";
import { X402Error } from "../protocol/errors.ts";
import { RAIL_NAMES, type RailName } from "../protocol/networks.ts";
import { Accounts, type BareKey, type Keyed } from "./accounts.ts";
import { sealFile, sealRecovery, sealSigning, verify } from "./content.ts";
import { readPrivate, replacePrivate } from "./file.ts";
import { type Account, type Header, MAX_FILE_BYTES, decode } from "./format.ts";
import { DEFAULT_COST, type KdfCost } from "./kdf.ts";
import { KEY_BYTES } from "./keys.ts";
import { OpenVault } from "./open-vault.ts";
import { assertRecovered } from "./recovered.ts";
import { Secret } from "./secret.ts";
import { unwrap, wrap } from "./wrap.ts";

export type { Edit, OpenVault } from "./open-vault.ts";

const FIRST_GENERATION = 1;

/** BIP-39 entropy, which gives an account on every rail, or a bare key, which gives one. The caller keeps and wipes it. */
export type Wallet = { readonly entropy: Secret } | BareKey;

export interface CreateOptions {
  readonly wallet: Wallet;
  /** How many accounts of the phrase were in use, 1 unless told otherwise: the last pays, those before it are retired. */
  readonly used?: Partial<Readonly<Record<RailName, number>>>;
  readonly cost?: KdfCost;
}

interface FirstParts {
  readonly lines: readonly Account[];
  readonly signing: Uint8Array;
  readonly recovery: Uint8Array;
}

/** Makes a new vault. Throws VAULT_EXISTS, VAULT_UNSAFE_FILE, VAULT_BUSY, VAULT_WRITE, PHRASE_INVALID. */
export async function create(path: string, passphrase: Secret, options: CreateOptions): Promise<OpenVault> {
  const dataKey = Secret.random(KEY_BYTES);
  const vaultId = randomBytes(16).toString("hex");
  const wrapped = await wrap(dataKey, vaultId, passphrase, options.cost ?? DEFAULT_COST);
  const accounts = await Accounts.load();
  const { lines, ...parts } = firstParts(options, vaultId, dataKey, accounts);
  const header = { vaultId, kdf: wrapped.kdf, generation: FIRST_GENERATION, accounts: lines };
  const file = { header, wrappedKey: wrapped.wrappedKey, ...parts };
  assertRecovered(file, dataKey, accounts);
  replacePrivate(path, MAX_FILE_BYTES, (old) => {
    if (old !== undefined) throw new X402Error("VAULT_EXISTS", path);
    return sealFile(file, dataKey);
  });
  return new OpenVault(path, file, dataKey, accounts);
}

/** Says early what `create` would refuse: VAULT_EXISTS, VAULT_UNSAFE_FILE. */
export function assertVacant(path: string): void {
  if (readPrivate(path, 0) !== undefined) throw new X402Error("VAULT_EXISTS", path);
}

/** Opens a vault and proves it whole. Throws the VAULT_ code of what is wrong; writes nothing. */
export async function open(path: string, passphrase: Secret): Promise<OpenVault> {
  const bytes = read(path);
  const dataKey = await unwrap(decode(bytes).file, passphrase);
  try {
    return new OpenVault(path, verify(bytes, dataKey), dataKey, await Accounts.load());
  } catch (error) {
    dataKey.wipe();
    throw error;
  }
}

/** The readable header; proved free of accidents, not of forgery: that takes the passphrase. */
export const readHeader = (path: string): Header => decode(read(path)).file.header;

/** The sealed parts and the readable accounts of a new vault. */
function firstParts(
  options: CreateOptions,
  vaultId: string,
  dataKey: Secret,
  accounts: Accounts,
): FirstParts {
  const { wallet } = options;
  const keyed = firstAccounts(options, accounts);
  using nonceKey = Secret.random(KEY_BYTES);
  using auditKey = Secret.random(KEY_BYTES);
  const recovery = "entropy" in wallet ? { ...wallet, imports: [] } : { imports: keyed };
  try {
    return {
      lines: keyed.map(({ rail, address, origin, retired }) => ({ rail, address, origin, retired })),
      signing: sealSigning(
        { vaultId, generation: FIRST_GENERATION, accounts: keyed, nonceKey, auditKey },
        dataKey,
      ),
      recovery: sealRecovery(recovery, vaultId, dataKey),
    };
  } finally {
    for (const { key } of keyed) key.wipe();
  }
}

function firstAccounts(
  { wallet, used = {} }: CreateOptions,
  accounts: Accounts,
): (Keyed & { readonly retired: boolean })[] {
  if (!("entropy" in wallet))
    return [{ ...accounts.fromKey({ ...wallet, key: wallet.key.copy() }), retired: false }];
  return RAIL_NAMES.flatMap((rail) => {
    const count = used[rail] ?? 1;
    return Array.from({ length: count }, (_, index) => {
      return { ...accounts.fromPhrase(rail, wallet.entropy, index), retired: index < count - 1 };
    });
  });
}

function read(path: string): Uint8Array {
  const bytes = readPrivate(path, MAX_FILE_BYTES);
  if (bytes === undefined) throw new X402Error("VAULT_MISSING", path);
  return bytes;
}
