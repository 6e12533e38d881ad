// x402-vault without a terminal, as scripts run it: results, exit codes, and that nothing is lost on a wrong input.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mnemonicToAccount } from "viem/accounts";
import { beforeEach, describe, expect, it } from "vitest";
import { JUNK, JUNK_ADDRESS, PASSPHRASE, paying, privateFolder } from "../vault/home.ts";
import { CHEAP, environment, vault } from "./vault-command.ts";

const BINARY = fileURLToPath(new URL("../../bin/x402-vault.ts", import.meta.url));
const KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const KEY_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

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
const importJunk = () =>
  vault(home, ["import", "--from", file("phrase", `${JUNK}\n`), ...passphrase(), ...CHEAP]);

beforeEach(() => {
  home = join(base, `home ${count++}`);
  secrets = join(base, `secrets ${count}`);
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(secrets, { mode: 0o700 });
});

describe("init", () => {
  it("makes a wallet: the address on stdout, the words in a private file, talk on stderr", async () => {
    const words = join(secrets, "words");
    const made = await vault(home, ["init", ...passphrase(), "--words-to", words, ...CHEAP]);
    expect(made.status).toBe(0);
    const phrase = readFileSync(words, "utf8").trim();
    expect(phrase.split(" ")).toHaveLength(24);
    expect(statSync(words).mode & 0o777).toBe(0o600);
    const lines = made.stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.split(/ +/)[0])).toEqual(["evm", "solana", "cardano"]);
    expect(lines[0]).toBe(`evm      ${mnemonicToAccount(phrase).address}`);
    expect(made.stderr).toContain("x402-vault unlock");
    expect(made.stderr + made.stdout).not.toContain(phrase.split(" ")[0]! + " " + phrase.split(" ")[1]!);
    expect(statSync(join(home, "vault.enc")).mode & 0o777).toBe(0o600);
    const shown = await vault(home, ["addresses"]);
    const paths = ["m/44'/60'/0'/0/0", "m/44'/501'/0'/0'", "m/1852'/1815'/0'/0/0"];
    const rows = lines.map((line, at) => [...line.split(/ +/), "pays", paths[at]!]);
    expect(
      shown.stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ +/)),
    ).toEqual(rows);
  });

  it("names the vault in the next step when it is not the one that is taken by itself", async () => {
    const words = ["--words-to", join(secrets, "words")];
    const other = join(home, "another one");
    const made = await vault(home, ["init", "--vault", other, ...passphrase(), ...words, ...CHEAP]);
    expect(made.stderr).toContain(`npx x402-vault unlock --vault '${other}'\n`);
  });

  it("overwrites neither a vault nor a file of words", async () => {
    const words = file("words", "dear diary");
    const refused = await vault(home, ["init", ...passphrase(), "--words-to", words, ...CHEAP]);
    expect(refused.status).toBe(2);
    expect(readFileSync(words, "utf8")).toBe("dear diary");
    expect(readdirSync(home)).toEqual([]);
    await importJunk();
    const before = readFileSync(join(home, "vault.enc"));
    const again = await vault(home, ["init", ...passphrase(), "--words-to", join(secrets, "new"), ...CHEAP]);
    expect(again.status).toBe(2);
    expect(again.stderr).toContain("there is a vault already");
    expect(existsSync(join(secrets, "new"))).toBe(false);
    expect(readFileSync(join(home, "vault.enc"))).toEqual(before);
  });

  it("leaves no words behind when the vault cannot be made", async () => {
    const words = join(secrets, "words");
    const init = ["init", ...passphrase(), "--words-to", words, ...CHEAP];
    chmodSync(home, 0o755);
    const lax = await vault(home, init);
    expect(lax.status).toBe(2);
    expect(lax.stderr).toContain("mode 755");
    expect(existsSync(words)).toBe(false);
    chmodSync(home, 0o700);
    mkdirSync(join(home, "vault.enc.new"));
    const full = await vault(home, init);
    expect(full.status).toBe(4);
    expect(full.stderr).toContain("the vault could not be written");
    expect(existsSync(words)).toBe(false);
    expect(readdirSync(home)).toEqual(["vault.enc.new"]);
  });

  it.each([
    ["a short passphrase", "short\n", "at least 8"],
    ["an empty one", "\n", "is empty"],
    ["one without end", "x".repeat(5000), "has over 4096 bytes"],
  ])("refuses %s", async (_, content, message) => {
    const refused = await vault(home, [
      "init",
      "--passphrase-file",
      file("p", content),
      "--words-to",
      join(secrets, "w"),
    ]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(message);
    expect(readdirSync(home)).toEqual([]);
    expect(existsSync(join(secrets, "w"))).toBe(false);
  });

  it("takes the passphrase from stdin, and says what is wrong with a closed one", async () => {
    const options = ["init", "--passphrase-file", "-", ...CHEAP, "--words-to"];
    expect((await vault(home, [...options, join(secrets, "a")], PASSPHRASE)).status).toBe(0);
    const other = join(base, `other ${count}`);
    const closed = spawnSync(
      "/bin/sh",
      [
        "-c",
        'exec "$@" <&-',
        "sh",
        process.execPath,
        fileURLToPath(new URL("../../bin/x402-vault.ts", import.meta.url)),
        ...options,
        join(secrets, "b"),
      ],
      { env: environment(other), encoding: "utf8" },
    );
    expect(closed.status).toBe(2);
    expect(closed.stderr).toContain("x402-vault: wrong use");
    expect(existsSync(other)).toBe(false);
  });

  it("refuses an absurd cost, in the words of the option", async () => {
    for (const cost of ["1,1,1", "4096,3,4", "256,3", "256,99,1", "a,b,c", "256,3,4,5", "2048,16,8"]) {
      const refused = await vault(home, ["init", "--kdf", cost]);
      expect(refused.status).toBe(2);
      expect(refused.stderr).toContain("19 to 2048 MiB");
    }
  });
});

