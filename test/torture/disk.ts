// A disk that is full, fails, lies or rots: every call that changes a file of the signer, once with each fault, and the
// files damaged at rest.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { entryOf } from "../../protocol/errors.ts";
import type { SignerHome, SignerProcess, SpawnOptions } from "../counterparts/signer.ts";
import type { Clients } from "./clients.ts";
import { type Action, type Call, Fault, type FaultError, WRITE_ACTIONS, faultsImpossible } from "./fault.ts";
import { Past, type Verdict, expectWhole, judge, oneLife } from "./futures.ts";
import { errorCode, startFailure } from "./outcome.ts";
import { Random } from "./random.ts";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";

const SURVIVE = pathToFileURL(fileURLToPath(new URL("../signer/survive-xfsz.ts", import.meta.url))).href;
const LANES = 2;

export const disk: Row = {
  name: "disk",
  what: "disk full, EIO, read-only file system, file-size limit, a flipped bit or torn page in WAL and database, at each write",
  must: "no signature without record; a clear code; recovers or freezes, never continues on a lie",
  run,
};

interface Case {
  readonly how: "killed" | "stopped";
  /** Number of the call, from 1. */
  readonly at: number;
  readonly action: Action;
  readonly error: FaultError;
  readonly andAfter: boolean;
}

/** What is told as an error, or not done at all: after it nothing may be lost. */
const isHonest = ({ action }: Case): boolean => action !== "flip" && action !== "loseTail";

async function run(conditions: Conditions): Promise<Evidence> {
  const random = new Random(conditions.seed, "disk");
  const tally = new Map<string, number>();
  const count = (what: string): void => {
    tally.set(what, (tally.get(what) ?? 0) + 1);
  };
  const pasts = await Promise.all(Array.from({ length: LANES }, () => Past.make()));
  const skipped: string[] = [];
  try {
    const impossible = faultsImpossible();
    const faulty = impossible === undefined ? await everyFault(pasts[0]!) : { calls: 0, cases: [] };
    if (impossible !== undefined) skipped.push(`faults at each call: ${impossible}`);
    const cases = sample(faulty.cases, conditions.count(40, faulty.cases.length), random);
    const todo = [...cases];
    await inLanes(pasts, async (past) => {
      const next = todo.pop();
      if (next) count(await faultyLife(past, next, random));
      return next !== undefined;
    });
    let damages = conditions.count(60, 2000);
    await inLanes(pasts, async (past) => {
      if (damages-- <= 0) return false;
      count(await damaged(past, random));
      return true;
    });
    const real = await realLimits(pasts[0]!, skipped);
    return {
      done:
        `${grouped(cases.length)} of ${grouped(faulty.cases.length)} faults at the ${faulty.calls} calls of one life ` +
        `(EIO, ENOSPC, EROFS, EFBIG, once or from there on; short, torn, lost and flipped writes; kills), ` +
        `${grouped(conditions.count(60, 2000))} damages at rest (bit, sector, half page, cut), ${real.join(", ")}`,
      held: [...tally]
        .sort()
        .map(([what, times]) => `${what} (${grouped(times)})`)
        .join("; "),
      ...(skipped.length > 0 ? { skipped } : {}),
    };
  } finally {
    for (const past of pasts) past.remove();
  }
}

async function inLanes(pasts: readonly Past[], step: (past: Past) => Promise<boolean>): Promise<void> {
  const lane = async (past: Past): Promise<void> => {
    while (await step(past));
  };
  await Promise.all(pasts.map(lane));
}

function sample<T>(all: readonly T[], count: number, random: Random): T[] {
  const left = [...all];
  return Array.from(
    { length: Math.min(count, all.length) },
    () => left.splice(random.below(left.length), 1)[0]!,
  );
}

/** Runs one life to see which calls it makes, and puts each fault at each of them. */
async function everyFault(past: Past): Promise<{ calls: number; cases: Case[] }> {
  const cases: Case[] = [];
  let calls = 0;
  for (const how of ["killed", "stopped"] as const) {
    const clients = past.restore(how);
    const fault = new Fault("/state/");
    const signer = await past.home.spawn(underFault(fault));
    await oneLife(signer, clients);
    assert.deepEqual(await signer.kill("SIGTERM"), { code: 0, signal: null }, signer.output);
    signer.disconnect();
    await expectWhole(past.home, clients);
    const made = fault.calls();
    calls = Math.max(calls, made.length);
    made.forEach((call, index) => cases.push(...faultsAt(how, index + 1, call)));
    fault.remove();
  }
  return { calls, cases };
}

function faultsAt(how: Case["how"], at: number, { op }: Call): Case[] {
  const errors = ["EIO", "ENOSPC", "EROFS", "EFBIG"] as const;
  const fails = errors.flatMap((error) =>
    [false, true].map((andAfter): Case => ({ how, at, action: "fail", error, andAfter })),
  );
  const kills: readonly Action[] = ["killBefore", "killAfter"];
  const others = op === "write" ? [...kills, ...WRITE_ACTIONS] : kills;
  return [...fails, ...others.map((action): Case => ({ how, at, action, error: "EIO", andAfter: false }))];
}

const underFault = (fault: Fault): SpawnOptions => ({ args: ["--quiet"], under: fault.under });

/** One life with one fault, and what comes of it. */
async function faultyLife(past: Past, fate: Case, random: Random): Promise<string> {
  const clients = past.restore(fate.how);
  const fault = new Fault("/state/");
  const what = `${fate.how}, call ${fate.at}, ${fate.action} ${fate.error} ${fate.andAfter}`;
  try {
    fault.arm({ ...fate, place: random.uint32() });
    const ended = await lifeUnder(past.home, fault, clients);
    // A life is not the same twice: what shares a commit differs, and so does the number of calls.
    if (fault.fired === 0) return "not reached";
    if (!isHonest(fate)) return `silent faults, ${ended}: ${textOf(await judge(past.home, clients))}`;
    await expectWhole(past.home, clients);
    return `told faults, ${ended}: ${textOf({ recovered: true })}`;
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  } finally {
    fault.remove();
  }
}

