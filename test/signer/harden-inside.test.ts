// Hostile code inside the signer's process, after the seal: what stops it, and what does not. Both sides are asserted, so
// that SECURITY.md says what is so; a new version of Node that changes either fails here.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type SignerHome, type SignerProcess, outcomeOf } from "../counterparts/signer.ts";
import { ROOT } from "../sources.ts";
import type { Targets } from "./harden-hostile.ts";
import { ALONE, IS_ROOT, asUser, giveAway, homeOfItsOwn } from "./harden-user.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const HOSTILE = join(import.meta.dirname, "harden-hostile.ts");

const outside = mkdtempSync(join(tmpdir(), "x402-outside-"));
const reached: string[] = [];
const servers: Server[] = [];
let home: SignerHome;
let signer: SignerProcess;
let outcomes: Record<string, string>;

async function listener(at: string | number): Promise<Server> {
  const server = createServer((socket) => {
    reached.push(String(at));
    socket.destroy();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(at, resolve));
  return server;
}

beforeAll(async () => {
  home = await homeOfItsOwn();
  const { port } = (await listener(0)).address() as { port: number };
  const targets: Targets = {
    ...{ port, outside, socket: join(outside, "listening"), state: home.state, sockets: home.sockets },
    module: join(ROOT, "client/signer.ts"),
  };
  await listener(targets.socket);
  writeFileSync(join(outside, "module.mjs"), "export default 1");
  writeFileSync(join(outside, "module.cjs"), "module.exports = 1");
  writeFileSync(join(outside, "env"), "A=1");
  const database = new DatabaseSync(join(outside, "there.db"));
  database.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  database.close();
  giveAway(outside);
  signer = await home.spawn({
    under: ["env", `HARDEN_TARGETS=${JSON.stringify(targets)}`, ...asUser(ALONE)],
    node: ["--import", pathToFileURL(HOSTILE).href],
  });
  await signer.unlock();
  await signer.apply(document());
  expect(await outcomeOf(signer.sign(intent("before")))).toBe("signed");
  process.kill(signer.pid, "SIGUSR2");
  const said = /^outcomes: (.*)$/m;
  while (!said.test(signer.output)) await new Promise(setImmediate);
  outcomes = JSON.parse(said.exec(signer.output)?.[1] ?? "") as Record<string, string>;
});

afterAll(() => {
  home.remove();
  for (const server of servers) server.close();
  rmSync(outside, { recursive: true, force: true });
});

/** What refuses, and what; all others have ERR_ACCESS_DENIED, from Node's permission model. */
const OTHERWISE: Readonly<Record<string, readonly string[]>> = {
  ERR_DLOPEN_DISABLED: ["load an addon"],
  ERR_LOAD_SQLITE_EXTENSION: ["load a library into SQLite"],
  EvalError: ["eval", "new Function", "switch eval on"],
  ERR_PROTO_ACCESS: ["set a prototype by __proto__"],
  EPERM: IS_ROOT ? ["be root", "signal another user's process"] : ["be root"],
  /** What is not stopped. */
  open: [
    // Code in the process is code in the process: it can make more of itself, and see what the signer sees.
    ...["compile WebAssembly", "compile a module from text", "run text by node:vm"],
    "read its own memory as a heap snapshot",
    // Only what was there before the seal: a hostile dependency, not a flaw that is used later.
    "bind C functions through a library from before the seal",
    // node:sqlite does not ask the permission model: the user's rights and the unit bound it.
    ...["make a database anywhere", "read a database anywhere", "attach on a connection of its own"],
    "write in the state folder",
    // The kernel's rule: programs of one user may signal each other.
    "signal a process of its user",
    ...(IS_ROOT ? [] : ["signal another user's process"]),
  ],
};

it("is stopped, but for what is listed here", () => {
  const expected = new Map(
    Object.entries(OTHERWISE).flatMap(([code, names]) => names.map((name) => [name, code])),
  );
  const found = Object.entries(outcomes);
  expect(found.length).toBeGreaterThan(55);
  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(found.map(([name]) => [name, expected.get(name) ?? "ERR_ACCESS_DENIED"])),
  );
  expect([...expected.keys()].filter((name) => !(name in outcomes))).toEqual([]);
});

it("has reached nobody, and left only what is listed here", () => {
  expect(reached).toEqual([]);
  const left = readdirSync(outside).sort();
  expect(left).toEqual(["db", "db2", "env", "listening", "module.cjs", "module.mjs", "there.db"]);
});

it("does not keep the signer from its work, nor from stopping in order", async () => {
  expect(await outcomeOf(signer.sign(intent("after")))).toBe("signed");
  const record = await LedgerRecord.read(signer.operator);
  expect(record.ofKind("payment.reserved")).toHaveLength(2);
  signer.disconnect();
  expect(await signer.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  expect(readdirSync(home.sockets).filter((name) => name.endsWith(".sock"))).toEqual([]);
});
