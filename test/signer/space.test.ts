// A disk that is nearly full: what an agent can cause for free is not written any more, and allowed payments go on.
import { afterEach, beforeEach, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { KEPT_BYTES } from "../../signer/ledger/space.ts";
import { SESSIONS_PER_DAY } from "../../signer/sessions.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

let home: SignerHome;
let signer: Signer;
let now: number;
let free: number;

const start = async (): Promise<void> => {
  signer = await home.start({ clock: () => now, freeBytes: () => free });
  await signer.unlock();
};

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  free = KEPT_BYTES * 10;
  home = await SignerHome.make();
  await start();
  await signer.apply(document({ perCallMax: "0.50" }));
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const decline = (name: string): Promise<string> => outcomeOf(signer.sign(intent(name, { amount: "900000" })));
const rows = async (kind: string) => (await LedgerRecord.read(signer.operator)).ofKind(kind);

it("keeps the last of it for payments: declines are counted, sessions refused", async () => {
  const agent = await signer.agent();
  const { session } = await agentCall(agent, "session.open", { policy: {} });
  expect(await decline("one")).toBe("AMOUNT_EXCEEDS_PER_REQUEST_LIMIT");
  expect(await rows("payment.declined")).toHaveLength(1);
  free = KEPT_BYTES - 1;
  now += 5000;
  for (let n = 0; n < 20; n++) expect(await decline(`full-${n}`)).toBe("AMOUNT_EXCEEDS_PER_REQUEST_LIMIT");
  expect(await codeOf(() => agentCall(agent, "session.open", { policy: {} }))).toBe("DISK_LOW");
  expect((await operatorCall(signer.operator, "ledger.inspect", {})).spaceIsLow).toBe(true);
  now += 120_000;
  expect(await outcomeOf(signer.sign(intent(1), { session }))).toBe("signed");
  expect(await rows("payment.declined")).toHaveLength(1);
  await agentCall(agent, "session.close", { session });
  free = KEPT_BYTES;
  now += 5000;
  expect(await outcomeOf(signer.sign(intent(2)))).toBe("signed");
  expect((await rows("payment.declined")).at(-1)).toMatchObject({ count: 20 });
  await agentCall(agent, "session.open", { policy: {} });
});

it("counts sessions of a day over restarts", async () => {
  const agent = await signer.agent();
  const open = (): Promise<unknown> => agentCall(agent, "session.open", { policy: {} });
  for (let n = 0; n < 3; n++) await open();
  const used = async (): Promise<bigint> =>
    (await LedgerRecord.read(signer.operator)).counter("agent:default|sessions|day");
  expect(await used()).toBe(3n);
  await signer.close();
  await start();
  await agentCall(await signer.agent(), "session.open", { policy: {} });
  expect(await used()).toBe(4n);
  expect(SESSIONS_PER_DAY).toBe(10_000);
});
