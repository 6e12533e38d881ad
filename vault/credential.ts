// What unlocks a service without a person: the vault's signing part as it stands in the file, the key that opens it and
// nothing else, and how much may be spent before a person is asked again. It is the plaintext of an encrypted systemd
// credential (systemd.exec(5)); docs/vault-format.md has its format. It holds neither the passphrase nor the recovery
// part.
import { X402Error } from "../protocol/errors.ts";
import { ByteReader, concat, damaged, field } from "./bytes.ts";
import { KEY_BYTES, label } from "./keys.ts";
import { open as openSeal } from "./seal.ts";
import { Secret } from "./secret.ts";
import { type SigningPart, decode as decodeSigning } from "./signing.ts";

const MAGIC = Buffer.from("x402-unlock/1\n");
const ID_BYTES = 16;
/** Larger than any signing part. */
export const MAX_CREDENTIAL_BYTES = 64 * 1024;

export interface Credential {
  /** 16 random bytes in hex. One unlock goes by it, however often the signer restarts. */
  readonly id: string;
  /** Micro-USD, above 0; absent: no limit but the policy's. */
  readonly spend?: bigint;
  /** Payments, above 0. */
  readonly count?: bigint;
  /** Opens `sealed`, and only it. */
  readonly key: Secret;
  /** The vault's signing part as it stands in the file. */
  readonly sealed: Uint8Array;
}

/** The caller wipes it. */
export function encodeCredential({ id, spend = 0n, count = 0n, key, sealed }: Credential): Secret {
  return Secret.take(
    concat(MAGIC, Buffer.from(id, "hex"), uint64(spend), uint64(count), key, field(2, sealed)),
  );
}

/** Copies the key out of `bytes`, which stays the caller's to wipe. Throws VAULT_DAMAGED. */
export function decodeCredential(bytes: Uint8Array): Credential {
  const reader = new ByteReader(bytes);
  if (!MAGIC.equals(reader.take(MAGIC.length, "credential"))) throw damaged("this is no unlock credential");
  const id = Buffer.from(reader.take(ID_BYTES, "id")).toString("hex");
  const spend = bigint(reader.take(8, "spend"));
  const count = bigint(reader.take(8, "count"));
  const key = reader.take(KEY_BYTES, "key");
  const sealed = Uint8Array.from(reader.field(2, "signing part"));
  reader.end("credential");
  return {
    id,
    ...(spend > 0n && { spend }),
    ...(count > 0n && { count }),
    key: Secret.copyOf(key),
    sealed,
  };
}

function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

const bigint = (bytes: Uint8Array): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(0);

/** The keys. The caller wipes them, and the credential. Throws VAULT_DAMAGED. */
export function openCredential({ key, sealed }: Credential): SigningPart {
  using part = openSeal(key, sealed, label("signing"));
  if (part === undefined) throw new X402Error("VAULT_DAMAGED", "the credential's key does not open it");
  return part.use(decodeSigning);
}