describe("import", () => {
  it("makes a vault from a phrase or from a key, whichever it is given", async () => {
    const phrase = await importJunk();
    expect(phrase).toMatchObject({ status: 0, stdout: paying() });
    for (const key of [KEY, `0x${KEY}`, `0X${KEY.toUpperCase()}\n`, `  ${KEY}  \n`]) {
      const path = join(home, `from a key ${count++}.enc`);
      const args = ["import", "--from", "-", "--vault", path, ...passphrase(), ...CHEAP];
      expect(await vault(home, args, key)).toMatchObject({ status: 0, stdout: `evm  ${KEY_ADDRESS}\n` });
    }
  });

  it.each([
    ["a wrong word", JUNK.replace("junk", "jnuk"), "word 12 is not in the list"],
    ["a wrong order", JUNK.replace("test junk", "junk test"), "do not belong together"],
    ["half a key", KEY.slice(32), "neither 12 to 24 words nor a private key"],
    ["eleven words", JUNK.slice(5), "it has 11 words"],
    ["a key of zeros", "0".repeat(64), "not zero"],
    ["no hex", `${KEY.slice(1)}g`, "neither"],
    ["nothing", "", "is empty"],
  ])("refuses %s and makes nothing", async (_, input, message) => {
    const refused = await vault(home, ["import", "--from", "-", ...passphrase(), ...CHEAP], input);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(message);
    expect(refused.stderr).not.toMatch(/jnuk|59c6/);
    expect(readdirSync(home)).toEqual([]);
  });

  it("takes no secret from the command line", async () => {
    const refused = await vault(home, ["import", ...JUNK.split(" ")]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("shell's history");
    expect(refused.stderr).not.toContain("junk");
  });

  it("changes who pays only when told to, and keeps the account before", async () => {
    await importJunk();
    const path = join(home, "vault.enc");
    const before = readFileSync(path);
    const key = ["import", "--from", file("key", KEY), ...passphrase()];
    const refused = await vault(home, key);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(JUNK_ADDRESS);
    expect(readFileSync(path)).toEqual(before);
    const second = await vault(home, [
      "import",
      "--replace",
      "--from",
      file("phrase", JUNK),
      ...passphrase(),
    ]);
    expect(second.status).toBe(2);
    expect(second.stderr).toContain("one phrase");
    expect(readFileSync(path)).toEqual(before);
    expect(await vault(home, [...key, "--replace"])).toMatchObject({
      status: 0,
      stdout: `evm  ${KEY_ADDRESS}\n`,
    });
    const { stdout } = await vault(home, ["addresses"]);
    expect(stdout).toMatch(new RegExp(`${JUNK_ADDRESS} +retired`));
    expect(stdout).toMatch(new RegExp(`${KEY_ADDRESS} +pays +imported`));
    expect((await vault(home, ["check", path, ...passphrase()])).status).toBe(0);
  });

  it("reads one thing from stdin", async () => {
    const refused = await vault(home, ["import", "--from", "-", "--passphrase-file", "-"], KEY);
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.stderr).toContain("not both");
  });
});

