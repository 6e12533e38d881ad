// The signing part: what the signer needs to sign, and nothing that recovers the wallet elsewhere.
//
// It travels to the signer sealed (vault/handoff.ts). Binary, so that no key is ever text: a string cannot be wiped.
import { ByteReader, concat, damaged, flag, text, uint } from "./bytes.ts";
import { KEY_BYTES } from "./keys.ts";
import { Secret } from "./secret.ts";

export const RAIL = /^[a-z][a-z0-9-]{0,15}$/;
/** Printable ASCII without quotes and backslashes: fits every rail and can be shown as it is. */
export const ADDRESS = /^[A-Za-z0-9_.:-]{1,128}$/;
export const LEDGER_ID = /^[0-9a-f]{1,128}$/;
export const VAULT_ID = /^[0-9a-f]{32}$/;
export const OPTIONAL_LEDGER_ID = /^[0-9a-f]{0,128}$/;

const VERSION = 1;
export const MAX_ACCOUNTS = 64;
export const MAX_KEY_BYTES = 512;

export interface SigningAccount {
  /** "evm": `key` is the 32-byte private key, `address` the EIP-55 form. */
  readonly rail: string;
  readonly address: string;
  readonly key: Secret;
  /** Kept to repeat old drafts; pays nothing new. */
  readonly retired: boolean;
}

export interface SigningPart {
  /** 16 bytes in hex. */
  readonly vaultId: string;
  /** Grows with every change of the vault. */
  readonly generation: number;
  /** Absent until the first unlock names it. */
  readonly ledgerId?: string;
  readonly accounts: readonly SigningAccount[];
  /** 32 bytes: the HMAC key of payment nonces. Never changes in the life of a vault. */
  readonly nonceKey: Secret;
  /** 32 bytes: the seed of the Ed25519 key that signs receipts and checkpoints. */
  readonly auditKey: Secret;
}

/** The caller owns the result and wipes it. */
export function encode(part: SigningPart): Secret {
  if (part.accounts.length > MAX_ACCOUNTS) throw damaged("too many accounts");
  const encoded = concat(
    uint(1, VERSION),
    Buffer.from(part.vaultId, "hex"),
    uint(8, part.generation),
    text(part.ledgerId ?? "", OPTIONAL_LEDGER_ID, "ledger id"),
    uint(1, part.accounts.length),
    ...part.accounts.flatMap(encodeAccount),
    part.nonceKey,
    part.auditKey,
  );
  return Secret.take(encoded);
}

/** Copies the keys out of `bytes`, which stays the caller's to wipe. Throws VAULT_DAMAGED. */
export function decode(bytes: Uint8Array): SigningPart {
  const reader = new ByteReader(bytes);
  if (reader.uint(1, "version of the signing part") !== VERSION) throw damaged("unknown signing part");
  const vaultId = Buffer.from(reader.take(16, "vault id")).toString("hex");
  const generation = reader.uint(8, "generation");
  const ledgerId = reader.text(OPTIONAL_LEDGER_ID, "ledger id");
  const accounts = readAccounts(reader);
  const nonceKey = readKey(reader, "nonce key");
  const auditKey = readKey(reader, "audit key");
  reader.end("signing part");
  return { vaultId, generation, ...(ledgerId === "" ? {} : { ledgerId }), accounts, nonceKey, auditKey };
}

/** Wipes every key in it. */
export function wipe(part: SigningPart): void {
  for (const account of part.accounts) account.key.wipe();
  part.nonceKey.wipe();
  part.auditKey.wipe();
}

function encodeAccount(account: SigningAccount): (Uint8Array | Secret)[] {
  if (account.key.length === 0 || account.key.length > MAX_KEY_BYTES) throw damaged("key length");
  return [
    text(account.rail, RAIL, "rail"),
    text(account.address, ADDRESS, "address"),
    flag(account.retired),
    uint(2, account.key.length),
    account.key,
  ];
}

function readAccounts(reader: ByteReader): SigningAccount[] {
  const accounts: SigningAccount[] = [];
  const count = reader.uint(1, "number of accounts", MAX_ACCOUNTS);
  for (let i = 0; i < count; i++) {
    const account = readAccount(reader);
    if (accounts.some((other) => other.rail === account.rail && other.address === account.address)) {
      throw damaged("an account stands there twice");
    }
    accounts.push(account);
  }
  return accounts;
}

function readAccount(reader: ByteReader): SigningAccount {
  const rail = reader.text(RAIL, "rail");
  const address = reader.text(ADDRESS, "address");
  const retired = reader.flag("retired flag");
  const length = reader.uint(2, "key length", MAX_KEY_BYTES);
  if (length === 0) throw damaged("key length");
  return { rail, address, retired, key: Secret.copyOf(reader.take(length, "key")) };
}

const readKey = (reader: ByteReader, what: string): Secret => Secret.copyOf(reader.take(KEY_BYTES, what));
