// What status tells of the largest loss, against a signer.
import { afterEach, beforeEach, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import type { MaxLoss } from "../../protocol/shapes.ts";
import { parseUsd } from "../../protocol/amount.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { USED, agreed, deskOf, reconcile, unresolved } from "./findings.ts";
import { document, intent } from "./intents.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  signer = await home.start({ clock: () => now });
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

async function restart(): Promise<void> {
  await signer.close();
  signer = await home.start({ clock: () => now });
}

const cents = (count: number): string => String(count * 10_000);
const pay = (name: string | number, agent = "default", change = {}): Promise<string> =>
  outcomeOf(signer.sign(intent(name, change), { agent }));
const loss = async (): Promise<MaxLoss> => (await signer.status()).maxLoss;

/** In USD: alive, unresolved, hour, day, total. */
const sums = async (): Promise<string> => {
  const { alive, unresolved, hour, day, total } = await loss();
  return [alive, unresolved, hour, day, total].join(" ");
};

it("is nothing but what is alive while nothing is signed", async () => {
  expect(await sums()).toBe("0.00 0.00 0.00 0.00 0.00");
  await signer.unlock();
  expect(await sums()).toBe("0.00 0.00 0.00 0.00 0.00"); // no policy
  await signer.apply(document({ totalMax: "9.00", perDayMax: "5.00" }));
  expect(await sums()).toBe("0.00 0.00 5.00 9.00 9.00");
  await pay(1, "default", { amount: cents(40) });
  expect(await sums()).toBe("0.40 0.00 5.00 9.00 9.00");
  await signer.lock();
  expect(await sums()).toBe("0.40 0.00 0.40 0.40 0.40");
  await signer.unlock();
  await operatorCall(signer.operator, "agent.freeze", {});
  expect(await sums()).toBe("0.40 0.00 0.40 0.40 0.40");
  now += MINUTE;
  expect(await sums()).toBe("0.00 0.40 0.00 0.00 0.00");
  await restart();
  expect(await sums()).toBe("0.00 0.40 0.00 0.00 0.00");
});

it("falls when a payment is shown to be settled, and stays when it is given back", async () => {
  await signer.unlock();
  await signer.apply(document({ totalMax: "1.00", maxReleasePerDay: "5.00" }));
  for (const n of [1, 2]) await pay(n, "default", { amount: cents(20) });
  now += 2 * MINUTE;
  expect(await sums()).toBe("0.00 0.40 1.00 1.00 1.00");
  const desk = await deskOf(signer);
  const [first, second] = await unresolved(desk);
  await reconcile(desk, agreed(first!, USED));
  expect(await sums()).toBe("0.00 0.20 0.80 0.80 0.80");
  await reconcile(desk, agreed(second!));
  expect(await sums()).toBe("0.00 0.00 0.80 0.80 0.80");
  desk.close();
});

it("is bounded by what an unlock is given, and by its end", async () => {
  await signer.apply(document({ totalMax: undefined, perDayMax: "5.00", perCallMax: "0.10" }));
  await signer.unlock();
  expect(await sums()).toBe("0.00 0.00 5.00 10.00 unbounded");
  await signer.unlock({ endsAt: new Date(now + 30 * HOUR).toISOString() });
  expect(await sums()).toBe("0.00 0.00 5.00 10.00 10.00");
  await signer.unlock({ spend: "0.70" });
  expect(await sums()).toBe("0.00 0.00 0.70 0.70 0.70");
  await signer.unlock({ count: 3 });
  expect(await sums()).toBe("0.00 0.00 0.30 0.30 0.30");
});

it("is told to an agent of itself, and adds up where agents have limits of their own", async () => {
  const agents = { a: { perDayMax: "1.00" }, b: { perDayMax: "2.00" }, default: { perDayMax: "0.50" } };
  await signer.apply(document({ perDayMax: "5.00", agents }));
  await restart();
  await signer.unlock();
  expect((await loss()).hour).toBe("3.50");
  const own = async (agent: string) =>
    (await agentCall(await signer.agent(agent), "signer.status", {})).maxLoss.hour;
  expect([await own("a"), await own("b")]).toEqual(["1.00", "2.00"]);
  await pay(1, "b", { amount: cents(30) });
  await operatorCall(signer.operator, "agent.freeze", { agent: "b" });
  expect([await own("b"), (await loss()).hour]).toEqual(["0.30", "1.80"]);
  // An agent that the policy drops is not forgotten while something of it is alive.
  await signer.apply(document({ perDayMax: "5.00", agents: { a: agents.a, default: agents.default } }));
  expect((await loss()).hour).toBe("1.80");
});

it("counts what was signed before midnight on both days", async () => {
  now = Date.UTC(2026, 10, 20, 23, 59, 30);
  await signer.unlock();
  await signer.apply(document({ perDayMax: "1.00", totalMax: "50.00" }));
  await pay(1, "default", { amount: cents(100), maxTimeoutSeconds: 120 });
  expect(await sums()).toBe("1.00 0.00 1.00 1.00 50.00");
  now += 30_000;
  expect(await sums()).toBe("1.00 0.00 1.00 2.00 50.00");
});

it("is never below what agents get that take all they can, moment by moment", async () => {
  const rules = document({
    totalMax: "30.00",
    perCallMax: "1.00",
    budgets: [
      { name: "hour", limit: "2.00", window: "1h" },
      { name: "count", count: 4, window: "90m" },
    ],
    agents: { a: { perDayMax: "5.00" } },
  });
  await signer.apply(rules);
  await restart();
  await signer.unlock();
  for (let n = 0; n < 3; n++) {
    await pay(`old-${n}`, n === 1 ? "a" : "default", { amount: cents(60) });
    now += 20 * MINUTE;
  }
  const bounds = await loss();
  const start = now;
  const taken = new Map<string, bigint>();
  const take = async (name: string, agent: string, count: number): Promise<boolean> => {
    const signed = (await pay(name, agent, { amount: cents(count), maxTimeoutSeconds: 60 })) === "signed";
    if (signed) taken.set(name, BigInt(cents(count)));
    return signed;
  };
  for (let step = 0; now - start <= 24 * HOUR; step++) {
    for (let n = 0; n < 3; n++) await take(`old-${n}`, n === 1 ? "a" : "default", 60);
    for (const agent of ["a", "default"])
      for (const count of [100, 40, 1]) await take(`new-${step}-${agent}-${count}`, agent, count);
    const lost = [...taken.values()].reduce((sum, amount) => sum + amount, 0n);
    if (now - start <= HOUR) expect(lost <= parseUsd(bounds.hour)).toBe(true);
    expect(lost <= parseUsd(bounds.day) && lost <= parseUsd(bounds.total)).toBe(true);
    now += now - start < HOUR ? MINUTE : 31 * MINUTE;
  }
});
