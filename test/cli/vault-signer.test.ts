// x402-vault against the real signer: unlock, lock, status; and against whoever else listens in its place.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type Server, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, connectSigner, operatorCall } from "../../client/signer.ts";
import { type Status, headSchema } from "../../protocol/shapes.ts";
import { readHeader } from "../../vault/vault.ts";
import { JUNK_ADDRESS, PASSPHRASE, createJunk, privateFolder } from "../vault/home.ts";
import { type Outcome, environment, vault } from "./vault-command.ts";

const SIGNER = fileURLToPath(new URL("../../bin/x402-signer.ts", import.meta.url));
const base = privateFolder();
let home: string;
let signer: ChildProcess | undefined;
let server: Server | undefined;
let count = 0;

beforeEach(async () => {
  home = join(base, `h${count++}`); // a socket's path is short by nature
  mkdirSync(home, { mode: 0o700 });
  (await createJunk(join(home, "vault.enc"))).close();
  writeFileSync(join(home, "passphrase"), PASSPHRASE, { mode: 0o600 });
});

afterEach(async () => {
  server?.close();
  server = undefined;
  await stop();
});

const socket = () => join(home, "run", "operator.sock");
const run = (...args: string[]): Promise<Outcome> => vault(home, args);
const unlock = (...args: string[]) => run("unlock", "--passphrase-file", join(home, "passphrase"), ...args);
const headOnFile = () => headSchema.parse(JSON.parse(readFileSync(join(home, "head.json"), "utf8")));

async function start(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [SIGNER, ...args], {
    env: environment(home),
    stdio: ["ignore", "ignore", "pipe"],
  });
  signer = child;
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes("locked, listening")) break;
  }
  child.stderr.resume();
}

async function stop(): Promise<void> {
  if (signer?.exitCode !== null) return;
  const gone = once(signer, "exit");
  signer.kill("SIGTERM");
  await gone;
}

async function status(): Promise<Status> {
  const connection = await connectSigner(socket());
  try {
    return await operatorCall(connection, "signer.status", {});
  } finally {
    connection.close();
  }
}

/** Someone else at the socket's place; resolves to what was sent there, once the command is over. */
async function impostor(path: string): Promise<{ received: string }> {
  const seen = { received: "" };
  server = createServer((connection) => {
    connection.on("error", () => undefined);
    connection.on("data", (chunk) => (seen.received += chunk.toString()));
  });
  server.listen(path);
  await once(server, "listening");
  return seen;
}