describe("a file with a secret", () => {
  const args = (from: string, passphraseFile: string) => {
    return ["import", "--from", from, "--passphrase-file", passphraseFile, ...CHEAP];
  };

  it.each([0o644, 0o640, 0o604, 0o620])(
    "that others may reach is refused, with what to do: mode %i",
    async (mode) => {
      const [phrase, pass] = [file("phrase", JUNK), file("passphrase", PASSPHRASE)];
      for (const lax of [phrase, pass]) {
        chmodSync(lax, mode);
        const refused = await vault(home, args(phrase, pass));
        expect(refused.status).toBe(2);
        expect(refused.stderr).toContain("in a file that others can read");
        expect(refused.stderr).toContain(`chmod 600 ${lax}`);
        chmodSync(lax, 0o600);
      }
      expect(readdirSync(home)).toEqual([]);
      chmodSync(phrase, 0o644);
      const stdin = spawnSync(
        "sh",
        ["-c", 'exec "$0" "$@" <"$PHRASE"', process.execPath, BINARY, ...args("-", pass)],
        {
          env: { ...environment(home), PHRASE: phrase },
          encoding: "utf8",
        },
      );
      expect(stdin.stderr).toContain("in a file that others can read");
      expect(readdirSync(home)).toEqual([]);
    },
  );

  it("may be a link to a private one, or a pipe", async () => {
    const link = join(secrets, "link");
    symlinkSync(file("passphrase", PASSPHRASE), link);
    expect((await vault(home, args("-", link), JUNK)).status).toBe(0);
    const check = ["bash", "-c", `exec "$0" "$@" --passphrase-file <(printf %s '${PASSPHRASE}')`];
    const piped = spawnSync(
      check[0]!,
      [...check.slice(1), process.execPath, BINARY, "check", join(home, "vault.enc")],
      {
        env: environment(home),
        encoding: "utf8",
      },
    );
    expect(piped.stdout).toContain("whole, and it opens");
  });

  it("of another user is refused", async ({ skip }) => {
    skip(process.geteuid?.() !== 0, "only root can give a file away");
    const pass = file("passphrase", PASSPHRASE);
    chownSync(pass, 12345, 12345);
    const refused = await vault(home, args("-", pass), JUNK);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("belongs to user 12345");
  });
});

describe("a full disk", () => {
  const atShell = (limit: string, args: readonly string[], redirect = "") => {
    const survive = new URL("../signer/survive-xfsz.ts", import.meta.url).href;
    const script = `${limit}; exec "$0" --import "$@" ${redirect}`;
    const argv = ["-c", script, process.execPath, survive, BINARY, ...args];
    return spawnSync("sh", argv, { env: environment(home), encoding: "utf8" });
  };

  it.each([0, 1])("that takes %i blocks is said, and nothing is left on it", (blocks) => {
    const args = ["import", "--from", file("phrase", `${JUNK}\n`), ...passphrase(), ...CHEAP];
    const { status, stderr } = atShell(`ulimit -f ${blocks}`, args);
    expect(stderr).toContain("the vault could not be written: EFBIG");
    expect(status).toBe(4);
    expect(readdirSync(home)).toEqual([]);
  });

  it("under the output is a line and a status, not a stack", async () => {
    await importJunk();
    const { status, stderr } = atShell(":", ["addresses"], ">/dev/full");
    expect(stderr).toBe(
      "x402-vault: something went wrong inside: the output cannot be written (ENOSPC)\n  check where it goes\n",
    );
    expect(status).toBe(4);
  });
});

