// Declines are on record, every one; but a hostile agent cannot fill the disk with them.
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { ROWS_PER_SECOND } from "../../signer/ledger/declines.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord, type RecordRow } from "./record.ts";

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  await start();
  await signer.apply(document({ perCallMax: "0.01", agents: { a: {} } }));
  await restart();
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

async function start(): Promise<void> {
  signer = await home.start({ clock: () => now });
  await signer.unlock();
}

async function restart(): Promise<void> {
  await signer.close();
  await start();
}

const DEAR = { amount: "20000" };
const OTHER_CHAIN = { network: "eip155:8453", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" } as const;

async function decline(count: number, name: string, changed: object, agent = "default"): Promise<void> {
  const asked = [...Array(count).keys()].map((n) =>
    outcomeOf(signer.sign(intent(`${name}-${n}`, changed), { agent })),
  );
  const code = changed === DEAR ? "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT" : "CHAIN_NOT_ALLOWED";
  expect(await Promise.all(asked)).toEqual(asked.map(() => code));
}

async function declined(): Promise<RecordRow[]> {
  return (await LedgerRecord.read(signer.operator)).ofKind("payment.declined");
}

const sum = (rows: readonly RecordRow[]): number =>
  rows.reduce((total, { count }) => total + (count ?? 1), 0);
const counted = (rows: readonly RecordRow[]): RecordRow[] => rows.filter(({ count }) => count !== undefined);

it("up to ten a second each have a row", async () => {
  for (let second = 0; second < 3; second++) {
    await decline(ROWS_PER_SECOND, `s${second}`, DEAR);
    now += 1000;
  }
  const rows = await declined();
  expect(rows).toHaveLength(30);
  expect(counted(rows)).toHaveLength(0);
  expect(rows[0]).toMatchObject({
    agent: "default",
    amount: "20000",
    check: { code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT" },
  });
});

it("beyond ten a second become one row per agent and reason, and the sum is exact after a close", async () => {
  await Promise.all([
    decline(500, "dear", DEAR),
    decline(300, "chain", OTHER_CHAIN),
    decline(200, "theirs", DEAR, "a"),
  ]);
  const before = await declined();
  expect(before).toHaveLength(2 * ROWS_PER_SECOND);
  await restart();
  const rows = await declined();
  expect(sum(rows)).toBe(1000);
  expect(counted(rows)).toHaveLength(3);
  const of = (agent: string, code: string): number =>
    sum(rows.filter((row) => row.agent === agent && row.check?.code === code));
  expect(of("default", "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT")).toBe(500);
  expect(of("default", "CHAIN_NOT_ALLOWED")).toBe(300);
  expect(of("a", "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT")).toBe(200);
  expect(of("a", "CHAIN_NOT_ALLOWED")).toBe(0);
});

it("are written once a minute while the signer runs", async () => {
  await decline(50, "first", DEAR);
  now += 59_000;
  await decline(1, "second", DEAR);
  expect(sum(await declined())).toBe(11);
  now += 1_000;
  await decline(1, "third", DEAR);
  const rows = await declined();
  expect(sum(rows)).toBe(52);
  expect(counted(rows)).toMatchObject([{ count: 40, since: now - 60_000 }]);
});

it("of a blocked payee's replays are counted alike", async () => {
  expect(await outcomeOf(signer.sign(intent(1)))).toBe("signed");
  await signer.apply(document({ blockedRecipients: [intent(1).payTo] }));
  const asked = [...Array(100).keys()].map(() => outcomeOf(signer.sign(intent(1))));
  expect(new Set(await Promise.all(asked))).toEqual(new Set(["RECIPIENT_BLOCKED"]));
  await restart();
  expect(sum(await declined())).toBe(100);
});

it("of one agent cost another agent nothing: its rows are its own", async () => {
  await decline(1000, "flood", DEAR, "a");
  await decline(5, "few", OTHER_CHAIN);
  const rows = await declined();
  expect(rows.filter(({ agent }) => agent === "default")).toHaveLength(5);
  expect(rows.filter(({ agent }) => agent === "a")).toHaveLength(ROWS_PER_SECOND);
});

it("do not grow the ledger with their number", async () => {
  await decline(3000, "x", DEAR);
  const { head } = await signer.status();
  await decline(3000, "y", DEAR);
  expect((await signer.status()).head.seq - head.seq).toBe(0);
});
