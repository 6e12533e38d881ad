// Clients that hold, trickle and flood, thousands of them, beside a few honest ones.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type SignerConnection, agentCall } from "../../client/signer.ts";
import { SignerHome, type SignerProcess, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "../signer/intents.ts";
import { LedgerRecord } from "../signer/record.ts";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";

const ATTACKER = fileURLToPath(new URL("attacker.ts", import.meta.url));
const KINDS = ["loris", "halfOpen", "deaf", "flood"] as const;
const HONEST = 8;
/** Of the processors, idle before it begins: or other programs are what is measured. */
const QUIET = 0.9;
/** MB that all of it together may cost. */
const MOST_RSS = 400;

export const flood: Row = {
  name: "flood",
  what: "slow-loris, half-open and flooding clients, 10,000 connections",
  must: "honest clients keep p99 below twice their quiet p99",
  run,
};

async function run(conditions: Conditions): Promise<Evidence> {
  const connections = conditions.count(400, 10_000);
  const payments = conditions.count(160, 2000);
  const rounds = conditions.count(1, 3);
  const home = await SignerHome.make();
  const idle = conditions.long ? await idlePart() : 0;
  try {
    const signer = await open(home);
    const honest = await Promise.all(Array.from({ length: HONEST }, () => signer.connect()));
    await payHonestly(honest, 500); // warm
    const seen: Record<"quiet" | "beside" | "among", number[]> = { quiet: [], beside: [], among: [] };
    const newcomers: number[] = [];
    for (let round = 0; round < rounds; round++) {
      seen.quiet.push(p99(await payHonestly(honest, payments)));
      // On the socket of another agent, and on the one that the honest clients use.
      for (const [where, agent] of [
        ["beside", "hostile"],
        ["among", "default"],
      ] as const) {
        const attackers = await attack(signer.socketOf(agent), connections);
        try {
          seen[where].push(p99(await payHonestly(honest, payments)));
          newcomers.push(await newcomer(signer));
          await expectOperable(signer);
        } finally {
          for (const attacker of attackers) attacker.kill("SIGKILL");
        }
      }
    }
    const { rss } = await expectSound(signer);
    const times = Object.entries(seen).map(([where, all]) => [where, median(all)] as const);
    const text = times.map(([where, ms]) => `${where} ${ms.toFixed(1)} ms`).join(", ");
    const [[, quiet], ...attacked] = times as [readonly [string, number], ...(readonly [string, number])[]];
    if (idle >= QUIET) {
      for (const [where, ms] of attacked)
        assert.ok(
          ms < 2 * quiet,
          `p99 ${where} the attackers is ${(ms / quiet).toFixed(1)} times the quiet one: ${text}`,
        );
    }
    return {
      done:
        `${grouped(connections)} connections at a time (${KINDS.join(", ")}; closed ones opened again) from ${KINDS.length} ` +
        `processes, on another agent's socket and on the same; ${HONEST} honest clients, ${rounds} x 3 x ${grouped(payments)} payments`,
      held: `every honest payment was signed, the operator could lock; p99: ${text}; a newcomer had paid after ${Math.round(Math.max(...newcomers))} ms at most; RSS at most ${rss} MB`,
      ...(idle >= QUIET ? {} : { skipped: [notJudged(conditions.long, idle)] }),
    };
  } finally {
    home.remove();
  }
}

const notJudged = (long: boolean, idle: number): string =>
  long
    ? `latencies were measured and not judged: other programs left ${Math.round(idle * 100)} % of the machine`
    : "latencies are judged in the long form only";

/** How much of the processors nobody uses before it begins. */
async function idlePart(): Promise<number> {
  const times = (): { idle: number; all: number } => {
    const all = cpus().flatMap(({ times: each }) => Object.values(each));
    const idle = cpus().map(({ times: each }) => each.idle);
    return { idle: sum(idle), all: sum(all) };
  };
  const before = times();
  await setTimeout(3000);
  const after = times();
  return (after.idle - before.idle) / (after.all - before.all);
}

const sum = (all: readonly number[]): number => all.reduce((total, each) => total + each, 0);

async function open(home: SignerHome): Promise<SignerProcess> {
  const first = await home.spawn({ args: ["--quiet"] });
  await first.unlock();
  const unlimited = { totalMax: "1000000.00" };
  await first.apply(document({ ...unlimited, agents: { hostile: { totalMax: "0.01" } } }));
  await first.close();
  const signer = await home.spawn({ args: ["--quiet"] });
  await signer.unlock();
  return signer;
}

let name = 0;

/** Milliseconds of each payment, one after another on each connection; every one is signed. */
async function payHonestly(honest: readonly SignerConnection[], payments: number): Promise<number[]> {
  const times: number[] = [];
  const client = async (connection: SignerConnection): Promise<void> => {
    for (let n = 0; n < payments / HONEST; n++) times.push(await payOnce(connection));
  };
  await Promise.all(honest.map(client));
  return times;
}

async function payOnce(connection: SignerConnection): Promise<number> {
  const asked = { intent: intent(`honest-${name++}`, { maxTimeoutSeconds: 600 }) };
  const from = performance.now();
  const outcome = await outcomeOf(agentCall(connection, "payment.sign", asked));
  assert.equal(outcome, "signed", `an honest payment was answered with ${outcome}`);
  return performance.now() - from;
}

/** Milliseconds until somebody who comes only now has paid. */
async function newcomer(signer: SignerProcess): Promise<number> {
  const from = performance.now();
  const connection = await signer.connect();
  await payOnce(connection);
  connection.close();
  return performance.now() - from;
}

/** In processes of their own, which get the time that the signer and the honest clients leave: the machine's part in it
 * is not what is measured. */
async function attack(path: string, connections: number): Promise<ChildProcess[]> {
  const each = Math.ceil(connections / KINDS.length);
  const attackers = KINDS.map((kind) =>
    spawn("nice", ["-n", "19", process.execPath, ATTACKER, path, kind, String(each)], {
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  await Promise.all(attackers.map((attacker) => once(attacker.stdout, "data")));
  return attackers;
}

async function expectOperable(signer: SignerProcess): Promise<void> {
  assert.equal((await signer.lock()).state, "locked");
  assert.equal((await signer.unlock()).state, "unlocked");
}

async function expectSound(signer: SignerProcess): Promise<{ rss: number }> {
  await LedgerRecord.read(signer.operator);
  const status = readFileSync(`/proc/${signer.pid}/status`, "utf8");
  const rss = Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024);
  assert.ok(rss < MOST_RSS, `RSS was ${rss} MB`);
  assert.deepEqual(await signer.kill("SIGTERM"), { code: 0, signal: null }, signer.output);
  signer.disconnect();
  return { rss };
}

const p99 = (times: number[]): number => times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
const median = (all: number[]): number => [...all].sort((a, b) => a - b)[all.length >> 1] ?? 0;
