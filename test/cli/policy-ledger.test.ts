// x402-policy ledger: what it says of a ledger that is not trusted, what accepting means, and what it asks.
import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { entryOf } from "../../protocol/errors.ts";
import { type Head, headSchema } from "../../protocol/shapes.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "../signer/intents.ts";
import { atTerminal, policy } from "./policy-command.ts";
import { vault } from "./vault-command.ts";

let home: SignerHome;
let signer: Signer;

const run = (...args: string[]) => policy(home.folder, ["ledger", ...args]);
const headFile = (): string => join(home.folder, "head.json");

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.start();
  await signer.unlock();
  await signer.apply(document({ perDayMax: "5.00", agents: { research: { perWeekMax: "9.00" } } }));
  expect(await outcomeOf(signer.sign(intent(1)))).toBe("signed");
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

/** Back to what it was a payment ago; the head file and head.json are not. */
async function rollBack(): Promise<Head> {
  await signer.close();
  const copy = join(home.folder, "copy");
  cpSync(home.state, copy, { recursive: true });
  signer = await home.start();
  await signer.unlock();
  expect(await outcomeOf(signer.sign(intent(2)))).toBe("signed");
  const { head } = await signer.status();
  writeFileSync(headFile(), JSON.stringify(head), { mode: 0o600 });
  await signer.close();
  cpSync(join(copy, "ledger.db"), join(home.state, "ledger.db"));
  rmSync(copy, { recursive: true });
  signer = await home.start();
  return head;
}

it("says that nothing is wrong", async () => {
  const { status, stdout } = await run();
  expect(status).toBe(0);
  expect(stdout).toMatch(/^ledger [0-9a-f]{32}, \d+ rows, head [0-9a-f]{64}\nNothing is wrong with it\.\n$/);
  expect(await run("accept", "--yes")).toMatchObject({ status: 2, stdout: "" });
});

describe("a ledger that has lost rows", () => {
  it("is told with its code and what to do, by every command", async () => {
    await rollBack();
    const shown = await run();
    expect(shown.status).toBe(1);
    expect(shown.stdout).toContain(`LEDGER_BEHIND: ${entryOf("LEDGER_BEHIND").text}`);
    expect(shown.stdout).toContain("x402-policy ledger accept");
    const status = await vault(home.folder, ["status"]);
    expect(status.stdout).toContain("LEDGER_BEHIND");
    expect(status.stdout).toContain("x402-policy ledger accept");
    const set = await policy(home.folder, ["set", "perDayMax", "6.00", "--yes"]);
    expect([set.status, set.stderr]).toEqual([4, expect.stringContaining(entryOf("LEDGER_BEHIND").text)]);
  });

  it("is accepted after a yes at the terminal, with the budgets that fill up in view", async () => {
    const head = await rollBack();
    const no = atTerminal(home.folder, ["ledger", "accept"]);
    await no.answer("Accept it?", "n");
    expect(await no.status()).toBe(1);
    expect((await signer.status()).frozenBy).toBe("LEDGER_BEHIND");
    const yes = atTerminal(home.folder, ["ledger", "accept"]);
    await yes.answer("Accept it?", "yes");
    expect(await yes.status()).toBe(0);
    expect(yes.output).toMatch(/household +perDayMax +0\.01 of 5\.00 +full/);
    expect(yes.output).toMatch(/agent:research +perWeekMax +0\.00 of 9\.00 +full/);
    expect(yes.output).toContain("Policy version 1 is in force then");
    const kept = headSchema.parse(JSON.parse(readFileSync(headFile(), "utf8")));
    expect(kept).toEqual((await signer.status()).head);
    expect(kept.seq).toBeGreaterThan(head.seq);
    await signer.unlock({}, { lastHead: kept });
    expect(await outcomeOf(signer.sign(intent(3)))).toBe("BUDGET_EXCEEDED");
  });

  it("is accepted with a sum, by a script", async () => {
    await rollBack();
    for (const wrong of ["x", "-1", "1.0000001", ""])
      expect((await run("accept", "--assume", wrong, "--yes")).status, wrong).toBe(2);
    const done = await run("accept", "--assume", "0.50", "--yes");
    expect(done.stderr).toMatch(/household +perDayMax +0\.01 of 5\.00 +\+ 0\.50/);
    expect(done.status).toBe(0);
    expect(done.stdout).toMatch(/^Accepted LEDGER_BEHIND in row \d+\.\n$/);
    await signer.unlock();
    const { scopes } = await signer.status();
    const day = scopes.flatMap(({ left }) => left).find(({ rule }) => rule === "perDayMax");
    expect(day?.used).toBe("0.51");
  });

  it("that head.json alone knows of is covered by one acceptance", async () => {
    const head = await rollBack();
    writeFileSync(headFile(), JSON.stringify({ ...head, seq: head.seq + 500 }), { mode: 0o600 });
    const done = await run("accept", "--yes");
    expect(done.stdout).toBe(`Accepted LEDGER_BEHIND in row ${head.seq + 501}.\n`);
  });
});

it("a database that is gone is told, and what is kept of the old one", async () => {
  await signer.close();
  writeFileSync(join(home.state, "ledger.db"), "no database ".repeat(1000));
  signer = await home.start();
  const backup = await run("backup", join(home.folder, "backup"));
  expect([backup.status, backup.stderr]).toEqual([4, expect.stringContaining("no backup was made")]);
  expect(readdirSync(home.folder).filter((name) => name.startsWith("backup"))).toEqual([]);
  const done = await run("accept", "--yes");
  expect(done.stdout).toContain("The old file is kept as ledger.db.ledger-damaged-1.");
  expect(done.stderr).toContain("No policy is in force: run x402-policy apply.");
});