const textOf = (verdict: Verdict): string =>
  "recovered" in verdict ? "whole at the next start" : verdict.noticed;

/** How it ended: went on, killed, or with which code. */
async function lifeUnder(home: SignerHome, fault: Fault, clients: Clients): Promise<string> {
  let signer: SignerProcess;
  try {
    signer = await home.spawn(underFault(fault));
  } catch (error) {
    const { exit, output } = startFailure(error);
    return exit === null ? "killed" : codeIn(output, exit);
  }
  const refused = await oneLife(signer, clients).then(() => undefined, errorCode);
  signer.running.process.kill("SIGTERM");
  const { code, signal } = await signer.exit;
  signer.disconnect();
  // The head holds the clock, too: what is wrong with it freezes as well.
  if (code === 0 && refused !== undefined) assert.match(refused, /^(LEDGER|CLOCK)_/);
  if (code === 0) return refused ?? "went on";
  return signal === "SIGKILL" ? "killed" : codeIn(signer.output, code);
}

/** The code that the output tells; anything that is not said in words of the table is a failure. */
function codeIn(output: string, exit: number | null): string {
  const codes = ["LEDGER_WRITE", "LEDGER_DAMAGED", "LEDGER_BEHIND"] as const;
  const code = codes.find((name) => output.includes(entryOf(name).text));
  assert.ok(code, `no clear code, exit ${exit}: ${output}`);
  assert.equal(exit, entryOf(code).exit);
  return code;
}

const DAMAGES = ["bit", "sector", "half page", "cut"] as const;
const FILES = ["ledger.db", "ledger.db-wal", "head"] as const;
const PAGE = 4096;

/** Damages one file of a ledger that nobody has open. */
async function damaged(past: Past, random: Random): Promise<string> {
  const how = random.pick(["killed", "stopped"] as const);
  const clients = past.restore(how);
  const name = random.pick(FILES.filter((each) => existsSync(join(past.home.state, each))));
  const damage = random.pick(name === "head" ? DAMAGES.filter((each) => each !== "half page") : DAMAGES);
  const at = spoil(join(past.home.state, name), damage, random);
  try {
    return `damaged ${name}: ${textOf(await judge(past.home, clients))}`;
  } catch (error) {
    throw new Error(`${how}, ${damage} in ${name} at ${at}: ${(error as Error).message}`, { cause: error });
  }
}

function spoil(file: string, damage: (typeof DAMAGES)[number], random: Random): number {
  const bytes = readFileSync(file);
  const at = random.below(bytes.length);
  if (damage === "cut") {
    truncateSync(file, at);
    return at;
  }
  if (damage === "bit") bytes[at]! ^= 1 << random.below(8);
  else if (damage === "sector") random.bytes(512).copy(bytes, at - (at % 512));
  // The first half of a page is of its next version, the rest was not written any more.
  else bytes.copyWithin(at - (at % PAGE), random.below(bytes.length), bytes.length - PAGE / 2);
  writeFileSync(file, bytes);
  return at;
}

/** Without the shim: what the kernel itself refuses. */
async function realLimits(past: Past, skipped: string[]): Promise<string[]> {
  const { home } = past;
  const clients = past.restore("killed");
  const size = statSync(join(home.state, "ledger.db-wal")).size;
  await untilFull(home, clients, {
    under: ["prlimit", `--fsize=${size + 40_000}:`],
    node: ["--import", SURVIVE],
  });
  await expectWhole(home, clients);
  if (mounts("-t", "tmpfs", "-o", "size=1m,mode=0700", "x402-torture", makeMountPoint(home))) {
    try {
      await fullAndReadOnly(past);
    } finally {
      execFileSync("umount", [home.state]);
    }
    return ["a file-size limit (prlimit)", "a full file system", "one mounted read-only"];
  }
  skipped.push("a file system that is really full, and one mounted read-only: mount needs root");
  return ["a file-size limit (prlimit)"];
}

function makeMountPoint(home: SignerHome): string {
  rmSync(home.state, { recursive: true });
  mkdirSync(home.state, { mode: 0o700 });
  return home.state;
}

function mounts(...args: string[]): boolean {
  return spawnSync("mount", args, { stdio: "ignore" }).status === 0;
}

async function fullAndReadOnly(past: Past): Promise<void> {
  const { home } = past;
  const clients = past.copyInto("killed", home.state);
  const { bfree, bsize } = statfsSync(home.state);
  assert.ok(mounts("-o", `remount,size=${2 ** 20 - bfree * bsize + 40_960}`, home.state));
  await untilFull(home, clients, {});
  assert.ok(mounts("-o", "remount,ro", home.state));
  const { exit, output } = startFailure(await home.spawn().catch((error: unknown) => error));
  codeIn(output, exit);
  assert.ok(mounts("-o", "remount,rw,size=16m", home.state));
  await expectWhole(home, clients);
}

/** Pays until the signer ends for want of room. */
async function untilFull(home: SignerHome, clients: Clients, options: SpawnOptions): Promise<void> {
  const signer = await home.spawn({ ...options, args: ["--quiet"] });
  await signer.unlock();
  await clients.load(await signer.agent(), 4, () => clients.declined > 0);
  const { code } = await signer.exit;
  signer.disconnect();
  assert.equal(codeIn(signer.output, code), "LEDGER_WRITE");
}
