// x402-vault at a terminal: what is asked, what is shown, and in what state the terminal is left.
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { mnemonicToAccount } from "viem/accounts";
import { hasPty, Pty } from "../counterparts/pty.ts";
import { JUNK, JUNK_ADDRESS, PASSPHRASE, createJunk, privateFolder } from "../vault/home.ts";
import { CHEAP, atTerminal, environment, vault } from "./vault-command.ts";

const BINARY = fileURLToPath(new URL("../../bin/x402-vault.ts", import.meta.url));
const base = privateFolder();
let home: string;
let count = 0;

beforeEach(() => {
  home = join(base, `home ${count++}`);
  mkdirSync(home, { mode: 0o700 });
});

const vaultFile = () => join(home, "vault.enc");
const makeJunk = async () => {
  (await createJunk(vaultFile())).close();
};

/** The 24 words as they stand in the grid. */
const wordsOf = (output: string): string[] =>
  [...output.split("They are shown once.")[1]!.matchAll(/(\d+) ([a-z]+)/g)].map((match) => match[2]!);

const choose = async (pty: Pty, passphrase = PASSPHRASE) => {
  await pty.answer("New passphrase: ", passphrase);
  await pty.answer("Again: ", passphrase);
};

const readWords = async (pty: Pty): Promise<string[]> => {
  await pty.expect("Enter when they are written down");
  const words = wordsOf(pty.output);
  pty.type("\r");
  return words;
};

describe.skipIf(!hasPty)("init at a terminal", () => {
  it("shows 24 words once, asks three of them back, and makes the wallet of those words", async () => {
    const pty = atTerminal(home, ["init", ...CHEAP]);
    await choose(pty);
    const words = await readWords(pty);
    expect(words).toHaveLength(24);
    for (let asked = 0; asked < 3; asked++) {
      await pty.expect("Word ");
      await pty.expect(": ");
      const position = Number(/Word (\d+): $/.exec(pty.output)?.[1]);
      pty.type(`${asked === 1 ? words[position - 1]!.toUpperCase() : words[position - 1]!}\r`);
    }
    expect(await pty.status()).toBe(0);
    expect(pty.output).toContain(mnemonicToAccount(words.join(" ")).address);
    expect(pty.output).not.toContain(PASSPHRASE);
    expect(pty.output).toContain("\x1b[7A\x1b[J"); // the words are rubbed out
    expect(statSync(vaultFile()).mode & 0o777).toBe(0o600);
  });

  /** The same at a terminal of this size. */
  const atSize = (columns: number, rows: number) => {
    const script = `stty cols ${columns} rows ${rows}; exec "$0" "$@"`;
    return new Pty(["/bin/sh", "-c", script, process.execPath, BINARY, "init", ...CHEAP], environment(home));
  };

  it.each([
    [61, 8, 6],
    [60, 24, 8],
    [40, 24, 12],
  ])("shows them so that all can be rubbed out: %i columns, %i lines", async (columns, rows, lines) => {
    const pty = atSize(columns, rows);
    await choose(pty);
    expect(await readWords(pty)).toHaveLength(24);
    await pty.expect(`\x1b[${lines + 1}A\x1b[J`);
    const grid = pty.output
      .split("They are shown once.")[1]!
      .split(/\r?\n/)
      .slice(1, lines + 1);
    expect(Math.max(...grid.map((line) => line.length))).toBeLessThan(columns);
    await pty.expect(": ");
    pty.type("\x03");
    expect(await pty.status()).toBe(1);
  });

  it.each([
    [80, 7],
    [40, 13],
    [30, 50],
  ])("asks for more room before anything else: %i columns, %i lines", async (columns, rows) => {
    const pty = atSize(columns, rows);
    expect(await pty.status()).toBe(2);
    expect(pty.output).toContain(`${columns} columns and ${rows} lines has no room`);
    expect(readdirSync(home)).toEqual([]);
  });

  it("makes nothing when the words are not known", async () => {
    const pty = atTerminal(home, ["init", ...CHEAP]);
    await choose(pty);
    await readWords(pty);
    for (let tries = 0; tries < 3; tries++) {
      await pty.expect("Word ");
      await pty.answer(": ", "nonsense");
    }
    expect(await pty.status()).toBe(1);
    expect(pty.output).toContain("the words were not confirmed");
    expect(readdirSync(home)).toEqual([]);
  });

  it("wants the same passphrase twice, and a long one", async () => {
    const pty = atTerminal(home, ["init", ...CHEAP]);
    await pty.answer("New passphrase: ", PASSPHRASE);
    await pty.answer("Again: ", `${PASSPHRASE}!`);
    await pty.expect("The two differ");
    await choose(pty, "short");
    await pty.expect("too short");
    await choose(pty);
    await pty.expect("24 words");
    await pty.expect("written down");
    pty.type("\x03");
    expect(await pty.status()).toBe(1);
    expect(pty.output).toContain("stopped at your word");
    expect(readdirSync(home)).toEqual([]);
  });
});

