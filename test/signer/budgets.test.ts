// Promise 3: N clients times M requests never pass a cap by one unit, and the record agrees to the unit.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SignerConnection, agentCall } from "../../client/signer.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import { type SignerProcess, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

let home: SignerHome;
let signer: SignerProcess;

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.spawn();
  await signer.unlock();
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const clients = (count: number, agent?: string): Promise<SignerConnection[]> =>
  Promise.all([...Array(count).keys()].map(() => signer.connect(agent)));

const ask = (client: SignerConnection, wanted: WireIntent, session?: string): Promise<string> =>
  outcomeOf(
    agentCall(client, "payment.sign", { intent: wanted, ...(session === undefined ? {} : { session }) }),
  );

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** The sums of the declined rows, counted rows included. Declines in memory come with the close. */
async function declinesAfterClose(): Promise<number> {
  await signer.close();
  signer = await home.spawn();
  const { rows } = await LedgerRecord.read(signer.operator);
  const declined = rows.filter((row) => row.kind === "payment.declined");
  return declined.reduce((sum, { count }) => sum + (count ?? 1), 0);
}

describe("a budget for 100 payments", () => {
  it("gives 200 parallel clients exactly 100 signatures", async () => {
    await signer.apply(document({ totalMax: "1.00" }));
    const all = await clients(200);
    const outcomes = await Promise.all(all.map((client, n) => ask(client, intent(n))));
    expect(tally(outcomes)).toEqual({ signed: 100, BUDGET_EXCEEDED: 100 });
    const record = await LedgerRecord.read(signer.operator);
    expect(record.reserved()).toBe(1_000_000n);
    expect(record.counter("household|usd|total")).toBe(1_000_000n);
    const signed = outcomes.flatMap((outcome, n) => (outcome === "signed" ? [idOf(n)] : []));
    expect(
      record
        .ofKind("payment.reserved")
        .map(({ id }) => id)
        .sort(),
    ).toEqual(signed);
    expect(await declinesAfterClose()).toBe(100);
  });

  it("gives 200 clients that send five requests each, pipelined, exactly 100 too, by count and by amount", async () => {
    const calls = { name: "calls", count: 100, window: "day" };
    await signer.apply(document({ totalMax: "5.00", budgets: [calls] }));
    const all = await clients(200);
    const outcomes = await Promise.all(
      all.flatMap((client, n) => [...Array(5).keys()].map((m) => ask(client, intent(`${n}-${m}`)))),
    );
    expect(tally(outcomes)).toEqual({ signed: 100, VELOCITY_LIMIT_EXCEEDED: 900 });
    const record = await LedgerRecord.read(signer.operator);
    expect(record.counter("household|count|day@UTC")).toBe(100n);
    expect(record.reserved()).toBe(1_000_000n);
    expect(await declinesAfterClose()).toBe(900);
  });

  it("is filled to the last unit by payments of many sizes, and never over it", async () => {
    await signer.apply(document({ totalMax: "1.00" }));
    const all = await clients(50);
    const wanted = [...Array(1000).keys()].map((n) => intent(n, { amount: String(1 + ((n * 7919) % 5000)) }));
    const last = [...Array(5000).keys()].map((n) => intent(`dust-${n}`, { amount: "1" }));
    const outcomes = await Promise.all(wanted.map((one, n) => ask(all[n % 50]!, one)));
    const signed = wanted.filter((_, n) => outcomes[n] === "signed");
    const spent = signed.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    expect(spent).toBeLessThanOrEqual(1_000_000n);
    expect(spent).toBeGreaterThan(995_000n);
    const dust = await Promise.all(last.map((one, n) => ask(all[n % 50]!, one)));
    const left = Number(1_000_000n - spent);
    expect(dust.filter((outcome) => outcome === "signed")).toHaveLength(left);
    const record = await LedgerRecord.read(signer.operator);
    expect(record.reserved()).toBe(1_000_000n);
    expect(record.counter("household|usd|total")).toBe(1_000_000n);
  });
});

describe("several agents under one household", () => {
  it("share its cap exactly, and none passes its own", async () => {
    const agents = { a: { totalMax: "0.20" }, b: { totalMax: "0.20" }, c: { totalMax: "0.90" } };
    await signer.apply(document({ totalMax: "1.00", agents }));
    await signer.close();
    signer = await home.spawn();
    await signer.unlock();
    const names = ["default", "a", "b", "c"];
    const outcomes = await Promise.all(
      names.map(async (agent) => {
        const all = await clients(25, agent);
        return tally(
          await Promise.all(all.flatMap((c, n) => [0, 1].map((m) => ask(c, intent(`${n}-${m}`))))),
        );
      }),
    );
    const signedBy = outcomes.map(({ signed }) => signed ?? 0);
    expect(signedBy.reduce((sum, count) => sum + count, 0)).toBe(100);
    expect(signedBy[1]).toBeLessThanOrEqual(20);
    expect(signedBy[2]).toBeLessThanOrEqual(20);
    const record = await LedgerRecord.read(signer.operator);
    expect(record.counter("household|usd|total")).toBe(1_000_000n);
    for (const [n, agent] of names.entries()) {
      const rows = record.ofKind("payment.reserved").filter((row) => row.agent === agent);
      expect(rows).toHaveLength(signedBy[n]!);
      if (agent !== "default") {
        expect(record.counter(`agent:${agent}|usd|total`)).toBe(BigInt(signedBy[n]!) * 10_000n);
      }
    }
  });

  it("narrow their sessions, each to the unit, and never widen them", async () => {
    await signer.apply(document({ totalMax: "1.00", perCallMax: "0.02" }));
    const client = await signer.connect();
    const open = async (policy: Record<string, unknown>): Promise<string> =>
      (await agentCall(client, "session.open", { policy })).session;
    const sessions = await Promise.all(
      ["0.30", "0.30", "100.00"].map((perSessionMax) => open({ perSessionMax })),
    );
    const outcomes = await Promise.all(
      sessions.map(async (session, s) =>
        tally(await Promise.all([...Array(80).keys()].map((n) => ask(client, intent(`${s}-${n}`), session)))),
      ),
    );
    expect(outcomes.slice(0, 2)).toEqual([
      { signed: 30, SESSION_BUDGET_EXCEEDED: 50 },
      { signed: 30, SESSION_BUDGET_EXCEEDED: 50 },
    ]);
    expect(outcomes[2]).toEqual({ signed: 40, BUDGET_EXCEEDED: 40 });
    expect(await ask(client, intent("dear", { amount: "30000" }), sessions[2])).toBe(
      "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
    );
    expect((await LedgerRecord.read(signer.operator)).counter("household|usd|total")).toBe(1_000_000n);
  });
});
