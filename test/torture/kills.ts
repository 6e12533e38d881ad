// kill -9 at each named step of a payment, and before or after each system call of its commit, under load.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { agentCall } from "../../client/signer.ts";
import { SignerHome, type SignerProcess } from "../counterparts/signer.ts";
import { intent } from "../signer/intents.ts";
import type { LedgerRecord } from "../signer/record.ts";
import { Clients } from "./clients.ts";
import { type Action, Fault, faultsImpossible } from "./fault.ts";
import { draftsIn } from "./once.ts";
import { startFailure, unlessUnreachable } from "./outcome.ts";
import { RAILS, mixed, mixedDocument, setAdaPrice } from "./payments.ts";
import { Random } from "./random.ts";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";
import { readSigned } from "./signed.ts";
import { STEPS } from "./steps.ts";

const STEP_KILLER = fileURLToPath(new URL("step-killer.ts", import.meta.url));
const LANES = 2;
const KILLS_PER_HOME = 25;
const CONNECTIONS = 4;
const IN_FLIGHT = 8;
const CAP = 30_000_000n;
const CAP_USD = "30.00";
/** A step that is not reached in so many payments is not one of a payment. */
const MOST_PAYMENTS = 2000;
/** A step of a commit is passed once for many payments. */
const MOST_PASSES = 12;
const MOST_CALLS = 120;

/** Fills the cap. */
const LAST = { ...intent("last"), maxTimeoutSeconds: 600 };

/** One way to die. */
interface Death {
  readonly under: readonly string[];
  readonly entry?: string;
  /** What it was, by the signer's output, once it has happened. */
  cause(output: string): string | undefined;
}

/** What all homes draw from. */
interface Fate {
  readonly random: Random;
  /** How often each cause was it. */
  readonly counts: Map<string, number>;
  nextTurn(): number;
}

export const kills: Row = {
  name: "kills",
  what: "kill -9 at each named step of a payment (between any two of the six, inside the commit), under load, on three rails",
  must: "every signature anyone received is on record; restart needs no repair; a retry returns the same bytes; no input is spent by two payments",
  run,
};

async function run(conditions: Conditions): Promise<Evidence> {
  const rounds = conditions.count(40, 1000);
  const counts = new Map<string, number>();
  const totals = { repeated: 0, redrafted: 0, unresolved: 0, homes: 0, evm: 0, solana: 0, cardano: 0 };
  let left = rounds;
  let turn = new Random(conditions.seed, "turn").below(STEPS.length);
  const lane = async (index: number): Promise<void> => {
    const random = new Random(conditions.seed, `kills ${index}`);
    while (left > 0) {
      const home = new Home(await SignerHome.ofPhrase(), { random, counts, nextTurn: () => turn++ });
      try {
        for (let mine = 0; mine < KILLS_PER_HOME && left > 0 && !home.isSpent; mine++) {
          left -= 1;
          if (!(await home.dieOnce())) left += 1;
        }
        await home.expectWhole();
        const { held, redrafted, unresolved } = home.clients;
        for (const payload of held.values()) totals[readSigned(payload).rail] += 1;
        totals.redrafted += redrafted;
        totals.unresolved += unresolved;
        totals.repeated += home.repeated;
        totals.homes += 1;
      } finally {
        home.remove();
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)));
  const steps = STEPS.filter((step) => (counts.get(step) ?? 0) > 0);
  const calls = [...counts.keys()].filter((name) => !STEPS.some((step) => step === name));
  const impossible = faultsImpossible();
  return {
    done:
      `${grouped(rounds)} kills, ${CONNECTIONS * IN_FLIGHT} payments in flight: at ${steps.length} of ${STEPS.length} ` +
      `named steps and before or after ${calls.length} kinds of system call (${calls.sort().join(", ")}); ` +
      `${totals.homes} homes`,
    held:
      `all signatures received are on record (${RAILS.map((rail) => `${rail} ${grouped(totals[rail])}`).join(", ")}); ` +
      `${grouped(totals.repeated)} retries gave the same bytes, but for ${grouped(totals.redrafted)} over by then, drafted ` +
      `again under the same nonce, and ${grouped(totals.unresolved)} refused on Solana; no input was spent by two payments; ` +
      `every restart was unlocked and paid at once; every cap was met to the unit`,
    ...(impossible === undefined ? {} : { skipped: [`system calls: ${impossible}`] }),
  };
}

class Home {
  readonly clients = new Clients(mixed);
  repeated = 0;
  readonly #home: SignerHome;
  readonly #fate: Fate;
  readonly #fault: Fault | undefined;
  /** Of the database alone: the head is one write within a sector, which no kill tears. test/torture/disk.ts tears it. */
  readonly #tear: Fault | undefined;
  /** What the operator and the agent were told is done. */
  #policy = 0;
  readonly #sessions: string[] = [];

  constructor(home: SignerHome, fate: Fate) {
    this.#home = home;
    this.#fate = fate;
    const possible = faultsImpossible() === undefined;
    this.#fault = possible ? new Fault("/state/") : undefined;
    this.#tear = possible ? new Fault("/state/ledger.db") : undefined;
  }

  /** The cap is met: some steps are not reached any more. */
  get isSpent(): boolean {
    return this.clients.declined > 0;
  }

  remove(): void {
    this.#home.remove();
    this.#fault?.remove();
    this.#tear?.remove();
  }

