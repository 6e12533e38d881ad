// Killed at its very first start: nothing is in the way of the next one. test/torture/kills.ts kills it under load.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MAIN } from "../../signer/harden/flags.ts";
import { SignerHome } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

it.each([
  "lock",
  "ledger.db",
  "ledger.db-wal",
  "head",
  "../run/lock",
  "../run/agent.sock",
  "../run/operator.sock",
])("killed at its first start as soon as it has made %s, it starts like new", async (name) => {
  const home = await SignerHome.make();
  const child = spawn(process.execPath, [MAIN, "--home", home.state, "--sockets", home.sockets], {
    stdio: "ignore",
  });
  const dead = once(child, "exit");
  while (!existsSync(join(home.state, name))) await new Promise(setImmediate);
  child.kill("SIGKILL");
  await dead;
  const signer = await home.start();
  await signer.unlock();
  await signer.apply(document());
  expect(await signer.sign(intent(1))).toMatchObject({ outcome: "signed" });
  await LedgerRecord.read(signer.operator);
  await signer.close();
  home.remove();
});
