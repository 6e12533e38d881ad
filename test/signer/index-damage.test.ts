// The index of payments is not hashed as the record is: damage in it is found when it is used, and answers for nobody.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { OTHER_PAYEE, document, idOf, intent } from "./intents.ts";

it.each([
  ["points to another intent's draft", "draft = (SELECT draft FROM payments WHERE id = ?)", "LEDGER_DAMAGED"],
  [
    "has another fingerprint",
    "fingerprint = (SELECT fingerprint FROM payments WHERE id = ?)",
    "LEDGER_DAMAGED",
  ],
  ["has a state that is none", "state = CASE WHEN id = ? THEN '' ELSE 'reserwed' END", "LEDGER_DAMAGED"],
])("an entry that %s signs nothing", async (_what, change, code) => {
  const home = await SignerHome.make();
  try {
    const signer = await home.start();
    await signer.unlock();
    await signer.apply(document());
    await signer.sign(intent(1));
    await signer.sign(intent(2, { payTo: OTHER_PAYEE }));
    await signer.close(); // its last row is a checkpoint: the start does not read these rows again
    const db = new DatabaseSync(join(home.state, "ledger.db"));
    db.exec("PRAGMA ignore_check_constraints = ON"); // as a bad disk does
    db.prepare(`UPDATE payments SET ${change} WHERE id = ?`).run(idOf(2), idOf(1));
    db.close();
    const next = await home.start();
    await next.unlock();
    expect(await outcomeOf(next.sign(intent(1)))).toBe(code);
    expect(await outcomeOf(next.sign(intent(2, { payTo: OTHER_PAYEE })))).toBe("signed");
    await next.close();
  } finally {
    home.remove();
  }
});

it.each([
  ["points to an older document", "seq = (SELECT seq FROM policies WHERE version = 1)"],
  ["has another hash", "hash = 'no hash'"],
  ["has another version", "version = 7"],
])("a newest policy whose entry %s is damage", async (_what, change) => {
  const home = await SignerHome.make();
  try {
    const signer = await home.start();
    await signer.unlock();
    await signer.apply(document());
    await signer.apply(document({ totalMax: "1.00" }));
    await signer.close();
    const db = new DatabaseSync(join(home.state, "ledger.db"));
    db.exec(`UPDATE policies SET ${change} WHERE version = 2`);
    db.close();
    const next = await home.start();
    expect(await next.status()).toMatchObject({ state: "frozen", frozenBy: "LEDGER_DAMAGED" });
    await next.close();
  } finally {
    home.remove();
  }
});