describe.skipIf(!hasPty)("a secret that is typed", () => {
  it("is edited as one expects, in UTF-8, and never shown", async () => {
    const pty = atTerminal(home, ["import", "--from", phraseFile(), ...CHEAP]);
    await pty.answer("New passphrase: ", "wrong\x15pässwörtchenß\x7f\x1b[A\x1b[3~\x1bOH\x07x");
    await pty.answer("Again: ", "pässwörtchenx");
    expect(await pty.status()).toBe(0);
    expect(pty.output).toContain(JUNK_ADDRESS);
    expect(pty.output).not.toMatch(/w.rtchen/);
    const file = join(home, "passphrase");
    writeFileSync(file, "pässwörtchenx", { mode: 0o600 });
    expect((await vault(home, ["check", vaultFile(), "--passphrase-file", file])).status).toBe(0);
  });

  it("may be pasted ahead, line by line", async () => {
    await makeJunk();
    const pty = atTerminal(home, ["rotate", ...CHEAP]);
    await pty.expect("Passphrase: ");
    pty.type(`${PASSPHRASE}\ranother one\ranother one\r`);
    expect(await pty.status()).toBe(0);
    expect(pty.output).not.toContain("another one");
  });

  it("goes to the terminal though stdout and stderr are files, and nothing else does", async () => {
    await makeJunk();
    const [out, err] = [join(base, "out"), join(base, "err")];
    const pty = atTerminal(home, ["check", vaultFile()], `>'${out}' 2>'${err}'`);
    await pty.answer("Passphrase: ", PASSPHRASE);
    expect(await pty.status()).toBe(0);
    expect(pty.output.trim()).toBe("Passphrase:");
    expect(readFileSync(out, "utf8")).toContain("whole, and it opens");
    expect(readFileSync(out, "utf8")).not.toContain("\x1b");
    expect(readFileSync(err, "utf8")).toBe("");
  });

  it("too long for a line is refused, not cut", async () => {
    await makeJunk();
    const pty = atTerminal(home, ["check", vaultFile()]);
    await pty.answer("Passphrase: ", "x".repeat(1500));
    expect(await pty.status()).toBe(2);
    expect(pty.output).toContain("up to 1024 bytes");
  });

  it("wrong may be typed again, three times in all", async () => {
    await makeJunk();
    const right = atTerminal(home, ["check", vaultFile()]);
    await right.answer("Passphrase: ", "wrong");
    await right.answer("Try again", "");
    await right.answer("Passphrase: ", PASSPHRASE);
    expect(await right.status()).toBe(0);
    const wrong = atTerminal(home, ["check", vaultFile()]);
    for (let tries = 0; tries < 3; tries++) await wrong.answer("Passphrase: ", "wrong");
    expect(await wrong.status()).toBe(1);
    expect(wrong.output).toContain("wrong passphrase");
  });

  it("of an imported wallet is not shown", async () => {
    const pty = atTerminal(home, ["import", ...CHEAP]);
    await pty.answer("Recovery phrase or private key", JUNK);
    await choose(pty);
    expect(await pty.status()).toBe(0);
    expect(pty.output).toContain(JUNK_ADDRESS);
    expect(pty.output).not.toContain("junk");
  });
});

describe.skipIf(!hasPty)("export", () => {
  it("asks twice and then shows the phrase on the terminal, not on stdout", async () => {
    await makeJunk();
    const out = join(base, "export.out");
    const pty = atTerminal(home, ["export"], `>'${out}'`);
    await pty.answer("Passphrase: ", PASSPHRASE);
    await pty.answer("on this terminal? [y/N] ", "y");
    await pty.answer("Type export to go on: ", "export");
    expect(await pty.status()).toBe(0);
    expect(pty.output).toContain(`phrase ${JUNK}`);
    expect(readFileSync(out, "utf8")).toBe("");
  });

  it.each([
    ["no", ["n"]],
    ["nothing", [""]],
    ["yes, then not the word", ["y", "y"]],
  ])("shows nothing to who says %s", async (_, answers) => {
    await makeJunk();
    const pty = atTerminal(home, ["export"]);
    await pty.answer("Passphrase: ", PASSPHRASE);
    await pty.answer("[y/N] ", answers[0]!);
    if (answers[1] !== undefined) await pty.answer("go on: ", answers[1]);
    expect(await pty.status()).toBe(1);
    expect(pty.output).not.toContain("junk");
  });

  it("writes phrase and imported keys into a new private file", async () => {
    await makeJunk();
    const key = `${"0".repeat(62)}2a`;
    const passphrase = join(home, "passphrase");
    writeFileSync(passphrase, PASSPHRASE, { mode: 0o600 });
    await vault(home, ["import", "--replace", "--from", "-", "--passphrase-file", passphrase], key);
    const to = join(home, "my secrets");
    const pty = atTerminal(home, ["export", "--to", to, "--passphrase-file", passphrase]);
    await pty.answer("[y/N] ", "yes");
    await pty.answer("go on: ", "export");
    expect(await pty.status()).toBe(0);
    expect(statSync(to).mode & 0o777).toBe(0o600);
    const [phrase, account, , , imported] = readFileSync(to, "utf8").trim().split("\n");
    expect(phrase).toBe(`phrase ${JUNK}`);
    expect(account).toBe(`account evm ${JUNK_ADDRESS} m/44'/60'/0'/0/0`);
    expect(imported).toMatch(new RegExp(`^key evm 0x[0-9a-fA-F]{40} ${key}$`));
    expect(pty.output).not.toContain("junk");
    expect(existsSync(`${to}.new`)).toBe(false);
  });
});

function phraseFile(): string {
  const path = join(home, "phrase");
  writeFileSync(path, JUNK, { mode: 0o600 });
  return path;
}
