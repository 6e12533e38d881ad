// A ledger of an older version: brought up to date in one step that is on record.
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Signer, type SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { agreed, deskOf, reconcile, unresolved } from "./findings.ts";
import { intent } from "./intents.ts";
import { OLD_LEDGER_ENDS, OLD_SIGNATURE, oldFile, oldHome } from "./old-ledger.ts";
import { LedgerRecord } from "./record.ts";

let home: SignerHome;
beforeEach(async () => {
  home = await oldHome();
});
afterEach(() => {
  home.remove();
});

const start = (): Promise<Signer> => home.start({ clock: () => OLD_LEDGER_ENDS });
const kinds = ({ rows }: LedgerRecord): string[] => rows.map(({ kind }) => kind);

it("the older ledger is one of schema 1", () => {
  const db = new DatabaseSync(oldFile("ledger.db"), { readOnly: true });
  expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  expect(db.prepare("SELECT * FROM payments").all().map(Object.keys)[0]).not.toContain("state");
  db.close();
});

it("opens, with a row that says so, and remembers what it signed", async () => {
  const signer = await start();
  await signer.unlock();
  const again = await signer.sign(intent("second"));
  expect(again).toMatchObject({ outcome: "signed", replayed: true, payload: { signature: OLD_SIGNATURE } });
  expect(await outcomeOf(signer.sign(intent("second", { amount: "20000" })))).toBe("INTENT_CONFLICT");
  const record = await LedgerRecord.read(signer.operator);
  expect(record.rows.filter(({ kind }) => kind === "ledger.migrated")).toMatchObject([
    { from: 1, to: 2 },
    { from: 2, to: 3 },
  ]);
  expect(record.counter("household|usd|total")).toBe(20_000n);
  expect(record.counter("agent:default|unresolved|total")).toBe(20_000n);
  await signer.close();
});

it("gives back what was booked before there were states", async () => {
  let now = OLD_LEDGER_ENDS;
  const signer = await home.start({ clock: () => now });
  const policy = {
    version: 1,
    allowedNetworks: ["base-sepolia"],
    totalMax: "1000.00",
    maxReleasePerDay: "1.00",
  };
  await signer.apply(policy);
  now += 120_000;
  const desk = await deskOf(signer);
  const payments = await unresolved(desk);
  expect((await reconcile(desk, agreed(payments[0]!))).results).toMatchObject([{ outcome: "released" }]);
  desk.close();
  const record = await LedgerRecord.read(signer.operator);
  expect(record.counter("household|usd|total")).toBe(10_000n);
  expect(record.counter("agent:default|unresolved|total")).toBe(10_000n);
  await signer.close();
});

it("is upgraded once", async () => {
  await (await start()).close();
  const signer = await start();
  const record = await LedgerRecord.read(signer.operator);
  expect(kinds(record).filter((kind) => kind === "ledger.migrated")).toHaveLength(2);
  await signer.close();
});
