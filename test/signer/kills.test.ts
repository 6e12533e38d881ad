// Killed at its very first start: nothing is in the way of the next one. test/torture/kills.ts kills it under load.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { MAIN } from "../../signer/harden/flags.ts";
import { SignerHome } from "../counterparts/signer.ts";
import { RAILS, mixed, mixedDocument, setAdaPrice } from "../torture/payments.ts";
import { oldFile } from "./old-ledger.ts";
import { LedgerRecord } from "./record.ts";

it.each([
  "lock",
  "ledger.db",
  "ledger.db-wal",
  "head",
  "../run/lock",
  "../run/agent.sock",
  "../run/operator.sock",
])(
  "killed at its first start as soon as it has made %s, it starts like new and pays on every rail",
  async (name) => {
    const home = await SignerHome.ofPhrase();
    const child = spawn(process.execPath, [MAIN, "--home", home.state, "--sockets", home.sockets], {
      stdio: "ignore",
    });
    const dead = once(child, "exit");
    while (!existsSync(join(home.state, name))) await new Promise(setImmediate);
    child.kill("SIGKILL");
    await dead;
    const signer = await home.start();
    await signer.unlock();
    await setAdaPrice(signer);
    await signer.apply(mixedDocument());
    for (const { intent, context } of RAILS.map((_, name) => mixed(name)))
      expect(await signer.sign(intent, context && { context })).toMatchObject({ outcome: "signed" });
    await LedgerRecord.read(signer.operator);
    await signer.close();
    home.remove();
  },
);

it("killed between the tables of one version and the next, it begins its ledger like new", async () => {
  const home = await SignerHome.make();
  mkdirSync(home.state, { mode: 0o700 });
  copyFileSync(oldFile("ledger.db"), join(home.state, "ledger.db"));
  const db = new DatabaseSync(join(home.state, "ledger.db"));
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  for (const { name } of tables) db.exec(`DELETE FROM ${String(name)}`);
  db.close();
  const signer = await home.start();
  await signer.unlock();
  const { rows } = await LedgerRecord.read(signer.operator);
  expect(rows.slice(0, 2).map(({ kind }) => kind)).toEqual(["ledger.created", "signer.started"]);
  await signer.close();
  home.remove();
});
