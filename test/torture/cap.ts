// A thousand clients of four agents at once, against a cap for half of what they ask: exactly the cap, to the unit.
import assert from "node:assert/strict";
import { type SignerConnection, agentCall } from "../../client/signer.ts";
import { SignerHome, type SignerProcess } from "../counterparts/signer.ts";
import { document, intent } from "../signer/intents.ts";
import { LedgerRecord } from "../signer/record.ts";
import { Random } from "./random.ts";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";

const AGENTS = ["default", "a", "b", "c"] as const;
const PAYMENTS = 10;
const CENT = 10_000n;

export const cap: Row = {
  name: "cap",
  what: "1,000 clients x 10 payments against a cap for 5,000, four agents at once",
  must: "exactly the cap, to the unit",
  run,
};

/** What one household may spend, in atomic units of USDC (micro-USD); agents without a limit share what is left. */
interface Limits {
  readonly total: bigint;
  readonly agents: Readonly<Record<string, bigint>>;
}

interface Asked {
  readonly agent: string;
  readonly amount: bigint;
  readonly signed: boolean;
}

async function run(conditions: Conditions): Promise<Evidence> {
  const random = new Random(conditions.seed, "cap");
  const clients = Math.ceil(conditions.count(200, 1000) / 8) * 8;
  const rounds = conditions.count(1, 5);
  const total = BigInt(clients * PAYMENTS) * CENT;
  const seen: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const equal = await oneRound({ total: total / 2n, agents: {} }, clients, () => CENT);
    assert.equal(equal.length, (clients * PAYMENTS) / 2);
    seen.push(`${grouped(equal.length)} payments of a cent`);
    // Amounts of all sizes, and a cap of its own for two of the agents below its share.
    const agents = { a: total / 10n + 1n, b: total / 20n + 7n };
    const mixed = await oneRound({ total: total / 2n + 3n, agents }, clients, () =>
      BigInt(random.between(1, 20_000)),
    );
    seen.push(`${grouped(mixed.length)} of mixed amounts`);
  }
  return {
    done: `${grouped(clients)} connections x ${PAYMENTS} payments, each asked twice, by ${AGENTS.length} agents; caps for half of them, shared and per agent; rounds: ${rounds}`,
    held: `signed: ${seen.join(", ")}; the caps exactly, or less by no more than the smallest payment that was declined; the record adds up to the same`,
  };
}

/** What was signed. */
async function oneRound(limits: Limits, clients: number, amount: () => bigint): Promise<Asked[]> {
  const home = await SignerHome.make();
  try {
    const signer = await open(home, limits);
    const perAgent = clients / AGENTS.length;
    const each = AGENTS.flatMap((agent) => Array.from({ length: perAgent }, (_, n) => ({ agent, n })));
    const connections = await Promise.all(each.map(({ agent }) => signer.connect(agent)));
    const amounts = each.map(() => Array.from({ length: PAYMENTS }, amount));
    const answers = await Promise.all(
      each.map(({ agent, n }, index) => payAll(connections[index]!, agent, n, amounts[index]!)),
    );
    const asked = answers.flat();
    expectExact(asked, limits);
    const signed = asked.filter((one) => one.signed);
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
  await first.apply(document({ totalMax: usd(total), agents: Object.fromEntries(own) as object }));
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
  client: number,
  amounts: readonly bigint[],
): Promise<Asked[]> {
  const pay = async (amount: bigint, index: number): Promise<Asked> => {
    const wanted = intent(client * PAYMENTS + index, { amount: amount.toString(), maxTimeoutSeconds: 600 });
    const params = { intent: wanted };
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
    return { agent, amount, signed: first.outcome === "signed" || second.outcome === "signed" };
  };
  return await Promise.all(amounts.map(pay));
}

const sum = (asked: readonly Asked[]): bigint => asked.reduce((total, { amount }) => total + amount, 0n);

/** No cap is passed, and nothing was declined that would still fit. */
function expectExact(asked: readonly Asked[], limits: Limits): void {
  const signed = asked.filter((one) => one.signed);
  const left = limits.total - sum(signed);
  assert.ok(left >= 0n, `the cap was passed by ${-left}`);
  for (const agent of AGENTS) {
    const limit = limits.agents[agent] ?? limits.total;
    const leftOfAgent = limit - sum(signed.filter((one) => one.agent === agent));
    assert.ok(leftOfAgent >= 0n, `${agent}'s cap was passed by ${-leftOfAgent}`);
    for (const one of asked) {
      if (one.agent !== agent || one.signed) continue;
      assert.ok(
        one.amount > left || one.amount > leftOfAgent,
        `${one.amount} was declined and would have fit`,
      );
    }
  }
}

async function expectRecord(signer: SignerProcess, signed: readonly Asked[]): Promise<void> {
  const record = await LedgerRecord.read(signer.operator);
  assert.equal(record.reserved(), sum(signed));
  assert.equal(record.counter("household|usd|total"), sum(signed));
  for (const agent of AGENTS) {
    const rows = record.ofKind("payment.reserved").filter((row) => row.agent === agent);
    const own = signed.filter((one) => one.agent === agent);
    assert.equal(rows.length, own.length);
    assert.equal(
      rows.reduce((total, { amount }) => total + BigInt(amount ?? 0), 0n),
      sum(own),
    );
  }
}
