// A vault's file, and what is in it once the data key is known.
import { timingSafeEqual } from "node:crypto";
import { damaged } from "./bytes.ts";
import { type VaultFile, decode, encode } from "./format.ts";
import { label, macOf, subkey } from "./keys.ts";
import * as recoveryCodec from "./recovery.ts";
import { open, seal } from "./seal.ts";
import type { Secret } from "./secret.ts";
import * as signingCodec from "./signing.ts";

/** The file of `bytes`, proved whole: nothing in it was changed without the data key. Throws VAULT_DAMAGED. */
export function verify(bytes: Uint8Array, dataKey: Secret): VaultFile {
  const { file, body, mac } = decode(bytes);
  if (!timingSafeEqual(macOf(dataKey, file.header.vaultId, body), mac)) {
    throw damaged("its header or a part was changed without the passphrase");
  }
  return file;
}

export function openSigning({ header, signing }: VaultFile, dataKey: Secret): signingCodec.SigningPart {
  using key = subkey(dataKey, header.vaultId, "signing");
  using part = open(key, signing, label("signing"));
  if (part === undefined) throw damaged("signing part");
  return part.use(signingCodec.decode);
}

export function openRecovery({ header, recovery }: VaultFile, dataKey: Secret): recoveryCodec.RecoveryPart {
  using key = subkey(dataKey, header.vaultId, "recovery");
  using part = open(key, recovery, label("recovery"));
  if (part === undefined) throw damaged("recovery part");
  return part.use(recoveryCodec.decode);
}

export function sealSigning(part: signingCodec.SigningPart, dataKey: Secret): Uint8Array {
  using key = subkey(dataKey, part.vaultId, "signing");
  using bytes = signingCodec.encode(part);
  return bytes.use((plain) => seal(key, plain, label("signing")));
}

export function sealRecovery(part: recoveryCodec.RecoveryPart, vaultId: string, dataKey: Secret): Uint8Array {
  using key = subkey(dataKey, vaultId, "recovery");
  using bytes = recoveryCodec.encode(part);
  return bytes.use((plain) => seal(key, plain, label("recovery")));
}

/** The bytes of a file, read back before anyone overwrites a good one with them. */
export function sealFile(file: VaultFile, dataKey: Secret): Uint8Array {
  const bytes = encode(file, (body) => macOf(dataKey, file.header.vaultId, body));
  verify(bytes, dataKey);
  return bytes;
}