  /** False when the cap was met before it died. */
  async dieOnce(): Promise<boolean> {
    const death = this.#choose();
    let output: string;
    try {
      const signer = await this.#home.spawn({
        args: ["--quiet"],
        ...(death.entry === undefined ? {} : { entry: death.entry }),
        under: death.under,
      });
      await this.#use(signer).catch(unlessUnreachable);
      const end = await signer.exit;
      output = signer.output;
      signer.disconnect();
      if (this.isSpent && end.code === 0) return false;
      assert.deepEqual(end, { code: null, signal: "SIGKILL" }, output);
    } catch (error) {
      const failure = startFailure(error);
      if (failure.exit !== null) throw failure;
      output = failure.output;
    }
    const cause = death.cause(output);
    assert.ok(cause !== undefined, `it died of something else: ${output}`);
    this.#fate.counts.set(cause, (this.#fate.counts.get(cause) ?? 0) + 1);
    return true;
  }

  /** Until it dies. */
  async #use(signer: SignerProcess): Promise<void> {
    await signer.unlock();
    await this.#expectKept(signer);
    const { clients } = this;
    const some = Array.from({ length: 20 }, () => this.#fate.random.pick([...clients.held.keys(), 0]));
    const known = new Set(some.filter((name) => clients.held.has(name)));
    await clients.repeat(await signer.agent(), [...known]);
    this.repeated += known.size;
    let asked = 0;
    const enough = (): boolean => this.isSpent || ++asked > MOST_PAYMENTS;
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => signer.connect()));
    await Promise.all([
      ...connections.map((connection) => clients.load(connection, IN_FLIGHT, enough)),
      this.#operate(signer),
    ]);
    if (this.isSpent || asked > MOST_PAYMENTS) await signer.kill("SIGTERM");
  }

  /** Documents and sessions that were confirmed are there. */
  async #expectKept(signer: SignerProcess): Promise<void> {
    if (this.#policy === 0) {
      await setAdaPrice(signer);
      await this.#apply(signer);
    }
    const { policy } = await signer.status();
    assert.ok((policy?.version ?? 0) >= this.#policy, "a document that was applied is gone");
    for (const session of this.#sessions.slice(-3)) {
      const { scopes } = await agentCall(await signer.agent(), "budget.get", { session });
      assert.equal(scopes.at(-1)?.id, `session:${session}`);
    }
  }

  /** Sessions and documents while payments run. */
  async #operate(signer: SignerProcess): Promise<void> {
    const client = await signer.agent();
    for (let round = 0; round < 20; round++) {
      const { session } = await agentCall(client, "session.open", { policy: { perCallMax: "1.00" } });
      this.#sessions.push(session);
      await this.#apply(signer);
    }
  }

  async #apply(signer: SignerProcess): Promise<void> {
    const perCallMax = `${1 + this.#fate.random.below(2)}.00`;
    this.#policy = (await signer.apply(mixedDocument({ totalMax: CAP_USD, perCallMax }))).version;
  }

  /** After the last kill: everything is asked again, the cap is used up, and the record is read. */
  async expectWhole(): Promise<void> {
    const { clients } = this;
    const signer = await this.#home.spawn({ args: ["--quiet"] });
    await signer.unlock();
    await this.#expectKept(signer);
    this.repeated += clients.held.size;
    await clients.repeat(await signer.agent(), [...clients.held.keys()]);
    await clients.load(await signer.agent(), 64, () => clients.declined > 0);
    await this.#spendTheRest(signer);
    const record = await clients.expectOnRecord(signer.operator);
    assert.ok(record.ofKind("session.opened").length >= this.#sessions.length);
    assert.equal(spentIn(record), CAP);
    assert.equal(record.counter("household|usd|total"), CAP);
    const paid = record.ofKind("payment.reserved").filter(({ id }) => id !== LAST.id);
    assert.equal(clients.held.size, paid.length, "everything that is on record could be asked for again");
    await signer.close();
  }

  /** To the unit: what the last payments left is paid, and no more. */
  async #spendTheRest(signer: SignerProcess): Promise<void> {
    const left = CAP - spentIn(await this.clients.expectOnRecord(signer.operator));
    assert.ok(left >= 0n, `the cap was passed by ${-left}`);
    for (const amount of [left + 1n, left]) {
      if (amount === 0n) continue;
      const result = await signer.sign({ ...LAST, amount: `${amount}` });
      assert.equal(result.outcome === "signed", amount === left, `${amount} of ${left}`);
    }
  }

  /** The steps in turn, and every second time a system call. */
  #choose(): Death {
    const turn = this.#fate.nextTurn();
    const { random } = this.#fate;
    if (!this.#fault || !this.#tear || turn % 2 === 0) return stepDeath(turn / 2, random);
    const action = random.pick(["killBefore", "killAfter", "tearAndKill"] as const);
    return callDeath(action === "tearAndKill" ? this.#tear : this.#fault, action, random);
  }
}

/** Micro-USD: of each payment on record, its dearest draft. */
function spentIn(record: LedgerRecord): bigint {
  const dearest = [...draftsIn(record).values()].map((rows) =>
    rows.reduce((most, { usd = "0" }) => (BigInt(usd) > most ? BigInt(usd) : most), 0n),
  );
  return dearest.reduce((sum, usd) => sum + usd, 0n);
}

function stepDeath(turn: number, random: Random): Death {
  const step = STEPS[Math.floor(turn) % STEPS.length]!;
  return {
    under: ["env", `X402_KILL=${step},${random.between(1, MOST_PASSES)}`],
    entry: STEP_KILLER,
    cause: (output) => (output.includes(`killed at: ${step}`) ? step : undefined),
  };
}

function callDeath(fault: Fault, action: Action, random: Random): Death {
  fault.arm({ at: random.between(1, MOST_CALLS), action, place: random.uint32() });
  return {
    under: fault.under,
    cause: () => {
      const call = fault.fired > 0 ? fault.calls(fault.fired - 1)[0] : undefined;
      return call && `${call.op} ${call.file}`;
    },
  };
}
