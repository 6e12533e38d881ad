// A hundred kills under load: whatever a client holds is on record, a restart needs no repair, a retry gives the same
// bytes, and the cap holds over all of it.
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { agentCall } from "../../client/signer.ts";
import type { Head, SignResult } from "../../protocol/shapes.ts";
import { type SignerProcess, SignerHome } from "../counterparts/signer.ts";
import { document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const ROUNDS = 100;
const LANES = 2;
const CONNECTIONS = 8;
const IN_FLIGHT = 8;
const MOST_REPLIES = 60;
const CAP_PAYMENTS = 1000;
const CAP_USD = "10.00";
/** The signer itself: the command starts it a second time in place, which costs as long as the start. */
const MAIN = fileURLToPath(new URL("../../signer/main.ts", import.meta.url));

/** What the clients of one home know. */
class Lane {
  readonly home: SignerHome;
  /** Payloads by intent's name, as JSON. */
  readonly held = new Map<number, string>();
  readonly heads: Head[] = [];
  /** Asked and not answered: signed or not, nobody knows. */
  unanswered: number[] = [];
  declined = 0;
  /** What the operator and the agent were told is done. */
  policy = 0;
  readonly sessions: string[] = [];
  #next = 0;

  constructor(home: SignerHome) {
    this.home = home;
  }

  /** Starts, unlocks, repeats what is open, and kills at the `fatal`th reply. */
  async round(fatal: number): Promise<void> {
    const signer = await this.home.spawn({ args: ["--quiet"], entry: MAIN });
    await signer.unlock();
    if (this.heads.length === 0) await this.#apply(signer);
    await this.#expectKept(signer);
    await this.#repeat(signer);
    let replies = 0;
    const dead = once(signer.running.process, "exit");
    const reply = (): void => {
      if (++replies === fatal) process.kill(signer.pid, "SIGKILL");
    };
    const load = [...Array(CONNECTIONS).keys()].map(() => this.#load(signer, reply));
    await Promise.all([...load, this.#operate(signer)]);
    await dead;
    signer.disconnect();
  }

  /** Policies and sessions that were confirmed are there. */
  async #expectKept(signer: SignerProcess): Promise<void> {
    expect((await signer.status()).policy?.version).toBeGreaterThanOrEqual(this.policy);
    const client = await signer.agent();
    for (const session of this.sessions.slice(-5)) {
      const { scopes } = await agentCall(client, "budget.get", { session });
      expect(scopes.at(-1)?.id).toBe(`session:${session}`);
    }
  }

  /** Applies documents and opens sessions until the signer dies. */
  async #operate(signer: SignerProcess): Promise<void> {
    try {
      for (;;) {
        const client = await signer.agent();
        const { session } = await agentCall(client, "session.open", { policy: { perCallMax: "1.00" } });
        this.sessions.push(session);
        await this.#apply(signer);
      }
    } catch (error) {
      expect(error).toMatchObject({ code: "SIGNER_UNREACHABLE" });
    }
  }

  async #apply(signer: SignerProcess): Promise<void> {
    const perCallMax = `${1 + (this.policy % 2)}.00`;
    const { version } = await signer.apply(document({ totalMax: CAP_USD, perCallMax }));
    this.policy = version;
  }

  /** What is held comes back byte for byte; what was not answered is asked again. */
  async #repeat(signer: SignerProcess): Promise<void> {
    const known = [...this.held.keys()];
    const some = [...Array(20).keys()].flatMap(() => known[randomInt(known.length || 1)] ?? []);
    const open = this.unanswered;
    this.unanswered = [];
    const client = await signer.agent();
    const ask = async (name: number): Promise<void> => {
      this.#keep(name, await agentCall(client, "payment.sign", { intent: longIntent(name) }));
    };
    await Promise.all([...some, ...open].map(ask));
  }

  /** Keeps some requests in flight on one connection until it dies. */
  async #load(signer: SignerProcess, reply: () => void): Promise<void> {
    const client = await signer.connect().catch(() => undefined);
    if (!client) return;
    const worker = async (): Promise<void> => {
      for (;;) {
        const name = this.#next++;
        try {
          this.#keep(name, await agentCall(client, "payment.sign", { intent: longIntent(name) }));
        } catch (error) {
          this.unanswered.push(name);
          const { code } = error as { code: string };
          // The policy changed while the payment was on its way: for the client to ask again.
          if (code === "BUSY") continue;
          expect(code).toBe("SIGNER_UNREACHABLE");
          return;
        }
        reply();
      }
    };
    await Promise.all([...Array(IN_FLIGHT).keys()].map(worker));
  }

  #keep(name: number, result: SignResult): void {
    if (result.outcome !== "signed") {
      expect(result).toMatchObject({ check: { code: "BUDGET_EXCEEDED" } });
      this.declined += 1;
      return;
    }
    const payload = JSON.stringify(result.payload);
    expect(this.held.get(name) ?? payload).toBe(payload);
    this.held.set(name, payload);
    this.heads.push(result.head);
  }
}

