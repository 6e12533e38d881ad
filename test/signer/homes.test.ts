// Two signers on one home, folders that are not private, sockets that are somebody's.
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type Server, createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectSigner, operatorCall } from "../../client/signer.ts";
import { type Code, entryOf } from "../../protocol/errors.ts";
import { startDaemon } from "../../signer/daemon.ts";
import { readHeader } from "../../vault/vault.ts";
import { COMMAND, SignerHome, StartFailed } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { document, intent } from "./intents.ts";

let home: SignerHome;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  home = await SignerHome.make();
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  home.remove();
});

/** The way in which the process did not start. */
async function refusal(args: readonly string[] = [], entry?: string): Promise<StartFailed> {
  const failed = await home
    .spawn({ args, ...(entry !== undefined && { entry }) })
    .catch((error: unknown) => error);
  if (failed instanceof StartFailed) return failed;
  throw new Error("it started");
}

function expectRefused({ exit, output }: StartFailed, code: Code): void {
  expect(output).toContain(`x402-signer: ${entryOf(code).text}`);
  expect(exit).toBe(entryOf(code).exit);
}

const startCode = (): Promise<string> =>
  codeOf(async () => {
    await (await home.start()).close();
  });

async function listenAt(path: string): Promise<Server> {
  const server = createServer().listen(path);
  await once(server, "listening");
  closing.push(() => server.close());
  return server;
}

describe("a second signer", () => {
  it("on the same home refuses with HOME_IN_USE, and the first goes on", async () => {
    const first = await home.spawn();
    closing.push(() => first.close());
    await first.unlock();
    await first.apply(document());
    const elsewhere = mkdtempSync(join(realpathSync(tmpdir()), "x402-run-"));
    closing.push(() => {
      rmSync(elsewhere, { recursive: true });
    });
    expectRefused(await refusal(), "HOME_IN_USE");
    expectRefused(await refusal(["--sockets", elsewhere]), "HOME_IN_USE");
    expect(await first.sign(intent(1))).toMatchObject({ outcome: "signed" });
  });

  it("on another home with the same socket folder refuses with SOCKET_IN_USE", async () => {
    const first = await home.spawn();
    closing.push(() => first.close());
    await first.unlock();
    await first.apply(document());
    const other = await SignerHome.make();
    closing.push(() => {
      other.remove();
    });
    expectRefused(await refusal(["--home", other.state]), "SOCKET_IN_USE");
    expect(await first.sign(intent(1))).toMatchObject({ outcome: "signed" });
  });

  it("in the same process refuses, and its failure does not lose the first one's lock", async () => {
    const first = await home.start();
    closing.push(() => first.close());
    const options = { home: home.state, sockets: home.sockets };
    expect(await codeOf(() => startDaemon(options))).toBe("HOME_IN_USE");
    expect(await codeOf(() => startDaemon({ ...options, home: `${home.state}2` }))).toBe("SOCKET_IN_USE");
    expectRefused(await refusal(), "HOME_IN_USE");
    expectRefused(await refusal(["--home", `${home.state}3`]), "SOCKET_IN_USE");
  });

  it("of eight that start at once exactly one runs", async () => {
    const started = await Promise.allSettled([...Array(8).keys()].map(() => home.spawn()));
    const running = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    closing.push(() => running[0]?.close());
    expect(running).toHaveLength(1);
    for (const one of started) {
      if (one.status === "rejected") expectRefused(one.reason as StartFailed, "HOME_IN_USE");
    }
  });

  it("starts when the first is gone, stopped or killed", async () => {
    await (await home.spawn()).close();
    const killed = await home.spawn();
    await killed.kill();
    killed.disconnect();
    const third = await home.spawn();
    closing.push(() => third.close());
    expect((await third.status()).state).toBe("locked");
  });
});

