// The file that unlocks a signer without a person, as x402-vault credential writes it and systemd hands it over.
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Credential, encodeCredential } from "../../vault/credential.ts";
import type { SignerHome } from "./signer.ts";

/** A new one for the home's vault, in place of the last. Returns its path. */
export function writeCredential(
  { folder, vault }: SignerHome,
  limits: Pick<Credential, "spend" | "count"> = {},
): string {
  const file = join(folder, "x402-unlock");
  const { sealed, key } = vault.signingPart();
  using part = key;
  using bytes = encodeCredential({ id: randomBytes(16).toString("hex"), ...limits, key: part, sealed });
  rmSync(file, { force: true });
  bytes.use((all) => {
    writeFileSync(file, all, { mode: 0o400 });
  });
  return file;
}
