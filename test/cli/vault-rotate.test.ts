// x402-vault rotate and import --accounts, as scripts run them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mnemonicToAccount } from "viem/accounts";
import { beforeEach, describe, expect, it } from "vitest";
import { decode } from "../../vault/format.ts";
import { readHeader } from "../../vault/vault.ts";
import { hasPty } from "../counterparts/pty.ts";
import { JUNK, JUNK_ADDRESS, PASSPHRASE, paying, privateFolder } from "../vault/home.ts";
import { CHEAP, atTerminal, environment, vault } from "./vault-command.ts";

const BINARY = fileURLToPath(new URL("../../bin/x402-vault.ts", import.meta.url));
const KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const KEY_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const junkAt = (index: number) => mnemonicToAccount(JUNK, { path: `m/44'/60'/0'/0/${index}` }).address;

const base = privateFolder();
let home: string;
let secrets: string;
let count = 0;

const file = (name: string, content: string): string => {
  const path = join(secrets, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
};
const passphrase = () => ["--passphrase-file", file("passphrase", `${PASSPHRASE}\n`)];
const importJunk = (...more: string[]) =>
  vault(home, ["import", "--from", file("phrase", `${JUNK}\n`), ...passphrase(), ...CHEAP, ...more]);
const importKey = () => vault(home, ["import", "--from", file("key", KEY), ...passphrase(), ...CHEAP]);
const vaultFile = () => join(home, "vault.enc");
const check = (...options: string[]) => vault(home, ["check", vaultFile(), ...options]);
const accounts = (on = "evm") =>
  readHeader(vaultFile())
    .accounts.filter(({ rail }) => rail === on)
    .map(({ address, retired }) => `${address} ${retired ? "retired" : "pays"}`);

beforeEach(() => {
  home = join(base, `home ${count++}`);
  secrets = join(base, `secrets ${count}`);
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(secrets, { mode: 0o700 });
});

describe("rotate", () => {
  it("changes the passphrase and says what that does not do", async () => {
    await importJunk();
    const fresh = file("fresh", "a new passphrase");
    const done = await vault(home, ["rotate", ...passphrase(), "--new-passphrase-file", fresh]);
    expect(done.status).toBe(0);
    expect((await vault(home, ["check", join(home, "vault.enc"), "--no-passphrase"])).stdout).toContain(
      "19 MiB",
    );
    expect(done.stderr).toContain("Copies of the old file still open with the old passphrase");
    const path = join(home, "vault.enc");
    expect((await vault(home, ["check", path, ...passphrase()])).status).toBe(1);
    expect((await vault(home, ["check", path, "--passphrase-file", fresh])).status).toBe(0);
  });

  it("with a wrong passphrase or a bad new one changes nothing", async () => {
    await importJunk();
    const before = readFileSync(join(home, "vault.enc"));
    const wrong = ["--passphrase-file", file("wrong", "not the passphrase")];
    const fresh = ["--new-passphrase-file", file("fresh", "a new passphrase")];
    const refused = await vault(home, ["rotate", ...wrong, ...fresh, ...CHEAP]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toBe("x402-vault: wrong passphrase\n  nothing was changed; try again\n");
    const short = ["--new-passphrase-file", file("short", "short")];
    expect((await vault(home, ["rotate", ...passphrase(), ...short, ...CHEAP])).status).toBe(2);
    expect(readFileSync(join(home, "vault.enc"))).toEqual(before);
    expect(readdirSync(home)).toEqual(["vault.enc"]);
  });

  it("gives a new data key under the same passphrase, and says what that does not do", async () => {
    await importJunk();
    const before = decode(readFileSync(vaultFile())).file;
    const done = await vault(home, ["rotate", "--data-key", ...passphrase()]);
    expect(done).toMatchObject({ status: 0, stdout: "" });
    expect(done.stderr).toContain("sealed anew");
    expect(done.stderr).toContain("unlock again");
    expect(done.stderr).toContain("Copies of the old file still open");
    expect(done.stderr).not.toContain("The passphrase is changed");
    const after = decode(readFileSync(vaultFile())).file;
    expect(after.header).toMatchObject({ generation: 2, vaultId: before.header.vaultId });
    expect(after.recovery).not.toEqual(before.recovery);
    expect((await check(...passphrase())).status).toBe(0);
    const fresh = ["--new-passphrase-file", file("fresh", "a new passphrase")];
    expect((await vault(home, ["rotate", "--data-key", ...passphrase(), ...fresh])).status).toBe(0);
    expect((await check(...passphrase())).status).toBe(1);
    expect((await check("--passphrase-file", join(secrets, "fresh"))).status).toBe(0);
  });

  it("pays from the phrase's next account, names the one to fund and the one to empty, and the paper's line", async () => {
    await importJunk();
    const done = await vault(home, ["rotate", "--wallet", "evm", ...passphrase()]);
    expect(done).toMatchObject({ status: 0, stdout: `fund   ${junkAt(1)}\nempty  ${JUNK_ADDRESS}\n` });
    expect(done.stderr).toContain("Write beside the words: accounts evm=2. They");
    expect(done.stderr).toContain("unlock again");
    expect(done.stderr).toContain("move the money to a new wallet");
    const again = ["rotate", "--wallet", "evm", "--data-key", ...passphrase(), "--kdf", "20,2,1"];
    expect((await vault(home, again)).stdout).toBe(`fund   ${junkAt(2)}\nempty  ${junkAt(1)}\n`);
    expect(accounts()).toEqual([`${junkAt(0)} retired`, `${junkAt(1)} retired`, `${junkAt(2)} pays`]);
    expect(readHeader(vaultFile())).toMatchObject({ generation: 3, kdf: { memoryKiB: 20 * 1024 } });
    expect((await check(...passphrase())).stdout).toContain("whole, and it opens");
  });

  it("gives a vault that was made from a key a phrase first, whose words are kept before it pays", async () => {
    await importKey();
    const words = join(secrets, "words");
    const done = await vault(home, ["rotate", "--wallet", "evm", ...passphrase(), "--words-to", words]);
    expect(done.status).toBe(0);
    expect(statSync(words).mode & 0o777).toBe(0o600);
    const { address } = mnemonicToAccount(readFileSync(words, "utf8").trim());
    expect(done.stdout).toBe(`fund   ${address}\nempty  ${KEY_ADDRESS}\n`);
    expect(done.stderr).toContain("has an account on other rails, too");
    expect(accounts()).toEqual([`${KEY_ADDRESS} retired`, `${address} pays`]);
    expect((await check(...passphrase())).status).toBe(0);
    expect((await vault(home, ["rotate", "--wallet", "evm", ...passphrase()])).stderr).toContain(
      "accounts evm=2.",
    );
  });

  it("that fails leaves the vault as it was, and no words of a phrase that is not in it", async () => {
    await importKey();
    const before = readFileSync(vaultFile());
    mkdirSync(`${vaultFile()}.new`);
    const words = join(secrets, "words");
    const rotate = ["rotate", "--wallet", "evm", "--data-key", ...passphrase(), "--words-to", words];
    expect((await vault(home, rotate)).status).toBe(4);
    expect(readFileSync(vaultFile())).toEqual(before);
    expect(existsSync(words)).toBe(false);
    for (const wrong of [["--wallet", "solana"], ["--wallet"], ["--data-key", "yes"]]) {
      expect((await vault(home, ["rotate", ...wrong, ...passphrase()])).status).toBe(2);
    }
    expect(readFileSync(vaultFile())).toEqual(before);
  });
});

describe("a real file system", () => {
  const canMount = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", base]).status === 0;
  if (!canMount) console.warn("SKIPPED: a full and a read-only file system need a mount namespace (root)");

  const spoilt: [string, string, string][] = [
    ["full", `cat /dev/zero >"$X402_HOME/filler" 2>/dev/null`, "ENOSPC"],
    ["read-only", `mount -o remount,ro "$X402_HOME"`, "EROFS"],
  ];

  it.skipIf(!canMount).each(spoilt)(
    "that is %s: VAULT_WRITE, and the old vault is whole",
    async (_, spoil, code) => {
      await importJunk();
      const [kept, after] = [join(secrets, "kept"), join(secrets, "after")];
      const script = `cp "$X402_HOME/vault.enc" '${kept}' && mount -t tmpfs -o size=64k,mode=700 none "$X402_HOME" &&
      cp -p '${kept}' "$X402_HOME/vault.enc" && chmod 600 "$X402_HOME/vault.enc" || exit 99
      ${spoil}
      "$0" "$@"; status=$?; ls "$X402_HOME" >'${join(secrets, "names")}'
      cat "$X402_HOME/vault.enc" >'${after}'; exit $status`;
      const rotate = [BINARY, "rotate", "--data-key", "--wallet", "evm", ...passphrase()];
      const { status, stderr } = spawnSync(
        "unshare",
        ["-m", "sh", "-c", script, process.execPath, ...rotate],
        {
          env: environment(home),
          encoding: "utf8",
        },
      );
      expect(stderr).toContain(`the vault could not be written: ${code}`);
      expect(status).toBe(4);
      expect(readFileSync(after)).toEqual(readFileSync(kept));
      const names = readFileSync(join(secrets, "names"), "utf8").split("\n").filter(Boolean);
      expect(names.filter((name) => name !== "filler")).toEqual(["vault.enc"]);
    },
  );
});

describe.skipIf(!hasPty)("rotate at a terminal", () => {
  it("asks for the passphrase once when it stays", async () => {
    await importJunk();
    const pty = atTerminal(home, ["rotate", "--data-key", "--wallet", "evm"]);
    await pty.answer("Passphrase: ", PASSPHRASE);
    expect(await pty.status()).toBe(0);
    expect(pty.output).toContain(`fund   ${junkAt(1)}`);
    expect(pty.output).not.toContain("New passphrase");
  });

  it("asks for a new one when told so", async () => {
    await importJunk();
    const pty = atTerminal(home, ["rotate", "--data-key", "--new-passphrase"]);
    await pty.answer("Passphrase: ", PASSPHRASE);
    await pty.answer("New passphrase: ", "a new passphrase");
    await pty.answer("Again: ", "a new passphrase");
    expect(await pty.status()).toBe(0);
    expect((await check("--passphrase-file", file("fresh", "a new passphrase"))).status).toBe(0);
  });

  it("teaches the words of a new phrase before it is in the vault", async () => {
    await importKey();
    const before = readFileSync(vaultFile());
    const pty = atTerminal(home, ["rotate", "--wallet", "evm"]);
    await pty.answer("Passphrase: ", PASSPHRASE);
    await pty.expect("has no recovery phrase");
    await pty.expect("Enter when they are written down");
    expect(readFileSync(vaultFile())).toEqual(before);
    pty.type("\r");
    await pty.expect("Word ");
    pty.type("\x03");
    expect(await pty.status()).toBe(1);
    expect(readFileSync(vaultFile())).toEqual(before);
  });
});

describe("import --accounts", () => {
  it("brings every account of a rotated wallet back from the words and the number beside them", async () => {
    await importJunk();
    for (let n = 0; n < 2; n++) await vault(home, ["rotate", "--wallet", "evm", ...passphrase()]);
    const rotated = accounts();
    home = join(base, `again ${count}`);
    const again = await importJunk("--accounts", "3");
    expect(again).toMatchObject({ status: 0, stdout: paying({ evm: junkAt(2) }) });
    expect(accounts()).toEqual(rotated);
    expect((await check(...passphrase())).status).toBe(0);
    expect((await vault(home, ["rotate", "--wallet", "evm", ...passphrase()])).stdout).toContain(junkAt(3));
  });

  it.each([
    "0",
    "65",
    "63",
    "-1",
    "1.5",
    "many",
    "02",
    "evm=0",
    "evm=02",
    "evm=1,evm=2",
    "btc=1",
    "evm=31,solana=33",
    "evm=2,",
    "2,evm=2",
    "evm",
  ])("refuses %s", async (number) => {
    const refused = await importJunk(`--accounts=${number}`);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("64 in all");
    expect(readdirSync(home)).toEqual([]);
  });

  it("is for a new vault from a phrase", async () => {
    const key = ["import", "--from", file("key", KEY), ...passphrase(), ...CHEAP, "--accounts", "2"];
    expect(await vault(home, key)).toMatchObject({ status: 2, stdout: "" });
    expect(readdirSync(home)).toEqual([]);
    await importJunk();
    const before = readFileSync(vaultFile());
    expect((await vault(home, [...key, "--replace"])).status).toBe(2);
    expect(readFileSync(vaultFile())).toEqual(before);
  });
});
