// The layout of vault.enc: docs/vault-format.md, in code.
//
// Accidents are told apart before any key is derived: the first line, the version, the length and a plain SHA-256.
// Against whoever can write the file they are worth nothing; there the MAC under a subkey of the data key counts.
import { createHash } from "node:crypto";
import { X402Error } from "../protocol/errors.ts";
import { ByteReader, concat, damaged, field, flag, text, uint } from "./bytes.ts";
import { type KdfCost, SALT_BYTES, assertCost } from "./kdf.ts";
import { KEY_BYTES } from "./keys.ts";
import { SEAL_BYTES } from "./seal.ts";
import { ADDRESS, LEDGER_ID, MAX_ACCOUNTS, OPTIONAL_LEDGER_ID, RAIL } from "./signing.ts";

export const MAGIC = Buffer.from("x402 vault file\n", "latin1");
export const VERSION = 1;
/** A vault of a few accounts has under 1 KiB. */
export const MAX_FILE_BYTES = 64 * 1024;

const HASH_BYTES = 32;
const PREAMBLE_BYTES = MAGIC.length + 2 + 4;
const ORIGIN = /^[ -~]{1,64}$/;

/** One readable line of the header. */
export interface Account {
  readonly rail: string;
  readonly address: string;
  /** The derivation path, or "imported". */
  readonly origin: string;
  readonly retired: boolean;
}

export interface Kdf extends KdfCost {
  readonly salt: Uint8Array;
}

/** Readable without the passphrase, and authenticated by the MAC once it is known. */
export interface Header {
  readonly vaultId: string;
  readonly kdf: Kdf;
  readonly generation: number;
  readonly ledgerId?: string;
  readonly accounts: readonly Account[];
}

export interface VaultFile {
  readonly header: Header;
  /** The data key, sealed under the passphrase's key. */
  readonly wrappedKey: Uint8Array;
  readonly signing: Uint8Array;
  readonly recovery: Uint8Array;
}

export interface Decoded {
  readonly file: VaultFile;
  /** What the MAC is taken over: everything before it. */
  readonly body: Uint8Array;
  readonly mac: Uint8Array;
}

/** `macOf` is called once, with everything before the MAC. */
export function encode(file: VaultFile, macOf: (body: Uint8Array) => Uint8Array): Uint8Array {
  const { header } = file;
  const rest = concat(
    Buffer.from(header.vaultId, "hex"),
    encodeKdf(header.kdf),
    file.wrappedKey,
    uint(8, header.generation),
    text(header.ledgerId ?? "", OPTIONAL_LEDGER_ID, "ledger id"),
    uint(1, header.accounts.length),
    ...header.accounts.flatMap(encodeAccount),
    field(2, file.signing),
    field(2, file.recovery),
  );
  const length = PREAMBLE_BYTES + rest.length + 2 * HASH_BYTES;
  if (length > MAX_FILE_BYTES) throw damaged("too large");
  const body = concat(MAGIC, uint(2, VERSION), uint(4, length), rest);
  const sealed = concat(body, macOf(body));
  return concat(sealed, sha256(sealed));
}

/** Throws VAULT_TRUNCATED, VAULT_NOT_A_VAULT, VAULT_VERSION, VAULT_DAMAGED or VAULT_KDF_COST. Trusts nothing yet. */
export function decode(bytes: Uint8Array): Decoded {
  assertPreamble(bytes);
  const end = bytes.length - HASH_BYTES;
  if (end < PREAMBLE_BYTES + HASH_BYTES) throw damaged("too short");
  if (!equal(sha256(bytes.subarray(0, end)), bytes.subarray(end)))
    throw damaged("the checksum does not match");
  const body = bytes.subarray(0, end - HASH_BYTES);
  return {
    file: readFile(new ByteReader(body.subarray(PREAMBLE_BYTES))),
    body,
    mac: bytes.subarray(end - HASH_BYTES, end),
  };
}

/** What the wrapped key's seal authenticates: the vault and the cost of finding its key. */
export const wrapAad = (vaultId: string, kdf: Kdf): Uint8Array =>
  concat(Buffer.from("x402-vault/1/wrap"), Buffer.from(vaultId, "hex"), encodeKdf(kdf));

function assertPreamble(bytes: Uint8Array): void {
  const start = bytes.subarray(0, MAGIC.length);
  if (!equal(start, MAGIC.subarray(0, start.length))) throw new X402Error("VAULT_NOT_A_VAULT");
  if (bytes.length < PREAMBLE_BYTES) throw new X402Error("VAULT_TRUNCATED");
  const preamble = new ByteReader(bytes.subarray(MAGIC.length));
  const version = preamble.uint(2, "version");
  if (version > VERSION) throw new X402Error("VAULT_VERSION", `format ${version}, known is ${VERSION}`);
  if (version < VERSION) throw damaged("no such version");
  const length = preamble.uint(4, "length", MAX_FILE_BYTES);
  if (bytes.length < length) throw new X402Error("VAULT_TRUNCATED", `${bytes.length} of ${length} bytes`);
  if (bytes.length > length) throw damaged("bytes after the end");
}

function readFile(reader: ByteReader): VaultFile {
  const vaultId = Buffer.from(reader.take(16, "vault id")).toString("hex");
  const kdf = readKdf(reader);
  const wrappedKey = Uint8Array.from(reader.take(KEY_BYTES + SEAL_BYTES, "wrapped key"));
  const generation = reader.uint(8, "generation");
  const ledgerId = reader.text(OPTIONAL_LEDGER_ID, "ledger id");
  const count = reader.uint(1, "number of accounts", MAX_ACCOUNTS);
  const accounts = Array.from({ length: count }, () => readAccount(reader));
  const signing = Uint8Array.from(reader.field(2, "signing part"));
  const recovery = Uint8Array.from(reader.field(2, "recovery part"));
  reader.end("vault");
  const header = { vaultId, kdf, generation, ...(LEDGER_ID.test(ledgerId) ? { ledgerId } : {}), accounts };
  return { header, wrappedKey, signing, recovery };
}

const encodeKdf = (kdf: Kdf): Uint8Array =>
  concat(uint(4, kdf.memoryKiB), uint(4, kdf.passes), uint(4, kdf.lanes), kdf.salt);

function readKdf(reader: ByteReader): Kdf {
  const memoryKiB = reader.uint(4, "memory");
  const passes = reader.uint(4, "passes");
  const lanes = reader.uint(4, "lanes");
  assertCost({ memoryKiB, passes, lanes });
  return { memoryKiB, passes, lanes, salt: Uint8Array.from(reader.take(SALT_BYTES, "salt")) };
}

const encodeAccount = (account: Account): Uint8Array[] => [
  text(account.rail, RAIL, "rail"),
  text(account.address, ADDRESS, "address"),
  text(account.origin, ORIGIN, "origin"),
  flag(account.retired),
];

const readAccount = (reader: ByteReader): Account => ({
  rail: reader.text(RAIL, "rail"),
  address: reader.text(ADDRESS, "address"),
  origin: reader.text(ORIGIN, "origin"),
  retired: reader.flag("retired flag"),
});

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
