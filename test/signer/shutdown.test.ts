// SIGTERM: what was accepted is answered, nothing else is taken, the ledger verifies, and nobody can hold it up.
import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { type SignerProcess, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, idOf, intent } from "./intents.ts";
import { RawClient } from "./raw-client.ts";
import { LedgerRecord } from "./record.ts";

let home: SignerHome;
let signer: SignerProcess;

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.spawn();
  await signer.unlock();
  await signer.apply(document());
});

afterEach(() => {
  home.remove();
});

async function restart(): Promise<LedgerRecord> {
  signer.disconnect();
  signer = await home.spawn();
  const record = await LedgerRecord.read(signer.operator);
  expect(record.ofKind("vault.locked").at(-1)).toMatchObject({ reason: "the signer stopped" });
  const lastBefore = record.rows.at(-2);
  expect(lastBefore).toMatchObject({ kind: "checkpoint" });
  await signer.close();
  return record;
}

it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "%s under load answers what was accepted, and every answer is on record",
  async (signal) => {
    const signed: string[] = [];
    const open: string[] = [];
    const worker = async (w: number): Promise<void> => {
      const client = await signer.connect();
      for (let n = 0; ; n++) {
        const name = `${w}-${n}`;
        try {
          const result = await agentCall(client, "payment.sign", {
            intent: intent(name, { maxTimeoutSeconds: 600 }),
          });
          expect(result.outcome).toBe("signed");
        } catch (error) {
          expect(error).toMatchObject({ code: "SIGNER_UNREACHABLE" });
          open.push(name);
          return;
        }
        signed.push(name);
        if (signed.length === 300) process.kill(signer.pid, signal);
      }
    };
    await Promise.all([...Array(32).keys()].map(worker));
    expect(await signer.exit).toEqual({ code: 0, signal: null });
    const record = await restart();
    const recorded = new Set(record.ofKind("payment.reserved").map(({ id }) => id));
    for (const name of signed) expect(recorded).toContain(idOf(name));
    // A request that was recorded was accepted, so it was answered.
    expect(open.filter((name) => recorded.has(idOf(name)))).toEqual([]);
    expect(recorded.size).toBe(signed.length);
  },
);

it("answers all of a pipeline that it has begun to read", async () => {
  const client = await RawClient.connect(signer.socketOf());
  for (let n = 0; n < 200; n++) client.send(n, "payment.sign", { intent: intent(n) });
  await client.reply();
  process.kill(signer.pid, "SIGTERM");
  expect(await signer.exit).toEqual({ code: 0, signal: null });
  const replies = await client.rest();
  const record = await restart();
  const recorded = record
    .ofKind("payment.reserved")
    .map(({ id }) => id)
    .sort();
  // One reply was taken above; all others came before the end.
  expect(replies.length + 1).toBe(recorded.length);
  client.close();
});

it("is not held up by clients that stay, that say half a line, that read nothing, or that keep their side open", async () => {
  const clients = [
    await RawClient.connect(signer.socketOf()),
    await RawClient.connect(signer.socketOf(), { halfOpen: true }),
    await RawClient.connect(signer.socketOf(), { deaf: true, halfOpen: true }),
    await RawClient.connect(signer.socketOf(), { deaf: true, halfOpen: true }),
  ];
  clients[1]?.write('{"jsonrpc":');
  const history = '{"jsonrpc":"2.0","id":1,"method":"signer.status","params":{}}\n';
  clients[3]?.write(history.repeat(20_000));
  expect(await outcomeOf(signer.sign(intent(1)))).toBe("signed");
  process.kill(signer.pid, "SIGTERM");
  expect(await signer.exit).toEqual({ code: 0, signal: null });
  expect(existsSync(signer.socketOf())).toBe(false);
  for (const client of clients) client.close();
  await restart();
});

it("a second signal ends it at once, and the ledger is as after any kill", async () => {
  const deaf = await RawClient.connect(signer.socketOf(), { deaf: true, halfOpen: true });
  deaf.write('{"jsonrpc":"2.0","id":1,"method":"signer.status","params":{}}\n'.repeat(20_000));
  expect(await outcomeOf(signer.sign(intent(1)))).toBe("signed");
  process.kill(signer.pid, "SIGTERM");
  while (existsSync(signer.socketOf())) await new Promise(setImmediate);
  process.kill(signer.pid, "SIGTERM");
  const { code, signal } = await signer.exit;
  expect([code, signal]).toEqual([null, "SIGTERM"]);
  deaf.close();
  signer.disconnect();
  signer = await home.spawn();
  expect((await LedgerRecord.read(signer.operator)).ofKind("payment.reserved")).toHaveLength(1);
  await signer.close();
});