describe("the ledger's file", () => {
  it("is the signer's alone while it runs: nobody's lock or look can end it", async () => {
    const signer = await home.spawn();
    closing.push(() => signer.close());
    await signer.unlock();
    await signer.apply(document());
    const other = new DatabaseSync(join(home.state, "ledger.db"));
    for (const sql of ["BEGIN IMMEDIATE", "SELECT count(*) FROM audit", "DELETE FROM counters"]) {
      expect(() => {
        other.prepare(sql).all();
      }).toThrow("database is locked");
    }
    expect(await signer.sign(intent(1))).toMatchObject({ outcome: "signed" });
    other.close();
    expect(await signer.sign(intent(2))).toMatchObject({ outcome: "signed" });
  });

  it("that another program has open is not called damaged", async () => {
    await (await home.start()).close();
    const other = new DatabaseSync(join(home.state, "ledger.db"));
    other.exec("BEGIN; SELECT count(*) FROM audit");
    expectRefused(await refusal(), "HOME_IN_USE");
    other.close();
    await (await home.start()).close();
  });
});

describe("a socket's file", () => {
  it("of a killed signer is replaced", async () => {
    const first = await home.spawn();
    await first.kill();
    first.disconnect();
    expect(lstatSync(first.socketOf()).isSocket()).toBe(true);
    expect(await codeOf(() => connectSigner(first.socketOf()))).toBe("SIGNER_UNREACHABLE");
    const second = await home.spawn();
    closing.push(() => second.close());
    const agent = await connectSigner(second.socketOf());
    agent.close();
  });

  it("goes when the signer stops", async () => {
    const signer = await home.spawn();
    await signer.close();
    expect(existsSync(signer.socketOf())).toBe(false);
    expect(existsSync(join(home.sockets, "operator.sock"))).toBe(false);
  });

  it("on which somebody answers is never removed", async () => {
    mkdirSync(home.sockets, { mode: 0o700 });
    const path = join(home.sockets, "agent.sock");
    await listenAt(path);
    expectRefused(await refusal(), "SOCKET_IN_USE");
    const probe = createConnection(path);
    await once(probe, "connect");
    probe.destroy();
  });

  it("of somebody who is too busy to answer is never removed", async () => {
    mkdirSync(home.sockets, { mode: 0o700 });
    const path = join(home.sockets, "agent.sock");
    // Listens, and is stopped before it accepts anything: the kernel's queue fills up.
    const script = `require("net").createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => process.kill(process.pid, "SIGSTOP"))`;
    const busy = spawn(process.execPath, ["-e", script]);
    closing.push(() => busy.kill("SIGKILL"));
    const connected: ReturnType<typeof createConnection>[] = [];
    closing.push(() => {
      for (const one of connected) one.destroy();
    });
    const stopped = (): boolean => readFileSync(`/proc/${busy.pid}/stat`, "utf8").includes(") T ");
    while (!stopped()) await new Promise(setImmediate);
    for (;;) {
      const client = createConnection(path);
      connected.push(client);
      const error = await new Promise((resolve) => {
        client.once("connect", () => {
          resolve(undefined);
        });
        client.once("error", resolve);
      });
      if (error !== undefined) {
        expect(error).toMatchObject({ code: "EAGAIN" });
        break;
      }
    }
    expectRefused(await refusal(), "SOCKET_IN_USE");
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  it.each(["agent.sock", "operator.sock"])("that is a file or a link stays: %s", async (name) => {
    mkdirSync(home.sockets, { mode: 0o700 });
    const path = join(home.sockets, name);
    writeFileSync(path, "mine");
    expectRefused(await refusal(), "SOCKET_IN_USE");
    expect(readFileSync(path, "utf8")).toBe("mine");
    rmSync(path);
    symlinkSync(join(home.folder, "elsewhere.sock"), path);
    expectRefused(await refusal(), "SOCKET_IN_USE");
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });
});

describe("the folders", () => {
  it.each([0o750, 0o707, 0o701, 0o777, 0o710])("with mode %i are refused", async (mode) => {
    for (const folder of [home.state, home.sockets]) {
      mkdirSync(folder);
      chmodSync(folder, mode);
      expect(await startCode()).toBe("UNSAFE_HOME");
      rmSync(folder, { recursive: true });
    }
  });

  it("that are links or files are refused", async () => {
    const target = join(home.folder, "target");
    mkdirSync(target, { mode: 0o700 });
    for (const folder of [home.state, home.sockets]) {
      symlinkSync(target, folder);
      expect(await startCode()).toBe("UNSAFE_HOME");
      rmSync(folder);
      writeFileSync(folder, "");
      expect(await startCode()).toBe("UNSAFE_HOME");
      rmSync(folder);
    }
  });

  it("that lie behind a link, or below a folder that others may change, are refused as the vault's are", async () => {
    const [real, link] = [join(home.folder, "real"), join(home.folder, "link")];
    mkdirSync(join(real, "state"), { recursive: true, mode: 0o700 });
    symlinkSync(real, link);
    for (const option of ["--home", "--sockets"]) {
      expectRefused(await refusal([option, join(link, "state")], COMMAND), "UNSAFE_HOME");
      expectRefused(await refusal([option, join(link, "new", "state")], COMMAND), "UNSAFE_HOME");
      chmodSync(real, 0o777);
      expectRefused(await refusal([option, join(real, "state")], COMMAND), "UNSAFE_HOME");
      chmodSync(real, 0o700);
    }
    expect(readdirSync(join(real, "state"))).toEqual([]);
    expect(await codeOf(() => readHeader(join(link, "vault.enc")))).toBe("VAULT_UNSAFE_FILE");
  });

  it("that are not private end the process with the code's status", async () => {
    mkdirSync(home.state, { mode: 0o755 });
    expectRefused(await refusal(), "UNSAFE_HOME");
  });

  it("that cannot be made are a fault, not wrong use", async () => {
    const file = join(home.folder, "file");
    writeFileSync(file, "");
    expectRefused(await refusal(["--home", join(file, "state")]), "LEDGER_WRITE");
    expectRefused(await refusal(["--frobnicate"]), "USAGE");
  });

  it("whose lock cannot be taken for another reason than another signer are not called in use", async () => {
    mkdirSync(join(home.state, "lock"), { recursive: true, mode: 0o700 });
    expectRefused(await refusal(), "LEDGER_WRITE");
    rmSync(join(home.state, "lock"), { recursive: true });
    writeFileSync(join(home.state, "lock"), "no database ".repeat(1000));
    expectRefused(await refusal(), "LEDGER_WRITE");
  });

  it("are made private, whatever the umask, and so is everything in them", async () => {
    const before = process.umask(0);
    const started = home.spawn();
    process.umask(before);
    const signer = await started;
    closing.push(() => signer.close());
    const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    for (const folder of [home.state, home.sockets]) expect(modeOf(folder)).toBe("700");
    for (const name of ["agent.sock", "operator.sock"]) expect(modeOf(join(home.sockets, name))).toBe("600");
    for (const name of ["ledger.db", "head", "lock"]) expect(modeOf(join(home.state, name))).toBe("600");
  });

  it("are two: sockets are for others to reach, the state is not", async () => {
    expectRefused(await refusal(["--home", home.sockets]), "USAGE");
    mkdirSync(home.state, { mode: 0o700, recursive: true });
    expectRefused(await refusal(["--sockets", `${home.folder}/run/../state`]), "USAGE");
  });

  it("have room for a socket's path, or the signer says which path is too long", async () => {
    const long = join(home.folder, "x".repeat(100));
    const failed = await refusal(["--sockets", long]);
    expectRefused(failed, "USAGE");
    expect(failed.output).toContain("agent.sock is too long for a socket");
  });

  it("keep their sockets to the agents that the policy names", async () => {
    const signer = await home.start();
    await signer.unlock();
    const { restartFor } = await signer.apply(document({ agents: { research: {}, default: {} } }));
    expect(restartFor).toEqual(["research"]);
    await signer.close();
    const again = await home.start();
    closing.push(() => again.close());
    expect([...again.running.agents.keys()].sort()).toEqual(["default", "research"]);
    const agent = await connectSigner(join(home.sockets, "agents", "research.sock"));
    expect(await codeOf(() => operatorCall(agent, "vault.offer", {}))).toBe("METHOD_NOT_FOUND");
    agent.close();
  });
});
