// A thousand clients of four agents at once, on three rails, against a cap for half of what they ask: exactly the cap, to
// the unit. What was spent is read from what was signed, fees included.
import assert from "node:assert/strict";
import { type SignerConnection, agentCall } from "../../client/signer.ts";
import { SignerHome, type SignerProcess } from "../counterparts/signer.ts";
import { idOf } from "../signer/intents.ts";
import { LedgerRecord } from "../signer/record.ts";
import { expectNothingTwice } from "./once.ts";
import {
  type Payments,
  type Request,
  inUsd,
  mixedDocument,
  onCardano,
  onEvm,
  onSolana,
  railOf,
  setAdaPrice,
} from "./payments.ts";
import { Random } from "./random.ts";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";
import { readSigned } from "./signed.ts";

const AGENTS = ["default", "a", "b", "c"] as const;
const PAYMENTS = 10;
const CENT = 10_000n;
/** Lovelace: above the fee of every payment here. */
const MOST_FEE = 200_000n;

export const cap: Row = {
  name: "cap",
  what: "1,000 clients x 10 payments on three rails, against a cap for 5,000, four agents at once",
  must: "exactly the cap, to the unit",
  run,
};

/** What one household may spend, in micro-USD; agents without a limit share what is left. */
interface Limits {
  readonly total: bigint;
  readonly agents: Readonly<Record<string, bigint>>;
}

interface Asked {
  readonly agent: string;
  /** Micro-USD: what left by the signed bytes; undefined when it was declined. */
  readonly signed: bigint | undefined;
  /** What it can have cost at most. */
  readonly most: bigint;
}

async function run(conditions: Conditions): Promise<Evidence> {
  const random = new Random(conditions.seed, "cap");
  const clients = Math.ceil(conditions.count(200, 1000) / 8) * 8;
  const rounds = conditions.count(1, 5);
  const total = BigInt(clients * PAYMENTS) * CENT;
  const seen: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const equal = await oneRound({ total: total / 2n, agents: {} }, clients, inCents);
    assert.equal(equal.length, (clients * PAYMENTS) / 2);
    seen.push(`${grouped(equal.length)} payments of a cent`);
    // Amounts of all sizes, and a cap of its own for two of the agents below its share.
    const agents = { a: total / 10n + 1n, b: total / 20n + 7n };
    const mixed = await oneRound({ total: total / 2n + 3n, agents }, clients, inAnything(random));
    seen.push(`${grouped(mixed.length)} of mixed amounts, in ADA too`);
  }
  return {
    done: `${grouped(clients)} connections x ${PAYMENTS} payments, each asked twice, by ${AGENTS.length} agents; caps for half of them, shared and per agent; rounds: ${rounds}`,
    held: `signed: ${seen.join(", ")}; the caps exactly, or less by no more than the smallest payment that was declined; the record adds up to the same`,
  };
}

/** A cent each, on the two rails where nothing else leaves. */
const inCents: Payments = (name) => (name % 2 === 0 ? onEvm : onSolana)(name, { amount: CENT.toString() });

/** Amounts of all sizes, on the three rails in turn. */
const inAnything = (random: Random): Payments => {
  return (name) => {
    if (railOf(name) === "cardano") return onCardano(name, { amount: `${random.between(1e6, 15e5)}` });
    const amount = `${random.between(1, 20_000)}`;
    return (railOf(name) === "evm" ? onEvm : onSolana)(name, { amount });
  };
};

/** What was signed. */
async function oneRound(limits: Limits, clients: number, payments: Payments): Promise<Asked[]> {
  const home = await SignerHome.ofPhrase();
  try {
    const signer = await open(home, limits);
    const perAgent = clients / AGENTS.length;
    const each = AGENTS.flatMap((agent) => Array.from({ length: perAgent }, (_, n) => ({ agent, n })));
    const connections = await Promise.all(each.map(({ agent }) => signer.connect(agent)));
    const answers = await Promise.all(
      each.map(({ agent, n }, index) => {
        // Ids are an agent's own, and the same ones are asked for by all four. Names, and so outputs, are not.
        const requests = Array.from({ length: PAYMENTS }, (_, at) => {
          const request = payments(index * PAYMENTS + at);
          return { ...request, intent: { ...request.intent, id: idOf(n * PAYMENTS + at) } };
        });
        return payAll(connections[index]!, agent, requests);
      }),
    );
    const asked = answers.flat();
    expectExact(asked, limits);
    const signed = asked.filter((one) => one.signed !== undefined);
    await expectRecord(signer, signed);
    await signer.close();
    return signed;
  } finally {
    home.remove();
  }
}

