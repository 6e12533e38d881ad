// A disk that takes no more: the commit that fails is the last thing the signer does, and nothing of it is signed.
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { entryOf } from "../../protocol/errors.ts";
import type { SignResult } from "../../protocol/shapes.ts";
import { SignerHome, type SignerProcess } from "../counterparts/signer.ts";
import { document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const SURVIVE = pathToFileURL(fileURLToPath(new URL("survive-xfsz.ts", import.meta.url))).href;
const longIntent = (name: string) => intent(name, { maxTimeoutSeconds: 600 });

/** From now on no file of this process grows past `bytes`. */
const limitFiles = ({ pid }: SignerProcess, bytes: number): void => {
  execFileSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:`]);
};

async function start(home: SignerHome): Promise<SignerProcess> {
  const signer = await home.spawn({ node: ["--import", SURVIVE] });
  await signer.unlock();
  return signer;
}

it("ends the signer with LEDGER_WRITE; what was signed is on record, and the rest can be asked again", async () => {
  const home = await SignerHome.make();
  onTestFinished(() => {
    home.remove();
  });
  const held = new Map<string, SignResult>();
  const failed = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const signer = await start(home);
    if (round === 0) await signer.apply(document());
    // Room for some commits, and for a part of the one that fails.
    limitFiles(signer, walSize(home) + 200_000 + round * 7_001);
    const work = async (worker: number): Promise<void> => {
      const client = await signer.connect();
      for (let n = 0; ; n++) {
        const name = `${round}-${worker}-${n}`;
        try {
          held.set(name, await agentCall(client, "payment.sign", { intent: longIntent(name) }));
        } catch (error) {
          expect(error).toMatchObject({ code: "SIGNER_UNREACHABLE" });
          failed.add(name);
          return;
        }
      }
    };
    await Promise.all([0, 1, 2, 3, 4, 5].map(work));
    expect(await signer.exit).toEqual({ code: entryOf("LEDGER_WRITE").exit, signal: null });
    expect(entryOf("LEDGER_WRITE").exit).toBe(4);
    expect(signer.output).toContain(entryOf("LEDGER_WRITE").text);
    signer.disconnect();
  }
  const signer = await start(home);
  const { rows } = await LedgerRecord.read(signer.operator);
  const recorded = new Set(rows.map(({ id }) => id));
  expect(held.size).toBeGreaterThan(50);
  for (const [name, before] of held) {
    expect(before.outcome).toBe("signed");
    expect(recorded).toContain(idOf(name));
    const again = await signer.sign(longIntent(name));
    expect(again).toMatchObject({ replayed: true, payload: (before as { payload: object }).payload });
  }
  // Nobody waits for a signature of the commit that failed; its payments are new when they are asked again.
  expect(failed.size).toBe(30);
  for (const name of failed) {
    const again = await signer.sign(longIntent(name));
    expect(again).toMatchObject({ outcome: "signed", replayed: recorded.has(idOf(name)) });
  }
  await signer.close();
});

it("ends it also when an operator's row cannot be written, and the signer that starts next is locked", async () => {
  const home = await SignerHome.make();
  onTestFinished(() => {
    home.remove();
  });
  const signer = await start(home);
  await signer.apply(document());
  limitFiles(signer, walSize(home));
  await expect(signer.apply(document({ perCallMax: "1.00" }))).rejects.toMatchObject({
    code: "SIGNER_UNREACHABLE",
  });
  expect(await signer.exit).toEqual({ code: 4, signal: null });
  signer.disconnect();
  const next = await home.spawn();
  expect(await next.status()).toMatchObject({ state: "locked", policy: { version: 1 } });
  await LedgerRecord.read(next.operator);
  await next.close();
});

it("at the start ends the signer before it listens", async () => {
  const home = await SignerHome.make();
  onTestFinished(() => {
    home.remove();
  });
  await (await home.spawn()).close();
  const limited = ["prlimit", "--fsize=64:"];
  const failed = await home
    .spawn({ node: ["--import", SURVIVE], under: limited })
    .catch((error: unknown) => error);
  expect(failed).toMatchObject({ exit: 4 });
  expect((failed as { output: string }).output).toContain(entryOf("LEDGER_WRITE").text);
  await (await home.spawn()).close();
});

function walSize({ state }: SignerHome): number {
  return statSync(join(state, "ledger.db-wal")).size;
}