describe("check", () => {
  it("proves a copy under any name, and reads the file's own words without a passphrase", async () => {
    await importJunk();
    const copy = join(home, "a copy of it.bak");
    writeFileSync(copy, readFileSync(join(home, "vault.enc")), { mode: 0o600 });
    const deep = await vault(home, ["check", copy, ...passphrase()]);
    expect(deep.status).toBe(0);
    expect(deep.stdout).toContain("whole, and it opens");
    const shallow = await vault(home, ["check", copy, "--no-passphrase"]);
    expect(shallow.stdout).toContain(JUNK_ADDRESS);
    expect(shallow.stdout).toContain("only the passphrase proves the rest");
  });

  const spoilt: [string, (bytes: Uint8Array) => Uint8Array, number, string][] = [
    ["cut short", (b) => b.subarray(0, 300), 2, "cut short"],
    ["flipped", (b) => b.with(200, b[200]! ^ 1), 2, "damaged"],
    ["of a newer version", (b) => b.with(17, 2), 2, "newer version"],
    ["something else", () => Buffer.from("hello"), 2, "not a vault"],
  ];

  it.each(spoilt)("names what is wrong with a file that is %s", async (_, spoil, status, message) => {
    await importJunk();
    const path = join(home, "vault.enc");
    writeFileSync(path, spoil(new Uint8Array(readFileSync(path))));
    const before = readFileSync(path);
    for (const args of [["check", path], ["addresses"], ["unlock"], ["export"], ["rotate"]]) {
      const refused = await vault(home, [...args, ...(args[0] === "addresses" ? [] : passphrase())]);
      expect(refused.status).toBe(status);
      expect(refused.stderr).toContain(message);
      expect(refused.stdout).toBe("");
    }
    expect(readFileSync(path)).toEqual(before);
  });

  it("refuses a lax file, and a vault that is not there", async () => {
    expect(await vault(home, ["addresses"])).toMatchObject({ status: 2, stdout: "" });
    for (const args of [
      ["check", "/nope"],
      ["addresses", "--vault", "/nope"],
      ["export", "--vault", "/nope"],
    ]) {
      const none = await vault(home, args);
      expect([none.status, none.stderr]).toEqual([
        2,
        expect.stringContaining("there is no vault here: /nope"),
      ]);
    }
    await importJunk();
    chmodSync(join(home, "vault.enc"), 0o644);
    const lax = await vault(home, ["addresses"]);
    expect(lax.status).toBe(2);
    expect(lax.stderr).toContain("has mode 644, not 600");
  });
});

describe("wrong use", () => {
  it.each([[[]], [["bogus"]], [["init", "--bogus"]], [["check"]], [["addresses", "extra"]]])(
    "of the command line is 2, on stderr: %s",
    async (args) => {
      const outcome = await vault(home, args);
      expect(outcome.status).toBe(2);
      expect(outcome.stdout).toBe("");
      expect(outcome.stderr).not.toBe("");
      expect(readdirSync(home)).toEqual([]);
    },
  );

  it("is not asking for help", async () => {
    for (const args of [["--help"], ["unlock", "--help"]]) {
      const outcome = await vault(home, args);
      expect(outcome.status).toBe(0);
      expect(outcome.stdout).toContain("Usage: x402-vault");
    }
  });

  it("without a terminal to ask on says what to do instead", async () => {
    await importJunk();
    for (const args of [
      ["init", "--vault", join(home, "other")],
      ["import", "--vault", join(home, "other")],
      ["rotate"],
      ["export"],
    ]) {
      const outcome = await vault(home, args);
      expect(outcome.status).toBe(2);
      expect(outcome.stderr).toContain("there is no terminal to ask on");
    }
    const piped = await vault(home, ["export", ...passphrase()]);
    expect(piped.status).toBe(2);
    expect(piped.stdout + piped.stderr).not.toContain("junk");
  });

  it("of a path with control characters cannot drive the terminal", async () => {
    const outcome = await vault(home, ["addresses", "--vault", join(home, "a\x1b[2Jb\u202ec")]);
    expect(outcome.status).toBe(2);
    expect(outcome.stderr).toContain("a\\u{1b}[2Jb\\u{202e}c");
    expect(outcome.stderr).not.toContain("\x1b");
  });
});
