// An intent that is drafted again and again: what is kept of it stays small, and what is told of it stays true.
import { afterEach, beforeEach, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const SECOND = 1000;

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

/** Every draft is dead when the next one is asked for. */
async function draft(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    expect(await outcomeOf(signer.sign(intent("again", { maxTimeoutSeconds: 1 })))).toBe("signed");
    now += SECOND + 1;
  }
}

it("has rows that do not grow with the drafts before them", async () => {
  await signer.apply(document({ budgets: [{ name: "slow down", count: 60, window: "1m" }] }));
  await draft(400);
  const { rows } = await operatorCall(signer.operator, "audit.query", { after: 0 });
  expect(Math.max(...rows.map(({ body }) => body.length))).toBeLessThan(5000);
});

it("is counted under a new document in one reading of the record", async () => {
  await signer.apply(document());
  await draft(1500);
  const started = performance.now();
  await signer.apply(document({ perDayMax: "5.00" }));
  // Reading the record once for every draft in it would take minutes.
  expect(performance.now() - started).toBeLessThan(5000);
  const record = await LedgerRecord.read(signer.operator);
  expect(record.counter("household|usd|day@UTC")).toBe(10_000n);
});

it("is told as alive while its newest draft is", async () => {
  await signer.apply(document());
  await draft(2);
  const agent = await signer.agent();
  expect((await agentCall(agent, "history.list", {})).payments).toMatchObject([{ state: "expired" }]);
  const signed = await signer.sign(intent("again"));
  const { payments } = await agentCall(agent, "history.list", {});
  expect(payments).toMatchObject([
    { state: "reserved", expiresAt: signed.outcome === "signed" && signed.expiresAt },
  ]);
});

it("counts a payment under a later document for what it was, also when its token has no price any more", async () => {
  const token = `0x${"ab".repeat(20)}`;
  const asset = {
    network: "base-sepolia",
    address: token,
    symbol: "EURC",
    decimals: 6,
    name: "E",
    version: "1",
  };
  const wallet = { version: 1, totalMax: "100.00" };
  await signer.apply({ ...wallet, assets: [{ ...asset, pegged: true }] });
  expect(await outcomeOf(signer.sign(intent("euro", { asset: token, amount: "50000000" })))).toBe("signed");
  await signer.apply({ ...wallet, perWeekMax: "50.00", assets: [{ ...asset, decimals: 18 }] });
  expect(await outcomeOf(signer.sign(intent("dollar")))).toBe("WEEKLY_BUDGET_EXCEEDED");
});
