// x402-vault credential: what it writes unlocks a service, also by way of systemd's own encryption, and holds no
// passphrase.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "../signer/intents.ts";
import { formsIn } from "../signer/secrets.ts";
import { vault } from "./vault-command.ts";

const PASSPHRASE = "correct horse battery staple";
const hasCreds = spawnSync("systemd-creds", ["--version"]).status === 0 && process.getuid?.() === 0;
if (!hasCreds) console.warn("SKIPPED: encrypting a credential takes root and systemd-creds");

let home: SignerHome;
let out: string;
const credential = (...args: string[]) =>
  vault(home.folder, ["credential", "--passphrase-file", "-", ...args], `${PASSPHRASE}\n`);

beforeEach(async () => {
  home = await SignerHome.make();
  out = join(home.folder, "unlock.plain");
  const first = await home.start();
  await first.unlock();
  await first.apply(document());
  await first.close();
});
afterEach(() => {
  home.remove();
});

async function expectUnlocks(file: string, left: string): Promise<void> {
  const signer: Signer = await home.start({ credential: file });
  expect((await signer.status()).unlock?.spendLeft).toBe(left);
  expect(await outcomeOf(signer.sign(intent(left.replace(".", "-"))))).toBe("signed");
  await signer.close();
}

describe("x402-vault credential", () => {
  it("writes a private file that unlocks the signer within its limits", async () => {
    const made = await credential("--out", out, "--spend", "0.50", "--count", "10");
    expect([made.status, made.stdout]).toEqual([0, ""]);
    expect(made.stderr).toContain("Encrypt it");
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const [passphrase, ...keys] = home.secrets();
    const bytes = readFileSync(out);
    expect(formsIn(bytes, [passphrase!])).toEqual([]);
    // The key of the signing part, and no key of an account as it is.
    expect(formsIn(bytes, [keys[0]!])).not.toEqual([]);
    expect(formsIn(bytes, keys.slice(1))).toEqual([]);
    await expectUnlocks(out, "0.50");
    await expectUnlocks(out, "0.49");
  });

  it.skipIf(!hasCreds)("goes through systemd-creds, as a pipe, and comes back as it was", async () => {
    const encrypted = join(home.folder, "x402-unlock.cred");
    const command = `"$0" "$1" credential --out - --spend 0.20 --vault "$2" --passphrase-file "$3" | systemd-creds encrypt --with-key=host --name=x402-unlock - "$4"`;
    const passphrase = join(home.folder, "passphrase");
    writeFileSync(passphrase, PASSPHRASE, { mode: 0o600 });
    const bin = join(import.meta.dirname, "../../bin/x402-vault.ts");
    const file = join(home.folder, "vault.enc");
    execFileSync("sh", ["-c", command, process.execPath, bin, file, passphrase, encrypted], {
      stdio: "pipe",
    });
    expect(formsIn(readFileSync(encrypted), home.secrets())).toEqual([]);
    execFileSync("systemd-creds", ["decrypt", "--name=x402-unlock", encrypted, out], { stdio: "pipe" });
    chmodSync(out, 0o400); // as systemd hands it over
    await expectUnlocks(out, "0.20");
    // Under another name it is refused: a credential cannot be put in another's place.
    expect(spawnSync("systemd-creds", ["decrypt", "--name=other", encrypted, "-"]).status).not.toBe(0);
  });

  it("replaces no file, and wants a vault that names its ledger", async () => {
    writeFileSync(out, "mine");
    expect((await credential("--out", out)).status).toBe(2);
    expect(readFileSync(out, "utf8")).toBe("mine");
    const other = await SignerHome.make();
    const refused = await vault(
      other.folder,
      ["credential", "--passphrase-file", "-", "--out", join(other.folder, "x")],
      `${PASSPHRASE}\n`,
    );
    expect([refused.status, refused.stderr.includes("names no ledger yet")]).toEqual([2, true]);
    other.remove();
  });

  it("refuses limits that are none", async () => {
    for (const limit of [
      ["--spend", "0"],
      ["--spend", "x"],
      ["--count", "0"],
    ])
      expect((await credential("--out", out, ...limit)).status).toBe(2);
  });
});