describe("unlock", () => {
  it("hands the keys over within limits, names the ledger, and keeps its head", async () => {
    await start();
    const begun = Date.now();
    const done = await unlock("--for", "8h", "--spend", "5.00", "--count", "100");
    expect(done.status).toBe(0);
    expect(done.stderr).toContain("for 5.00 USD, for 100 payments");
    expect(done.stderr).toContain("another program of yours could have posed as it");
    expect(done.stderr).toContain("x402-policy init");
    const now = await status();
    expect(now).toMatchObject({ state: "unlocked", unlock: { spendLeft: "5.00", countLeft: 100 } });
    const hours = (Date.parse(now.unlock!.endsAt!) - begun) / 3_600_000;
    expect(hours).toBeGreaterThanOrEqual(8);
    expect(hours).toBeLessThan(8.1);
    expect(readHeader(join(home, "vault.enc"))).toMatchObject({ ledgerId: now.head.ledger, generation: 2 });
    expect(headOnFile()).toEqual(now.head);
  });

  it("needs no limit, can be repeated, and lock ends it", async () => {
    await start();
    expect((await unlock()).stderr).toContain("until x402-vault lock");
    expect((await unlock("--count", "5")).status).toBe(0);
    expect((await status()).unlock).toMatchObject({ countLeft: 5 });
    expect(readHeader(join(home, "vault.enc")).generation).toBe(2);
    const locked = await run("lock");
    expect(locked).toMatchObject({ status: 0, stderr: "The signer is locked.\n" });
    expect((await status()).state).toBe("locked");
    expect(headOnFile()).toEqual((await status()).head);
  });

  it.each([
    ["--for", "8"],
    ["--for", "0h"],
    ["--for", "-1h"],
    ["--for", "8 hours"],
    ["--spend", "0"],
    ["--spend", "-5"],
    ["--spend", "5,00"],
    ["--spend", "1e3"],
    ["--spend", "5.0000001"],
    ["--count", "0"],
    ["--count", "1.5"],
    ["--count", "9999999999"],
  ])("refuses %s %s before it asks or sends anything", async (option, value) => {
    const refused = await run("unlock", `${option}=${value}`);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(`${option} is written such as`);
    expect(readHeader(join(home, "vault.enc")).generation).toBe(1);
  });

  it("with a wrong passphrase changes nothing and sends nothing", async () => {
    await start();
    writeFileSync(join(home, "passphrase"), "not the passphrase");
    const before = readFileSync(join(home, "vault.enc"));
    expect((await unlock()).status).toBe(1);
    expect(readFileSync(join(home, "vault.enc"))).toEqual(before);
    expect((await status()).state).toBe("locked");
  });

  it("says where no signer answers, before it asks for the passphrase", async () => {
    const alone = await run("unlock");
    expect(alone).toMatchObject({ status: 3 });
    expect(alone.stderr).toContain("no signer answers");
    await start();
    await stop();
    expect((await run("unlock")).status).toBe(3);
  });

  it("is refused on another ledger than the vault's, whose head stays on file", async () => {
    await start();
    expect((await unlock()).status).toBe(0);
    await run("lock");
    await stop();
    const head = headOnFile();
    await start("--home", join(home, "another"));
    const refused = await unlock();
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("this vault belongs to another ledger");
    expect((await status()).state).toBe("locked");
    expect((await run("status")).status).toBe(0);
    expect(headOnFile()).toEqual(head);
  });

  it("does not go on with a head on file that cannot be read", async () => {
    await start();
    writeFileSync(join(home, "head.json"), "{}", { mode: 0o600 });
    const refused = await unlock();
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("holds no head");
    expect((await status()).state).toBe("locked");
  });

  it("is refused on a ledger that was rolled back behind the head on file", async () => {
    await start();
    expect((await unlock()).status).toBe(0);
    await stop();
    const head = headOnFile();
    writeFileSync(join(home, "head.json"), JSON.stringify({ ...head, seq: head.seq + 1000 }));
    await start();
    const refused = await unlock();
    expect(refused.status).toBe(4);
    expect(refused.stderr).toContain("the ledger has lost rows");
    expect((await status()).state).not.toBe("unlocked");
  });

  it("of a second wallet is refused before it is bound to this signer's ledger", async () => {
    await start();
    expect((await unlock()).status).toBe(0);
    const second = join(home, "second.enc");
    (await createJunk(second)).close();
    const refused = await unlock("--vault", second);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("a second wallet has a signer of its own");
    expect(readHeader(second).ledgerId).toBeUndefined();
    expect(readHeader(second).generation).toBe(1);
  });

  it("of an old copy of the vault is refused", async () => {
    await start();
    await unlock();
    const old = readFileSync(join(home, "vault.enc"));
    const passphrase = ["--passphrase-file", join(home, "passphrase")];
    await run("rotate", ...passphrase, "--new-passphrase-file", join(home, "passphrase"), "--kdf", "19,2,1");
    expect((await unlock()).status).toBe(0);
    writeFileSync(join(home, "vault.enc"), old);
    const refused = await unlock();
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("old copy");
  });
});

describe("a rotated wallet", () => {
  const rotate = (...args: string[]) => run("rotate", ...args, "--passphrase-file", join(home, "passphrase"));
  const payer = async (): Promise<string | undefined> => {
    const connection = await connectSigner(join(home, "run", "agent.sock"));
    try {
      return (await agentCall(connection, "wallet.addresses", {})).accounts[0]?.address;
    } finally {
      connection.close();
    }
  };

  it("pays from the next unlock on; until then the signer goes on as it was", async () => {
    await start();
    await unlock();
    const done = await rotate("--wallet", "evm");
    const [, fund] = /fund +(0x\w{40})/.exec(done.stdout)!;
    expect(fund).not.toBe(JUNK_ADDRESS);
    expect(await status()).toMatchObject({ state: "unlocked" });
    expect(await payer()).toBe(JUNK_ADDRESS);
    expect((await unlock()).status).toBe(0);
    expect(await payer()).toBe(fund);
  });

  it("with a new data key is the same vault to the signer, and an older copy is refused", async () => {
    await start();
    await unlock();
    const old = readFileSync(join(home, "vault.enc"));
    expect((await rotate("--data-key")).status).toBe(0);
    expect((await unlock()).status).toBe(0);
    expect(await payer()).toBe(JUNK_ADDRESS);
    writeFileSync(join(home, "vault.enc"), old);
    const refused = await unlock();
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("old copy");
    expect((await status()).state).toBe("unlocked");
  });
});

