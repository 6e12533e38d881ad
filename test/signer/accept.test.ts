// What the operator accepts: every way in which a ledger, a vault or a clock is not trusted, what goes on afterwards, and
// that no budget is larger than before.
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import type { Code } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/shapes.ts";
import { openDatabase } from "../../signer/ledger/database.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { agreed, deskOf, reconcile, unresolved } from "./findings.ts";
import { OTHER_PAYEE, document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

let home: SignerHome;
let signer: Signer;
let now: number;

const start = async (): Promise<void> => {
  signer = await home.start({ clock: () => now });
};

async function restart(change: () => void = () => undefined): Promise<void> {
  await signer.close();
  change();
  await start();
}

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  await start();
  await signer.unlock();
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const file = (name: string): string => join(home.state, name);
const pay = (name: string | number, changed = {}): Promise<string> =>
  outcomeOf(signer.sign(intent(name, changed)));
const accept = (code: Code, more: { assume?: string; lastHead?: Head } = {}) =>
  operatorCall(signer.operator, "ledger.accept", { code, ...more });
const inspect = () => operatorCall(signer.operator, "ledger.inspect", {});
/** With every check of x402-audit-verify. */
const record = (): Promise<LedgerRecord> => LedgerRecord.read(signer.operator);

/** State as it was, to be put back: a copy of a signer that is stopped. */
function copyState(): () => void {
  const copy = join(home.folder, "copy");
  rmSync(copy, { recursive: true, force: true });
  cpSync(home.state, copy, { recursive: true });
  return () => {
    for (const name of readdirSync(home.state)) if (name.startsWith("ledger.db")) rmSync(file(name));
    for (const name of readdirSync(copy)) {
      if (name.startsWith("ledger.db")) cpSync(join(copy, name), file(name));
    }
  };
}

/** Rows are lost: the ledger is what it was before `spend`, and the head file is not. */
async function rollBack(spend: () => Promise<unknown>): Promise<Head> {
  let putBack = (): void => undefined;
  await restart(() => {
    putBack = copyState();
  });
  await signer.unlock();
  await spend();
  const { head } = await signer.status();
  await restart(() => {
    putBack();
  });
  return head;
}

function edit(sql: string): void {
  const db = new DatabaseSync(file("ledger.db"));
  const { changes } = db.prepare(sql).run();
  db.close();
  expect(changes).toBeGreaterThan(0);
}

describe("a ledger that was rolled back", () => {
  it("is frozen until accepted, by its own code only, and goes on behind what was lost", async () => {
    await signer.apply(document({ perDayMax: "0.05" }));
    expect(await pay(1)).toBe("signed");
    const lost = await rollBack(() => pay(2));
    expect(await inspect()).toMatchObject({ code: "LEDGER_BEHIND" });
    for (const code of ["LEDGER_DAMAGED", "VAULT_REPLACED", "CLOCK_AHEAD", "VAULT_OTHER_LEDGER"] as const)
      expect(await codeOf(() => accept(code)), code).toBe("NOTHING_TO_ACCEPT");
    expect((await inspect()).lost?.seq).toBeGreaterThanOrEqual(lost.seq);
    expect(await pay(3)).toBe("LEDGER_BEHIND");
    const { seq } = await accept("LEDGER_BEHIND");
    expect(seq).toBeGreaterThan(lost.seq);
    expect(await inspect()).not.toHaveProperty("code");
    expect((await signer.status()).state).toBe("locked");
    expect(await codeOf(() => accept("LEDGER_BEHIND"))).toBe("NOTHING_TO_ACCEPT");
    const after = await record();
    expect(after.ofKind("ledger.accepted")).toMatchObject([{ code: "LEDGER_BEHIND", assume: "full", seq }]);
    await signer.unlock();
    expect(await pay(4)).toBe("BUDGET_EXCEEDED");
    await restart();
    expect((await signer.status()).state).toBe("locked");
    await signer.unlock({}, { lastHead: after.head });
    expect(await pay(4)).toBe("BUDGET_EXCEEDED");
    await signer.apply(document({ perDayMax: "0.05", totalMax: "1000.02" }));
    expect(await pay(4)).toBe("DAILY_BUDGET_EXCEEDED");
    // What is on record is repeated; what was lost is not known.
    expect(await signer.sign(intent(1))).toMatchObject({ outcome: "signed", replayed: true });
    now += DAY;
    expect(await pay(5)).toBe("signed");
    expect(await pay(6)).toBe("signed");
    expect(await pay(7)).toBe("BUDGET_EXCEEDED");
  });

  it("with a sum assumed has it counted in every budget, and full budgets of counts", async () => {
    const budgets = [
      { name: "payee", limit: "0.10", window: "day", per: "recipient" },
      { name: "often", count: 100, window: "1h" },
    ];
    await signer.apply(document({ perDayMax: "0.10", budgets, agents: { default: { perWeekMax: "0.20" } } }));
    expect(await pay(1)).toBe("signed");
    await rollBack(() => pay(2));
    await accept("LEDGER_BEHIND", { assume: "0.07" });
    await signer.unlock();
    expect(await pay(3)).toBe("VELOCITY_LIMIT_EXCEEDED");
    now += 2 * 3_600_000;
    expect(await pay(3)).toBe("signed"); // 0.01 + 0.07 + 0.01
    expect(await pay(4)).toBe("signed");
    expect(await pay(5)).toBe("DAILY_BUDGET_EXCEEDED");
    const { counters } = await record();
    const used = (key: string): string | undefined => counters.find(([name]) => name === key)?.[2];
    expect(used("agent:default|usd|week@UTC")).toBe("100000");
    expect(used("household|usd|total")).toBe("100000");
  });

  it("with nothing assumed is as its record says", async () => {
    await signer.apply(document({ perDayMax: "0.02" }));
    expect(await pay(1)).toBe("signed");
    await rollBack(() => pay(2));
    await accept("LEDGER_BEHIND", { assume: "0" });
    await signer.unlock();
    expect(await pay(3)).toBe("signed");
    expect(await pay(4)).toBe("DAILY_BUDGET_EXCEEDED");
  });

  it("fills budgets by key for keys that it has never seen", async () => {
    const budgets = [{ name: "payee", limit: "0.05", window: "day", per: "recipient" }];
    await signer.apply({ version: 1, budgets });
    expect(await pay(1)).toBe("signed");
    await rollBack(() => pay(2, { payTo: OTHER_PAYEE }));
    await accept("LEDGER_BEHIND");
    await signer.unlock();
    expect(await pay(3)).toBe("DAILY_BUDGET_EXCEEDED");
    expect(await pay(4, { payTo: OTHER_PAYEE })).toBe("DAILY_BUDGET_EXCEEDED");
    expect(await pay(5, { payTo: "0x90F79bf6EB2c4f870365E785982E1f101E93b906" })).toBe(
      "DAILY_BUDGET_EXCEEDED",
    );
    now += DAY;
    expect(await pay(6, { payTo: OTHER_PAYEE })).toBe("signed");
  });

  it("fills budgets of documents that come later, for windows that contain the loss", async () => {
    await signer.apply(document());
    expect(await pay(1)).toBe("signed");
    await rollBack(() => pay(2));
    await accept("LEDGER_BEHIND");
    await signer.unlock();
    const raised = { totalMax: "2000.00" };
    await signer.apply(document({ ...raised, perDayMax: "1.00", perMonthMax: "900.00" }));
    expect(await pay(3)).toBe("MONTHLY_BUDGET_EXCEEDED");
    now += DAY;
    await signer.apply(document({ ...raised, perDayMax: "0.02", timezone: "Asia/Tokyo" }));
    expect(await pay(4)).toBe("signed");
    expect(await pay(5)).toBe("signed");
    expect(await pay(6)).toBe("DAILY_BUDGET_EXCEEDED");
    await signer.apply(document({ ...raised, perMonthMax: "900.00", timezone: "Asia/Tokyo" }));
    expect(await pay(6)).toBe("MONTHLY_BUDGET_EXCEEDED");
    const other = [{ name: "on base", limit: "5.00", window: "total", match: { network: "base-sepolia" } }];
    await signer.apply(document({ ...raised, budgets: other }));
    expect(await pay(6)).toBe("BUDGET_EXCEEDED");
  });

  it("just before midnight fills the next day, too: what is lost may be valid then", async () => {
    await signer.apply(document({ perDayMax: "5.00", totalMax: undefined }));
    now = Date.UTC(2026, 10, 20, 23, 55);
    expect(await pay(1)).toBe("signed");
    await rollBack(() => pay(2));
    await accept("LEDGER_BEHIND");
    now += 6 * 60_000;
    await signer.unlock();
    expect(await pay(3)).toBe("DAILY_BUDGET_EXCEEDED");
    now += DAY;
    expect(await pay(3)).toBe("signed");
  });

  it("ends all sessions, and their budgets with them", async () => {
    await signer.apply(document({ totalMax: "5000.00" }));
    const agent = await signer.agent();
    const { session } = await agentCall(agent, "session.open", { policy: { totalMax: "0.01" } });
    await rollBack(() => outcomeOf(signer.sign(intent(1), { session })));
    await accept("LEDGER_BEHIND", { assume: "0" });
    await signer.unlock();
    expect(await outcomeOf(signer.sign(intent(2), { session }))).toBe("SESSION_UNKNOWN");
    await restart();
    await signer.unlock();
    expect(await outcomeOf(signer.sign(intent(2), { session }))).toBe("SESSION_UNKNOWN");
  });

  it("that the operator alone knows of is found by the head on file, and accepted once", async () => {
    await signer.apply(document());
    const { head } = await signer.status();
    const lastHead = { ...head, seq: head.seq + 50, hash: "ab".repeat(32) };
    // While nothing is found, another acceptance finds it first.
    expect(await codeOf(() => accept("VAULT_OTHER_LEDGER", { lastHead }))).toBe("LEDGER_BEHIND");
    expect((await signer.status()).frozenBy).toBe("LEDGER_BEHIND");
    const { seq } = await accept("LEDGER_BEHIND", { lastHead });
    expect(seq).toBe(lastHead.seq + 1);
    // Heads of lost rows are no new problem.
    await signer.unlock({}, { lastHead });
    await signer.unlock({}, { lastHead: { ...lastHead, seq: lastHead.seq - 10 } });
    expect(await codeOf(() => signer.unlock({}, { lastHead: { ...lastHead, seq: seq + 10 } }))).toBe(
      "LEDGER_BEHIND",
    );
  });

  it("gives back nothing that lost rows may have given back, and nothing more on that day", async () => {
    await signer.apply(document({ totalMax: "0.03", maxReleasePerDay: "0.02" }));
    expect(await pay(1)).toBe("signed");
    const release = async (name: number): Promise<string> => {
      now += 3 * MINUTE;
      const desk = await deskOf(signer);
      try {
        const payment = (await unresolved(desk)).find(({ id }) => id === idOf(name))!;
        const [judged] = (await reconcile(desk, agreed(payment))).results;
        return judged!.why ?? judged!.outcome;
      } finally {
        desk.close();
      }
    };
    await rollBack(async () => {
      expect(await release(1)).toBe("released");
      for (const name of [2, 3, 4]) expect(await pay(name)).toBe("signed");
    });
    await accept("LEDGER_BEHIND");
    await signer.unlock();
    expect(await release(1)).toBe("rows-lost");
    expect(await pay(5)).toBe("BUDGET_EXCEEDED");
    await signer.apply(document({ totalMax: "0.04", maxReleasePerDay: "0.02" }));
    expect(await pay(5)).toBe("signed");
    expect(await release(5)).toBe("limit");
    now += DAY;
    expect(await release(5)).toBe("released");
    await record();
  });

  it("fills a budget that its document had no more, and that comes back later", async () => {
    await signer.apply(document({ perDayMax: "0.05" }));
    expect(await pay(1)).toBe("signed");
    await signer.apply(document());
    await rollBack(() => pay(2));
    await accept("LEDGER_BEHIND");
    await signer.unlock();
    await signer.apply(document({ perDayMax: "0.05", totalMax: "2000.00" }));
    expect(await pay(3)).toBe("DAILY_BUDGET_EXCEEDED");
    now += DAY;
    expect(await pay(3)).toBe("signed");
  });

  it("is found again when the acceptance itself is rolled back", async () => {
    await signer.apply(document({ perDayMax: "0.05" }));
    expect(await pay(1)).toBe("signed");
    await rollBack(() => pay(2));
    await signer.close();
    const putBack = copyState();
    await start();
    await accept("LEDGER_BEHIND");
    await restart(putBack);
    expect((await signer.status()).frozenBy).toBe("LEDGER_BEHIND");
    await accept("LEDGER_BEHIND");
    await signer.unlock();
    expect(await pay(3)).toBe("BUDGET_EXCEEDED");
  });
});

describe("a ledger that is gone", () => {
  const removeDatabase = (): void => {
    for (const name of readdirSync(home.state)) if (name.startsWith("ledger.db")) rmSync(file(name));
  };

  it("begins anew under its id, behind all its rows, without a policy, and with full budgets", async () => {
    await signer.apply(document({ perDayMax: "0.05" }));
    expect(await pay(1)).toBe("signed");
    const { head } = await signer.status();
    await restart(removeDatabase);
    expect(await signer.status()).toMatchObject({ state: "frozen", frozenBy: "LEDGER_MISSING" });
    expect(readdirSync(home.state).filter((name) => name.startsWith("ledger"))).toEqual([]);
    const { seq } = await accept("LEDGER_MISSING");
    expect(seq).toBeGreaterThan(head.seq);
    expect((await signer.status()).head).toMatchObject({ ledger: head.ledger, seq: seq + 1 });
    await restart();
    await signer.unlock({}, { lastHead: head });
    expect(await pay(1)).toBe("NO_POLICY");
    await signer.apply({ version: 1, perDayMax: "0.05" });
    expect(await pay(1)).toBe("DAILY_BUDGET_EXCEEDED");
    await signer.apply(document());
    expect(await pay(1)).toBe("BUDGET_EXCEEDED");
    now += 400 * DAY;
    expect(await pay(1)).toBe("BUDGET_EXCEEDED");
    expect((await record()).rows[0]).toMatchObject({ kind: "ledger.accepted", seq });
  });

  it("gives the same bytes for a lost intent on EVM: the nonce is made of its id", async () => {
    await signer.apply(document());
    const before = await signer.sign(intent(1));
    await restart(removeDatabase);
    await accept("LEDGER_MISSING", { assume: "0" });
    await signer.unlock();
    await signer.apply(document());
    const after = await signer.sign(intent(1));
    const nonceOf = (result: unknown): unknown =>
      (result as { payload: { authorization: { nonce: string } } }).payload.authorization.nonce;
    expect(nonceOf(after)).toBe(nonceOf(before));
  });

  it("with a head file that is gone, too, is another ledger", async () => {
    await signer.apply(document());
    await restart(() => {
      removeDatabase();
      rmSync(file("head"));
    });
    expect((await signer.status()).state).toBe("locked");
    expect(await codeOf(() => signer.unlock())).toBe("VAULT_OTHER_LEDGER");
  });

  it("of which only the head file is gone is frozen, whatever is in that file's place", async () => {
    await signer.apply(document());
    await restart(() => {
      rmSync(file("head"));
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_MISSING");
    await restart(() => {
      writeFileSync(file("head"), "");
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_MISSING");
    await accept("LEDGER_MISSING", { assume: "0" });
    await restart();
    await signer.unlock();
    expect(await pay(1)).toBe("signed");
  });

  it("in whose place another ledger was put keeps that one aside", async () => {
    const other = await SignerHome.make();
    await (await other.start()).close();
    await restart(() => {
      removeDatabase();
      cpSync(join(other.state, "ledger.db"), file("ledger.db"));
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_MISSING");
    const { setAside } = await accept("LEDGER_MISSING");
    expect(setAside).toEqual(["ledger.db.ledger-missing-1"]);
    expect(readFileSync(file("ledger.db.ledger-missing-1"))).toEqual(
      readFileSync(join(other.state, "ledger.db")),
    );
    other.remove();
    await signer.unlock();
  });
});

describe("a ledger that is damaged", () => {
  it("in a counter is counted again from its rows", async () => {
    await signer.apply(document({ perDayMax: "0.03" }));
    expect(await pay(1)).toBe("signed");
    await restart(() => {
      edit("DELETE FROM counters");
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_DAMAGED");
    await accept("LEDGER_DAMAGED", { assume: "0" });
    await signer.unlock();
    expect(await pay(2)).toBe("signed");
    expect(await pay(3)).toBe("signed");
    expect(await pay(4)).toBe("DAILY_BUDGET_EXCEEDED");
    await record();
  });

  it("in a row names it, reads it no more, and can still be audited", async () => {
    await signer.apply(document({ totalMax: "5.00" }));
    for (const n of [1, 2, 3]) expect(await pay(n)).toBe("signed");
    const { seq } = (await record()).ofKind("payment.reserved")[1]!;
    await signer.close();
    edit(`UPDATE audit SET body = replace(body, '10000', '20000') WHERE seq = ${seq}`);
    // Rows after the last checkpoint are read at start; this one is before it, so a counter is damaged, too.
    edit("UPDATE counters SET amount = amount + 1 WHERE key = 'household|usd|total'");
    await start();
    await accept("LEDGER_DAMAGED", { assume: "0.01" });
    const after = await record();
    expect(after.ofKind("ledger.accepted")).toMatchObject([{ damaged: [seq], assume: "10000" }]);
    await restart();
    await signer.unlock();
    expect(await pay(2)).toBe("LEDGER_DAMAGED");
    expect(await pay(1)).toBe("signed");
    expect((await operatorCall(signer.operator, "history.list", {})).payments).toHaveLength(2);
    await signer.apply(document({ totalMax: "5.00", perDayMax: "1.00" }));
    expect(await pay(4)).toBe("signed");
  });

  it.each([
    ["a payment is gone", "DELETE FROM payments"],
    ["a payment is another", "UPDATE payments SET fingerprint = 'x'"],
    ["a draft is an older one", "UPDATE payments SET draft = 1"],
    ["a payment was given back", "UPDATE payments SET state = 'released'"],
    ["the newest policy is gone", "DELETE FROM policies WHERE version = 2"],
    ["the freeze is gone", "DELETE FROM frozen"],
    ["a session has other rules", "UPDATE sessions SET policy = '{}'"],
  ])("in its tables is found and mended: %s", async (_what, sql) => {
    await signer.close();
    const running = await home.spawn();
    await running.unlock();
    await running.apply(document({ totalMax: "1.00" }));
    await running.apply(document({ totalMax: "0.01", agents: { research: {} } }));
    expect(await outcomeOf(running.sign(intent(1)))).toBe("signed");
    await agentCall(await running.agent(), "session.open", { policy: { perCallMax: "0.50" } });
    await operatorCall(running.operator, "agent.freeze", { agent: "research" });
    await running.kill();
    running.disconnect();
    edit(sql);
    signer = await home.start();
    expect((await signer.status()).frozenBy).toBe("LEDGER_DAMAGED");
    expect(await pay(1)).toBe("LEDGER_DAMAGED");
    await accept("LEDGER_DAMAGED", { assume: "0" });
    await record();
    await signer.close();
    signer = await home.start();
    const other = await SignerHome.make();
    await other.vault.change({ ledgerId: (await signer.status()).head.ledger });
    expect(await codeOf(() => signer.unlock({}, {}, other.vault))).toBe("VAULT_REPLACED");
    other.remove();
    await signer.unlock();
    expect(await signer.sign(intent(1))).toMatchObject({ outcome: "signed", replayed: true });
    expect(await pay(2)).toBe("BUDGET_EXCEEDED");
    expect((await signer.status()).frozen).toEqual(["research"]);
  });

  it("in the row of its policy has none until one is applied, and never an older one", async () => {
    await signer.apply(document({ totalMax: "900.00" }));
    await signer.apply(document({ totalMax: "5.00" }));
    await restart(() => {
      edit("UPDATE audit SET body = replace(body, '5.00', '9.00') WHERE body LIKE '%policy.applied%'");
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_DAMAGED");
    await accept("LEDGER_DAMAGED");
    await restart();
    await signer.unlock();
    expect(await pay(1)).toBe("NO_POLICY");
    expect((await operatorCall(signer.operator, "policy.get", {})).base).toBe("");
    const { version } = await signer.apply(document({ totalMax: "5.00" }));
    expect(version).toBe(4);
    expect(await pay(1)).toBe("BUDGET_EXCEEDED");
    await record();
  });

  it("so that nothing can be read of it is kept, and a new one goes on", async () => {
    await signer.apply(document());
    expect(await pay(1)).toBe("signed");
    const { head } = await signer.status();
    const junk = "not a database at all, but long enough to be read as one".repeat(99);
    await restart(() => {
      writeFileSync(file("ledger.db"), junk);
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_DAMAGED");
    expect(readFileSync(file("ledger.db"), "utf8")).toBe(junk);
    const { seq, setAside } = await accept("LEDGER_DAMAGED", { lastHead: head });
    expect(setAside).toEqual(["ledger.db.ledger-damaged-1"]);
    expect(readFileSync(file(setAside[0]!), "utf8")).toBe(junk);
    expect(seq).toBeGreaterThan(head.seq);
    await signer.unlock({}, { lastHead: head });
    await signer.apply(document());
    expect(await pay(2)).toBe("BUDGET_EXCEEDED");
  });

  it("in its pages is kept, too", async () => {
    await signer.apply(document());
    for (let n = 0; n < 200; n++) expect(await pay(n)).toBe("signed");
    await restart(() => {
      const bytes = readFileSync(file("ledger.db"));
      for (let page = 5; page < 20; page++) bytes.fill(0xff, page * 4096, page * 4096 + 4096);
      writeFileSync(file("ledger.db"), bytes);
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_DAMAGED");
    const { setAside } = await accept("LEDGER_DAMAGED");
    expect(setAside.length).toBeGreaterThan(0);
    expect(existsSync(file(setAside[0]!))).toBe(true);
    await signer.unlock();
    await restart();
    expect((await signer.status()).state).toBe("locked");
  });

  it("in its head file only loses nothing", async () => {
    await signer.apply(document());
    expect(await pay(1)).toBe("signed");
    await restart(() => {
      writeFileSync(file("head"), "nonsense");
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_DAMAGED");
    const { setAside } = await accept("LEDGER_DAMAGED", { assume: "0" });
    expect(setAside).toEqual([]);
    await signer.unlock();
    expect(await signer.sign(intent(1))).toMatchObject({ replayed: true });
    await record();
  });
});

describe("a signer that has given up its rights", () => {
  it.each([
    ["that cannot be read", "LEDGER_DAMAGED", "no database ".repeat(1000)],
    ["that is empty", "LEDGER_MISSING", ""],
  ] as const)("begins a new ledger in place of one %s", async (_what, code, bytes) => {
    await signer.apply(document());
    await signer.close();
    writeFileSync(file("ledger.db"), bytes);
    const running = await home.spawn();
    expect((await running.status()).frozenBy).toBe(code);
    expect(running.output).toContain(`frozen, ${code}`);
    await operatorCall(running.operator, "ledger.accept", { code });
    await running.unlock();
    await running.apply(document());
    expect(await outcomeOf(running.sign(intent(1)))).toBe("BUDGET_EXCEEDED");
    await running.close();
    await start();
  });

  it("freezes, remembers and goes on as any other", async () => {
    await signer.close();
    const running = await home.spawn();
    const { head } = await running.status();
    const lastHead = { ...head, seq: head.seq + 10, hash: "ab".repeat(32) };
    expect(await codeOf(() => running.unlock({}, { lastHead }))).toBe("LEDGER_BEHIND");
    await running.kill();
    running.disconnect();
    const again = await home.spawn();
    expect((await again.status()).frozenBy).toBe("LEDGER_BEHIND");
    await operatorCall(again.operator, "ledger.accept", { code: "LEDGER_BEHIND" });
    await again.unlock();
    await again.close();
    await start();
  });
});

describe("an acceptance that was cut short", () => {
  it("after its commit and before the head file is done", async () => {
    await signer.apply(document());
    await rollBack(() => pay(1));
    const head = readFileSync(file("head"));
    await accept("LEDGER_BEHIND");
    const before = (await record()).head;
    await restart(() => {
      writeFileSync(file("head"), head);
    });
    expect((await signer.status()).state).toBe("locked");
    await signer.unlock({}, { lastHead: before });
  });

  it("before its commit is not done: a new database without rows is another's", async () => {
    await signer.apply(document());
    await restart(() => {
      for (const name of readdirSync(home.state)) if (name.startsWith("ledger.db")) rmSync(file(name));
      openDatabase(file("ledger.db")).close();
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_MISSING");
    await accept("LEDGER_MISSING");
    await signer.unlock();
    await restart(() => {
      for (const name of readdirSync(home.state)) if (name.startsWith("ledger.db")) rmSync(file(name));
      writeFileSync(file("ledger.db"), "");
    });
    expect((await signer.status()).frozenBy).toBe("LEDGER_MISSING");
  });
});

describe("a vault that was refused", () => {
  it("is taken after its acceptance, and the one before is refused then", async () => {
    const other = await SignerHome.make();
    await other.vault.change({ ledgerId: (await signer.status()).head.ledger });
    expect(await codeOf(() => accept("VAULT_REPLACED"))).toBe("NOTHING_TO_ACCEPT");
    expect(await codeOf(() => signer.unlock({}, {}, other.vault))).toBe("VAULT_REPLACED");
    expect((await inspect()).code).toBe("VAULT_REPLACED");
    await accept("VAULT_REPLACED");
    await restart();
    await signer.unlock({}, {}, other.vault);
    expect(await codeOf(() => signer.unlock())).toBe("VAULT_REPLACED");
    const [row] = (await record()).ofKind("ledger.accepted");
    expect(row).toMatchObject({
      code: "VAULT_REPLACED",
      assume: "0",
      vault: { vault: other.vault.header.vaultId },
    });
    other.remove();
  });

  it("because it is an old copy is taken after its acceptance, with budgets as they are", async () => {
    await signer.apply(document({ perDayMax: "0.02" }));
    expect(await pay(1)).toBe("signed");
    const old = await SignerHome.make(readFileSync(join(home.folder, "vault.enc")));
    await home.vault.change({});
    await signer.unlock();
    expect(await codeOf(() => signer.unlock({}, {}, old.vault))).toBe("VAULT_REPLACED");
    await accept("VAULT_REPLACED");
    await signer.unlock({}, {}, old.vault);
    expect(await pay(2)).toBe("signed");
    expect(await pay(3)).toBe("DAILY_BUDGET_EXCEEDED");
    old.remove();
  });

  it("because it names another ledger finds full budgets there when that is accepted", async () => {
    await signer.apply(document({ perDayMax: "5.00" }));
    const other = await SignerHome.make();
    await other.vault.change({ ledgerId: "ab".repeat(16) });
    expect(await codeOf(() => signer.unlock({}, {}, other.vault))).toBe("VAULT_OTHER_LEDGER");
    const { head } = await accept("VAULT_OTHER_LEDGER");
    await other.vault.change({ moveTo: head.ledger });
    await signer.unlock({}, {}, other.vault);
    expect(await pay(1)).toBe("BUDGET_EXCEEDED");
    other.remove();
  });
});
