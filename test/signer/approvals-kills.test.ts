// kill -9 between the steps of a payment that waits: what was said stays said, nothing is signed twice, no budget opens.
import { afterEach, beforeEach, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { SignerHome, type SignerProcess, outcomeOf } from "../counterparts/signer.ts";
import { document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

let home: SignerHome;
let signer: SignerProcess;
const DEAR = { amount: "2000000" };

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.spawn();
  await signer.apply(document({ perDayMax: "5.00", approve: { above: "1.00", newRecipient: true } }));
  await signer.unlock();
});
afterEach(async () => {
  await signer.close();
  home.remove();
});

const kill = async (): Promise<void> => {
  await signer.kill();
  signer.disconnect();
  signer = await home.spawn();
  await signer.unlock();
};
const list = async () => (await operatorCall(signer.operator, "approval.list", {})).approvals;
const sign = (name: string) => signer.sign(intent(name, DEAR));
const state = async (name: string) =>
  (await agentCall(await signer.agent(), "approval.get", { id: idOf(name) })).state;

it("after each of them", async () => {
  const held = await sign("one");
  await kill();
  expect(await sign("one")).toEqual(held);
  const [{ approval } = { approval: "" }] = await list();
  const remember = { ceiling: "2.00" };
  await operatorCall(signer.operator, "approval.approve", { approval, remember });
  await kill();
  expect(await state("one")).toBe("approved");
  const signed = await sign("one");
  await kill();
  expect(await state("one")).toBe("signed");
  const again = await sign("one");
  expect(again).toMatchObject({ outcome: "signed", replayed: true });
  expect("payload" in again && again.payload).toEqual("payload" in signed && signed.payload);
  expect(await outcomeOf(signer.sign(intent("known", {})))).toBe("signed");
  await sign("two");
  const [two] = await list();
  await operatorCall(signer.operator, "approval.deny", { approval: two!.approval });
  await kill();
  expect(await outcomeOf(sign("two"))).toBe("APPROVAL_DENIED");
  const record = await LedgerRecord.read(signer.operator);
  expect(record.counter("household|usd|total")).toBe(2_010_000n);
  expect(record.counter("agent:default|held|total")).toBe(0n);
});

it("at any moment of a crowd: the record verifies, and holds and payments stay within the cap", async () => {
  for (let round = 0; round < 6; round++) {
    const asked = Array.from({ length: 12 }, (_, i) => outcomeOf(sign(`r${round}-${i}`)));
    const decided = list().then((approvals) =>
      approvals.map(({ approval }, i) =>
        operatorCall(signer.operator, i % 2 ? "approval.deny" : "approval.approve", { approval }),
      ),
    );
    const all = decided.then(
      (calls) => Promise.allSettled([...calls, ...asked]),
      () => undefined,
    );
    await Promise.race([all, new Promise((resolve) => setImmediate(resolve)), asked[round % 12]]);
    await kill();
    await Promise.allSettled(asked);
    for (const { approval, state: is } of await list())
      if (is === "approved") await operatorCall(signer.operator, "approval.deny", { approval });
    const record = await LedgerRecord.read(signer.operator);
    const waits = (await list()).reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    const signed = record.rows
      .filter(({ kind }) => kind === "payment.reserved")
      .reduce((sum, { usd = "0" }) => sum + BigInt(usd), 0n);
    expect(record.counter("household|usd|total")).toBe(waits + signed);
    expect(waits + signed).toBeLessThanOrEqual(5_000_000n);
  }
});
