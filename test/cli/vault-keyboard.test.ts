// In what state x402-vault keeps the terminal while it asks, and in what state it leaves it.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_COST } from "../../vault/kdf.ts";
import { entropyOf } from "../../vault/phrase.ts";
import { create } from "../../vault/vault.ts";
import { hasPty, Pty } from "../counterparts/pty.ts";
import { JUNK, PASSPHRASE, ascii, createJunk, privateFolder } from "../vault/home.ts";
import { CHEAP, environment, vault } from "./vault-command.ts";

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

describe.skipIf(!hasPty)("the terminal", () => {
  /** A shell that runs the command in the foreground and then tells in what state it finds the terminal. */
  const shell = (...args: string[]) => {
    const script = 'trap : INT; "$0" "$@"; echo "status=$?"; stty -a; echo over';
    return new Pty(["/bin/sh", "-c", script, process.execPath, BINARY, ...args], environment(home));
  };
  const isSane = async (pty: Pty) => {
    await pty.expect("over");
    expect(pty.output).toMatch(/[^-]icanon/);
    expect(pty.output).toMatch(/[^-]isig/);
    expect(pty.output).toMatch(/ echo /);
  };

  it.each([
    ["an answer", `${PASSPHRASE}\r`, 0],
    ["Ctrl-C", "half a passphrase\x03", 1],
    ["Ctrl-D", "\x04", 1],
  ])("is left as it was found after %s", async (_, keys, status) => {
    await makeJunk();
    const pty = shell("check", vaultFile());
    await pty.expect("Passphrase: ");
    pty.type(keys);
    await pty.expect(`status=${status}`);
    await isSane(pty);
    expect(pty.output).not.toContain("half");
  });

  it.each(["INT", "TERM", "HUP", "QUIT"])(
    "is left as it was found after SIG%s from elsewhere",
    async (signal) => {
      await makeJunk();
      const script = `trap : INT; "$0" "$@" & pid=$!; echo "pid=$pid"; wait $pid; stty -a; echo over`;
      const argv = ["/bin/sh", "-c", script, process.execPath, BINARY, "check", vaultFile()];
      const pty = new Pty(argv, environment(home));
      await pty.expect("Passphrase: ");
      const pid = Number(/pid=(\d+)/.exec(pty.output)?.[1]);
      process.kill(pid, `SIG${signal}` as NodeJS.Signals);
      await isSane(pty);
    },
  );

  it("that is taken away ends the command, and changes nothing", async () => {
    await makeJunk();
    const before = readFileSync(vaultFile());
    const pidFile = join(base, "hangup.pid");
    const script = `echo $$ >'${pidFile}'; exec "$0" "$@"`;
    const argv = ["/bin/sh", "-c", script, process.execPath, BINARY, "rotate"];
    const pty = new Pty(argv, environment(home));
    await pty.expect("Passphrase: ");
    pty.hangUp();
    await pty.status();
    const pid = Number(readFileSync(pidFile, "utf8"));
    await goneFrom(pid);
    expect(readFileSync(vaultFile())).toEqual(before);
  });

  describe("between two questions", () => {
    /** A key derivation that takes long enough to type while it runs. */
    const dear = async () => {
      const wallet = { entropy: entropyOf(ascii(JUNK)) };
      (await create(vaultFile(), ascii(PASSPHRASE), { wallet, cost: DEFAULT_COST })).close();
      return readFileSync(vaultFile());
    };

    it("echoes nothing, and keeps what is typed for the next one", async () => {
      await dear();
      const pty = shell("rotate", ...CHEAP);
      await pty.answer("Passphrase: ", PASSPHRASE);
      await pty.expect("\n");
      pty.type("typed while it works\rtyped while it works\r");
      await pty.expect("status=0");
      await isSane(pty);
      expect(pty.output).not.toContain("typed while");
      const file = join(home, "passphrase");
      writeFileSync(file, "typed while it works", { mode: 0o600 });
      expect((await vault(home, ["check", vaultFile(), "--passphrase-file", file])).status).toBe(0);
    });

    it("ends on Ctrl-C, as it was found", async () => {
      const before = await dear();
      const pty = shell("rotate", ...CHEAP);
      await pty.answer("Passphrase: ", PASSPHRASE);
      await pty.expect("\n");
      pty.type("more\x03");
      await pty.expect("status=130");
      await isSane(pty);
      expect(pty.output).not.toContain("more");
      expect(readFileSync(vaultFile())).toEqual(before);
    });
  });

  it("echoes nothing again when a shell goes on with a command that it had stopped", async () => {
    await makeJunk();
    const script = 'tty; "$0" "$@" & pid=$!; echo "pid=$pid"; wait $pid; stty -a; echo over';
    const argv = ["/bin/sh", "-c", script, process.execPath, BINARY, "check", vaultFile()];
    const pty = new Pty(argv, environment(home));
    await pty.expect("Passphrase: ");
    const pid = Number(/pid=(\d+)/.exec(pty.output)?.[1]);
    const stty = (...modes: string[]) =>
      spawnSync("stty", ["-F", /\/dev\/\S+/.exec(pty.output)![0], ...modes], { encoding: "utf8" });
    process.kill(pid, "SIGSTOP");
    expect(stty("echo", "icanon", "isig").status).toBe(0); // as a shell does for itself
    process.kill(pid, "SIGCONT");
    while (!stty("-a").stdout.includes("-echo ")) await new Promise((resolve) => setImmediate(resolve));
    pty.type(`${PASSPHRASE}\r`);
    await isSane(pty);
    expect(pty.output).not.toContain("horse");
  });
});

/** Resolves once the process is gone; asks the kernel between turns of the event loop. */
async function goneFrom(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
