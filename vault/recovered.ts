// Whether a vault can do what it is for: sign for every account it lists, and bring each of them back elsewhere.
import type { Accounts } from "./accounts.ts";
import { IMPORTED } from "./accounts.ts";
import { damaged } from "./bytes.ts";
import { openRecovery, openSigning } from "./content.ts";
import type { Account, VaultFile } from "./format.ts";
import * as recoveryCodec from "./recovery.ts";
import type { Secret } from "./secret.ts";
import * as signingCodec from "./signing.ts";

/**
 * Opens both parts, works out the address of each key again, and recovers every account as the header says where from.
 * Throws VAULT_DAMAGED.
 */
export function assertRecovered(file: VaultFile, dataKey: Secret, accounts: Accounts): void {
  const listed = file.header.accounts;
  const signing = openSigning(file, dataKey);
  const signs = signsFor(signing, listed, accounts);
  signingCodec.wipe(signing);
  const recovery = openRecovery(file, dataKey);
  const recovers = recoversAll(recovery, listed, accounts);
  recoveryCodec.wipe(recovery);
  if (!signs || !recovers) throw damaged("its parts do not belong together");
}

const signsFor = (part: signingCodec.SigningPart, listed: readonly Account[], accounts: Accounts): boolean =>
  part.accounts.length === listed.length &&
  part.accounts.every(({ rail, key, address, retired }, at) => {
    const line = listed[at];
    const same = line?.rail === rail && line.address === address && line.retired === retired;
    return same && accounts.owns(rail, key, address);
  });

function recoversAll(
  { entropy, imports }: recoveryCodec.RecoveryPart,
  listed: readonly Account[],
  accounts: Accounts,
): boolean {
  const owns = (line: Account, { rail, key }: recoveryCodec.ImportedKey): boolean =>
    line.rail === rail && line.origin === IMPORTED && accounts.owns(rail, key, line.address);
  return (
    listed.every((line) =>
      line.origin === IMPORTED ? imports.some((key) => owns(line, key)) : isOfPhrase(line, entropy, accounts),
    ) && imports.every((key) => listed.some((line) => owns(line, key)))
  );
}

function isOfPhrase(
  { rail, origin, address }: Account,
  entropy: Secret | undefined,
  accounts: Accounts,
): boolean {
  const place = accounts.placeOf(rail, origin);
  if (place === undefined || entropy === undefined) return false;
  const derived = accounts.fromPhrase(place.rail, entropy, place.index);
  derived.key.wipe();
  return derived.address === address;
}