describe("an impostor at the socket's place", () => {
  const lax: [string, () => string][] = [
    ["in a folder that others may write", () => place(0o777, "run/operator.sock")],
    ["in a folder that the group may write", () => place(0o770, "run/operator.sock")],
    ["below a folder that others may write", () => place(0o777, "run/in/operator.sock")],
  ];

  const place = (mode: number, path: string): string => {
    mkdirSync(join(home, path, ".."), { recursive: true, mode: 0o700 });
    chmodSync(join(home, "run"), mode);
    return join(home, path);
  };

  it.each(lax)("%s is sent nothing", async (_, prepare) => {
    const path = prepare();
    const seen = await impostor(path);
    const refused = await unlock("--socket", path);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("the signer's socket cannot be trusted");
    expect((await run("status", "--socket", path)).status).toBe(2);
    expect((await run("lock", "--socket", path)).status).toBe(2);
    expect(seen.received).toBe("");
    expect(readHeader(join(home, "vault.enc")).generation).toBe(1);
  });

  it("behind a linked socket or folder is sent nothing", async () => {
    mkdirSync(join(home, "real"), { mode: 0o700 });
    const seen = await impostor(join(home, "real", "operator.sock"));
    mkdirSync(join(home, "run"), { mode: 0o700 });
    symlinkSync(join(home, "real", "operator.sock"), socket());
    expect((await unlock()).stderr).toContain("is a link");
    renameSync(join(home, "run"), join(home, "gone"));
    symlinkSync(join(home, "real"), join(home, "run"));
    expect((await unlock()).stderr).toContain("is a link");
    expect(seen.received).toBe("");
  });

  it("that is a plain file, or a socket of another user, is sent nothing", async ({ skip }) => {
    mkdirSync(join(home, "run"), { mode: 0o700 });
    writeFileSync(socket(), "");
    expect((await unlock()).stderr).toContain("is not a socket");
    skip(process.geteuid?.() !== 0, "only root can give a socket away");
    const other = join(home, "run", "other.sock");
    const seen = await impostor(other);
    chownSync(other, 12345, 12345);
    expect((await unlock("--socket", other)).stderr).toContain("belongs to user 12345");
    expect(seen.received).toBe("");
  });

  it("is not chosen by the variable that names the agent's socket", async () => {
    const seen = await impostor(join(home, "x.sock"));
    const env = { ...environment(home), X402_SIGNER_SOCK: join(home, "x.sock") };
    const child = spawn(process.execPath, [SIGNER.replace("signer.ts", "vault.ts"), "status"], { env });
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(3);
    expect(seen.received).toBe("");
  });

  it("that hangs up is no signer, and leaves the vault as it was", async () => {
    mkdirSync(join(home, "run"), { mode: 0o700 });
    server = createServer((connection) => connection.destroy()).listen(socket());
    await once(server, "listening");
    expect((await unlock()).status).toBe(3);
    expect(readHeader(join(home, "vault.enc")).generation).toBe(1);
  });
});

describe("status", () => {
  it("shows the vault even when no signer answers", async () => {
    const shown = await run("status");
    expect(shown.status).toBe(3);
    expect(shown.stdout).toContain(JUNK_ADDRESS);
    expect(shown.stderr).toContain("start x402-signer");
  });

  it("shows the signer even when the vault is damaged", async () => {
    await start();
    writeFileSync(join(home, "vault.enc"), "hello");
    const shown = await run("status");
    expect(shown.status).toBe(0);
    expect(shown.stdout).toContain("this file is not a vault");
    expect(shown.stdout).toContain("The signer is locked.");
  });

  it("tells which ledger the vault belongs to, and when the signer's is another", async () => {
    await start();
    expect((await run("status")).stdout).toMatch(/generation 1, of no ledger yet/);
    await unlock();
    const { ledger } = (await status()).head;
    const shown = await run("status");
    expect(shown.stdout).toContain(`generation 2, of ledger ${ledger.slice(0, 8)})`);
    expect(shown.stdout).not.toContain("not the vault's");
    await stop();
    await start("--home", join(home, "another"));
    expect((await run("status")).stdout).toMatch(/^ledger .*, not the vault's: see x402-vault move/m);
  });

  it("tells locked from unlocked, for humans and as JSON", async () => {
    await start();
    expect((await run("status")).stdout).toContain("The signer is locked.");
    await unlock("--spend", "1.50");
    const shown = await run("status");
    expect(shown.stdout).toContain("The signer is unlocked for 1.50 USD.");
    expect(shown.stdout).toContain("none: nothing may be paid");
    const json = await run("status", "--json");
    expect((JSON.parse(json.stdout) as Status).state).toBe("unlocked");
    expect(existsSync(join(home, "head.json"))).toBe(true);
  });
});
