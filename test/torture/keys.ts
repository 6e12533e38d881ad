// Where keys are left behind: the memory of a locked signer, core dumps, what another process of the same user can
// read, and swap.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMAND, type SignerHome, type SignerProcess } from "../counterparts/signer.ts";
import { ALONE, IS_ROOT, asUser, homeOfItsOwn } from "../signer/harden-user.ts";
import { type KeyPart, keyParts } from "../signer/key-parts.ts";
import { canSearch, countInMemory } from "../signer/memory-search.ts";
import { formsIn } from "../signer/secrets.ts";
import { Clients } from "./clients.ts";
import { mixed, mixedDocument, setAdaPrice } from "./payments.ts";
import { type Conditions, type Evidence, Impossible, type Row, grouped } from "./row.ts";

export const keys: Row = {
  name: "keys",
  what: "key hygiene: search process memory after lock, core dumps, /proc/<pid>/mem from the same uid, swap",
  must: "nothing found, or the residual risk with its count in SECURITY.md",
  run,
};

async function run(conditions: Conditions): Promise<Evidence> {
  if (process.platform !== "linux") throw new Impossible("Linux only");
  const cycles = conditions.count(2, 30);
  const payments = conditions.count(200, 20_000);
  const skipped: string[] = [];
  const home = await homeOfItsOwn();
  try {
    const signer = await home.spawn({ under: asUser(ALONE), args: ["--quiet"], entry: COMMAND });
    if (!canSearch(signer.pid)) throw new Impossible("the memory of another process cannot be read here");
    const counts = await searchEachLock(home, signer, cycles, payments);
    const others = IS_ROOT ? expectShut(signer) : "not tried";
    if (!IS_ROOT) skipped.push("another process of the same user: needs root, to have a user for it alone");
    const swap = swapOf(signer.pid);
    await signer.close();
    assert.deepEqual(formsIn(signer.output, home.secrets()), []);
    const dump = await coreDump(home, skipped);
    return {
      done:
        `${cycles} times unlocked, ${grouped(payments)} payments on three rails in all, locked, and all writable memory searched for every key, its halves and its scalar; ` +
        `an abort with unlimited core size; /proc/<pid>/mem by another process of the same user`,
      held: `unlocked: ${counts.unlocked}; locked: ${counts.locked}; ${dump}; /proc/<pid>/mem: ${others}; ${swap}`,
      ...(skipped.length > 0 ? { skipped } : {}),
    };
  } finally {
    home.remove();
  }
}

interface Counts {
  readonly unlocked: string;
  readonly locked: string;
}

/** Copies that may be left: node:crypto keeps its own of the last HMAC key. It moves no money. */
const RESIDUE: Readonly<Record<string, number>> = { "nonce key": 1 };

async function searchEachLock(
  home: SignerHome,
  signer: SignerProcess,
  cycles: number,
  payments: number,
): Promise<Counts> {
  const parts = keyParts(home);
  const most = { unlocked: parts.map(() => 0), locked: parts.map(() => 0) };
  const search = (when: "unlocked" | "locked"): [KeyPart, number][] => {
    const found = countInMemory(
      signer.pid,
      parts.map(({ bytes }) => bytes),
    );
    most[when] = most[when].map((count, index) => Math.max(count, found[index]!));
    return parts.map((part, index) => [part, found[index]!]);
  };
  const clients = new Clients(mixed);
  for (const [{ name }, count] of search("locked")) assert.equal(count, 0, `${name} before the first unlock`);
  for (let cycle = 0; cycle < cycles; cycle++) {
    await signer.unlock();
    if (cycle === 0) {
      await setAdaPrice(signer);
      await signer.apply(mixedDocument({ totalMax: "100000.00" }));
    }
    const until = clients.held.size + payments / cycles;
    await clients.load(await signer.agent(), 32, () => clients.held.size >= until);
    // One at least: or this would search for the wrong thing.
    for (const [{ name, held }, count] of search("unlocked"))
      assert.equal(count > 0, held, `${name} while unlocked: ${count}`);
    await signer.lock();
    for (const [{ name }, count] of search("locked"))
      assert.ok(count <= (RESIDUE[name] ?? 0), `${name} after the lock: ${count}`);
  }
  const told = (counts: readonly number[]): string =>
    counts.map((count, index) => `${parts[index]!.name} ${count}`).join(", ");
  return { unlocked: told(most.unlocked), locked: told(most.locked) };
}

/** What a process of the signer's own user gets when it opens its memory. */
function expectShut({ pid }: SignerProcess): string {
  const tries = ["mem", "environ", "maps"].map((name) => {
    const script = `try { require("fs").readFileSync("/proc/${pid}/${name}"); console.log("open") } catch (e) { console.log(e.code) }`;
    const [command, ...args] = [...asUser(ALONE), process.execPath, "-e", script];
    return execFileSync(command, args, { encoding: "utf8", cwd: "/" }).trim();
  });
  assert.deepEqual(tries, ["EACCES", "EACCES", "EACCES"]);
  return "EACCES";
}

/** Runs a command, and prints when it has ended whether it left a core. */
const WATCH = `
import os, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
child = os.fork()
if child == 0: os.execvp(sys.argv[1], sys.argv[1:])
print("pid", child, flush=True)
status = os.waitpid(child, 0)[1]
print("ended", os.WIFSIGNALED(status) and os.WTERMSIG(status), os.WCOREDUMP(status), flush=True)
`;

/** Aborts an unlocked signer. That this machine leaves cores at all is tried with another process first. */
async function coreDump(home: SignerHome, skipped: string[]): Promise<string> {
  const watch = ["python3", "-c", WATCH];
  if (!IS_ROOT || spawnSync("python3", ["--version"]).status !== 0 || !leavesCores(watch)) {
    skipped.push("core dumps: needs root, python3, and a system that leaves them");
    return "core dump not tried";
  }
  const signer = await home.spawn({ under: [...watch, ...asUser(ALONE)], args: ["--quiet"], entry: COMMAND });
  await signer.unlock();
  const pid = /pid (\d+)/.exec(signer.output)?.[1] ?? "";
  // Where root may: the signer has set its own limit to nothing, for good.
  spawnSync("prlimit", ["--pid", pid, "--core=unlimited:unlimited"]);
  process.kill(Number(pid), "SIGABRT");
  await signer.exit;
  signer.disconnect();
  const ended = /ended (\d+) (True|False)/.exec(signer.output);
  assert.deepEqual(ended?.slice(1), ["6", "False"], `the signer left a core: ${signer.output}`);
  return "no core of an abort";
}

function leavesCores(watch: readonly string[]): boolean {
  const [command, ...args] = [...watch, "sh", "-c", "kill -ABRT $$"];
  const folder = mkdtempSync(join(tmpdir(), "x402-core-"));
  const { stdout } = spawnSync(command, args, { cwd: folder, encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return stdout.includes("ended 6 True");
}

function swapOf(pid: number): string {
  const devices = readFileSync("/proc/swaps", "utf8").trim().split("\n").length - 1;
  const swapped = /VmSwap:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "?";
  return `swap: ${devices} devices here, ${swapped} kB of the signer in it`;
}