async function open(home: SignerHome, { total, agents }: Limits): Promise<SignerProcess> {
  const first = await home.spawn({ args: ["--quiet"] });
  await first.unlock();
  const own = AGENTS.filter((name) => name !== "default").map((name) => {
    const limit = agents[name];
    return [name, limit === undefined ? {} : { totalMax: usd(limit) }];
  });
  await setAdaPrice(first);
  await first.apply(mixedDocument({ totalMax: usd(total), agents: Object.fromEntries(own) as object }));
  await first.close(); // an agent's socket is opened at the start
  const signer = await home.spawn({ args: ["--quiet"] });
  await signer.unlock();
  return signer;
}

const usd = (units: bigint): string =>
  `${units / 1_000_000n}.${(units % 1_000_000n).toString().padStart(6, "0")}`;

/** All at once, each twice: the second must not count. */
async function payAll(
  connection: SignerConnection,
  agent: string,
  requests: readonly Request[],
): Promise<Asked[]> {
  const pay = async (params: Request): Promise<Asked> => {
    const [first, second] = await Promise.all([
      agentCall(connection, "payment.sign", params),
      agentCall(connection, "payment.sign", params),
    ]);
    if (first.outcome === "signed") {
      assert.ok(second.outcome === "signed");
      assert.deepEqual(second.payload, first.payload);
    }
    for (const answer of [first, second]) {
      if (answer.outcome !== "signed") assert.equal(answer.check.code, "BUDGET_EXCEEDED");
    }
    const signed = second.outcome === "signed" ? readSigned(JSON.stringify(second.payload)).usd : undefined;
    return { agent, signed, most: mostOf(params) };
  };
  return await Promise.all(requests.map(pay));
}

function mostOf({ intent }: Request): bigint {
  const amount = BigInt(intent.amount);
  return intent.asset === "lovelace" ? inUsd(amount) + inUsd(MOST_FEE) : amount;
}

const sum = (asked: readonly Asked[]): bigint => asked.reduce((total, { signed = 0n }) => total + signed, 0n);

/** No cap is passed, and nothing was declined that would still fit. */
function expectExact(asked: readonly Asked[], limits: Limits): void {
  const left = limits.total - sum(asked);
  assert.ok(left >= 0n, `the cap was passed by ${-left}`);
  for (const agent of AGENTS) {
    const own = asked.filter((one) => one.agent === agent);
    const leftOfAgent = (limits.agents[agent] ?? limits.total) - sum(own);
    assert.ok(leftOfAgent >= 0n, `${agent}'s cap was passed by ${-leftOfAgent}`);
    for (const { signed, most } of own) {
      if (signed !== undefined) assert.ok(signed <= most, `${signed} left for a payment of ${most}`);
      else assert.ok(most > left || most > leftOfAgent, `${most} was declined and would have fit`);
    }
  }
}

async function expectRecord(signer: SignerProcess, signed: readonly Asked[]): Promise<void> {
  const record = await LedgerRecord.read(signer.operator);
  expectNothingTwice(record);
  assert.equal(record.counter("household|usd|total"), sum(signed));
  for (const agent of AGENTS) {
    const rows = record.ofKind("payment.reserved").filter((row) => row.agent === agent);
    const own = signed.filter((one) => one.agent === agent);
    assert.equal(rows.length, own.length);
    assert.equal(
      rows.reduce((total, { usd }) => total + BigInt(usd ?? 0), 0n),
      sum(own),
    );
  }
}