const longIntent = (name: number) => intent(name, { maxTimeoutSeconds: 600 });

async function newHome(): Promise<SignerHome> {
  const home = await SignerHome.make();
  onTestFinished(() => {
    home.remove();
  });
  return home;
}

async function checkRecord(lane: Lane): Promise<void> {
  const signer = await lane.home.spawn();
  await signer.unlock();
  const record = await LedgerRecord.read(signer.operator);
  const reserved = new Map(record.ofKind("payment.reserved").map((row) => [row.id, row]));
  expect(reserved.size).toBe(record.ofKind("payment.reserved").length);
  expect(record.ofKind("policy.applied").length).toBeGreaterThanOrEqual(lane.policy);
  expect(record.ofKind("session.opened").length).toBeGreaterThanOrEqual(lane.sessions.length);
  expect(record.ofKind("payment.redrafted")).toHaveLength(0);
  expect(reserved.size).toBe(CAP_PAYMENTS);
  expect(record.reserved()).toBe(BigInt(CAP_PAYMENTS) * 10_000n);
  expect(record.counter("household|usd|total")).toBe(record.reserved());
  for (const [name, payload] of lane.held) {
    const row = reserved.get(idOf(name));
    expect(row).toBeDefined();
    const { authorization } = JSON.parse(payload) as { authorization: { nonce: string } };
    const draft = Buffer.from(row?.draft ?? "", "base64");
    expect(`0x${draft.subarray(224).toString("hex")}`).toBe(authorization.nonce);
  }
  // Every head that a reply named is a prefix of the record.
  for (const { ledger, seq, hash } of lane.heads) {
    expect(ledger).toBe(record.head.ledger);
    expect(record.hashOf(seq)).toBe(hash);
  }
  await signer.close();
}

it.each([
  "lock",
  "ledger.db",
  "ledger.db-wal",
  "head",
  "../run/lock",
  "../run/agent.sock",
  "../run/operator.sock",
])("killed at its first start as soon as it has made %s, it starts like new", async (name) => {
  const home = await SignerHome.make();
  const child = spawn(process.execPath, [MAIN, "--home", home.state, "--sockets", home.sockets], {
    stdio: "ignore",
  });
  const dead = once(child, "exit");
  while (!existsSync(join(home.state, name))) await new Promise(setImmediate);
  child.kill("SIGKILL");
  await dead;
  const signer = await home.start();
  await signer.unlock();
  await signer.apply(document());
  expect(await signer.sign(intent(1))).toMatchObject({ outcome: "signed" });
  await LedgerRecord.read(signer.operator);
  await signer.close();
  home.remove();
});

it(`survives ${ROUNDS} kills under load`, { timeout: 120_000 }, async () => {
  const lanes = await Promise.all([...Array(LANES).keys()].map(async () => new Lane(await newHome())));
  await Promise.all(
    lanes.map(async (lane) => {
      // A process that is killed leaves no compiled code for the next one; one that stops does.
      await (await lane.home.spawn({ args: ["--quiet"], entry: MAIN })).close();
      for (let round = 0; round < ROUNDS / LANES; round++) await lane.round(1 + randomInt(MOST_REPLIES));
    }),
  );
  for (const lane of lanes) {
    expect(lane.declined).toBeGreaterThan(0);
    await checkRecord(lane);
  }
});
