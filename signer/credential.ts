// The unattended unlock: at the start of a service, from what x402-vault credential wrote. A restart goes on with the
// unlock that the same credential began, with what is left of it; what has ended, ended for good.
import { type Stats, closeSync, fstatSync, openSync, readSync } from "node:fs";
import { X402Error } from "../protocol/errors.ts";
import {
  type Credential,
  MAX_CREDENTIAL_BYTES,
  decodeCredential,
  openCredential,
} from "../vault/credential.ts";
import type { Wallet } from "./wallet.ts";

/**
 * Begins or resumes the unlock of the credential in `file`. True when it did, false when there is no such file. Throws
 * VAULT_*, CREDENTIAL_ENDED, LEDGER_* and CLOCK_*; the signer is then locked.
 */
export function unlockUnattended(wallet: Wallet, file: string): boolean {
  const credential = readCredential(file);
  if (!credential) return false;
  using _key = credential.key;
  wallet.unlockUnattended(credential, openCredential(credential));
  return true;
}

function readCredential(file: string): Credential | undefined {
  const bytes = new Uint8Array(MAX_CREDENTIAL_BYTES);
  try {
    return decodeCredential(bytes.subarray(0, readInto(bytes, file)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (error instanceof X402Error) throw error;
    throw new X402Error("VAULT_UNSAFE_FILE", `the credential cannot be read (${code ?? "error"})`);
  } finally {
    bytes.fill(0);
  }
}

/** Length of what was read. systemd's files are 0400 and ours; anybody else's would be his choice of a wallet. */
function readInto(bytes: Uint8Array, file: string): number {
  const fd = openSync(file, "r");
  try {
    assertPrivate(fstatSync(fd));
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(fd, bytes, length, bytes.length - length, null);
    return length;
  } finally {
    closeSync(fd);
  }
}

function assertPrivate(stats: Stats): void {
  const own = stats.uid === process.getuid?.() || stats.uid === 0;
  // systemd may give the reader access by an access list, which shows as the group's bits: reading is then allowed.
  if (!stats.isFile() || !own || (stats.mode & 0o037) !== 0)
    throw new X402Error("VAULT_UNSAFE_FILE", "the credential is not the service's own file");
}
