// `audit verify` against ledgers that were changed behind the signer's back.
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { document, intent } from "../signer/intents.ts";
import { policy } from "./policy-command.ts";

let home: SignerHome;
let signer: Signer;
const verify = () => policy(home.folder, ["audit", "verify"]);

const rules = document({
  perSessionMax: "5",
  perDayMax: "5",
  budgets: [
    { name: "fast", count: 50, window: "1m" },
    { name: "payee", limit: "1", window: "1h", per: "recipient" },
  ],
});

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.start();
  await signer.apply(rules);
  await signer.unlock({ spend: "1.00", count: 20 });
  const { session } = await agentCall(await signer.agent(), "session.open", {
    policy: { perSessionMax: "1.00" },
  });
  for (let i = 0; i < 3; i++) await signer.sign(intent(i), { session });
  // As x402-vault unlock leaves it.
  const { head } = await signer.status();
  writeFileSync(join(home.folder, "head.json"), JSON.stringify(head), { mode: 0o600 });
});
afterEach(async () => {
  await signer.close();
  home.remove();
});

/** Stops the signer in order, changes its files, and starts it again. */
async function behindItsBack(change: () => void): Promise<void> {
  await signer.close();
  change();
  signer = await home.start();
}
const sql = (statement: string) => () => {
  const db = new DatabaseSync(join(home.state, "ledger.db"));
  db.exec(statement);
  db.close();
};

describe("audit verify", () => {
  it("is true through locks, restarts, sessions that ended, and new documents", async () => {
    expect((await verify()).stdout).toMatch(/^true: /);
    await signer.lock();
    expect((await verify()).stdout).toMatch(/^true: /);
    await behindItsBack(() => undefined);
    expect((await verify()).stdout).toMatch(/^true: /);
    await signer.apply({ ...rules, perWeekMax: "9", timezone: "Asia/Tokyo" });
    expect((await verify()).stdout).toMatch(/^true: /);
    await signer.unlock();
    await signer.sign(intent("again"));
    await signer.apply({ ...rules, perMonthMax: "9" });
    await behindItsBack(() => undefined);
    expect((await verify()).stdout).toMatch(/^true: /);
  });

  it.each([
    [
      "changed",
      "UPDATE audit SET body = replace(body, 'kind', 'kinD') WHERE seq = 6",
      "row 6: was changed, or does not follow the row before it",
    ],
    ["removed", "DELETE FROM audit WHERE seq = 7", "row 7: is missing"],
    [
      "exchanged",
      "UPDATE audit SET body = (SELECT body FROM audit WHERE seq = 8) WHERE seq = 7",
      "row 7: was changed, or does not follow the row before it",
    ],
  ])("finds a row that was %s", async (_what, statement, said) => {
    await behindItsBack(sql(statement));
    const { status, stdout } = await verify();
    expect(status).toBe(1);
    expect(stdout).toBe(`not true: ${said}\n`);
  });

  it("finds a ledger that was rolled back together with its own head", async () => {
    const copy = join(home.folder, "copy");
    await behindItsBack(() => {
      cpSync(home.state, copy, { recursive: true });
    });
    await signer.unlock();
    await signer.sign(intent("later"));
    expect((await verify()).status).toBe(0);
    await behindItsBack(() => {
      rmSync(home.state, { recursive: true });
      cpSync(copy, home.state, { recursive: true });
    });
    const { status, stdout } = await verify();
    expect(status).toBe(1);
    expect(stdout).toMatch(/^not true: row \d+ was seen, and the record ends at row \d+/);
  });

  it("finds another history of the same ledger", async () => {
    const copy = join(home.folder, "copy");
    await behindItsBack(() => {
      cpSync(home.state, copy, { recursive: true });
    });
    await signer.unlock();
    expect((await verify()).status).toBe(0);
    await behindItsBack(() => {
      rmSync(home.state, { recursive: true });
      cpSync(copy, home.state, { recursive: true });
    });
    await signer.unlock();
    for (let i = 0; i < 10; i++) await signer.sign(intent(`other-${i}`));
    const { status, stdout } = await verify();
    expect(status).toBe(1);
    expect(stdout).toContain("is not the one that the head names");
  });

  it("finds another ledger in the place of the one it knows", async () => {
    expect((await verify()).status).toBe(0);
    await behindItsBack(() => {
      rmSync(home.state, { recursive: true });
    });
    const { status, stdout } = await verify();
    expect(status).toBe(1);
    expect(stdout).toContain("and what is to be proved is of another");
  });
});
