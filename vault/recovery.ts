// The recovery part: what brings the wallet back elsewhere. It opens only in the command, never in the signer.
import { ByteReader, concat, damaged, text, uint } from "./bytes.ts";
import { MAX_ACCOUNTS, MAX_KEY_BYTES, RAIL } from "./signing.ts";
import { Secret } from "./secret.ts";

const VERSION = 1;
/** BIP-39: 12 to 24 words; none in a vault that was made from a key. */
const ENTROPY_LENGTHS = [0, 16, 20, 24, 28, 32];

export interface ImportedKey {
  readonly rail: string;
  readonly key: Secret;
}

export interface RecoveryPart {
  /** BIP-39 entropy of the phrase. */
  readonly entropy?: Secret;
  readonly imports: readonly ImportedKey[];
}

/** The caller owns the result and wipes it. */
export function encode(part: RecoveryPart): Secret {
  const imports = part.imports.flatMap(({ rail, key }) => [
    text(rail, RAIL, "rail"),
    uint(2, key.length),
    key,
  ]);
  const entropy = part.entropy === undefined ? [uint(1, 0)] : [uint(1, part.entropy.length), part.entropy];
  return Secret.take(concat(uint(1, VERSION), ...entropy, uint(1, part.imports.length), ...imports));
}

/** Copies the secrets out of `bytes`, which stays the caller's to wipe. Throws VAULT_DAMAGED. */
export function decode(bytes: Uint8Array): RecoveryPart {
  const reader = new ByteReader(bytes);
  if (reader.uint(1, "version of the recovery part") !== VERSION) throw damaged("unknown recovery part");
  const entropy = reader.field(1, "phrase");
  if (!ENTROPY_LENGTHS.includes(entropy.length)) throw damaged("phrase length");
  const count = reader.uint(1, "number of imports", MAX_ACCOUNTS);
  const imports = Array.from({ length: count }, () => readImport(reader));
  reader.end("recovery part");
  return { ...(entropy.length === 0 ? {} : { entropy: Secret.copyOf(entropy) }), imports };
}

/** Wipes every secret in it. */
export function wipe(part: RecoveryPart): void {
  part.entropy?.wipe();
  for (const { key } of part.imports) key.wipe();
}

function readImport(reader: ByteReader): ImportedKey {
  const rail = reader.text(RAIL, "rail");
  const key = reader.field(2, "imported key");
  if (key.length === 0 || key.length > MAX_KEY_BYTES) throw damaged("key length");
  return { rail, key: Secret.copyOf(key) };
}
