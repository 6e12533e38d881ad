// Every kind of row, made unreadable on disk wherever it stands: the signer starts, says what it found, and goes on when
// that is accepted. No row is worth the whole ledger.
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SignerConnection, agentCall, operatorCall } from "../../client/signer.ts";
import { Audit } from "../../verify/audit.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { agreed, deskOf, reconcile, unresolved } from "./findings.ts";
import { document, idOf, intent } from "./intents.ts";

const MINUTE = 60_000;

let home: SignerHome;
let copy: string;
let now: number;
let rows: { seq: number; body: string }[];

const start = (): Promise<Signer> => home.start({ clock: () => now });
const rules = (changed = {}) => document({ maxReleasePerDay: "5.00", ...changed });

async function withDesk<T>(signer: Signer, use: (desk: SignerConnection) => Promise<T>): Promise<T> {
  const desk = await deskOf(signer);
  try {
    return await use(desk);
  } finally {
    desk.close();
  }
}

/** One row of nearly every kind, and checkpoints after most of them. */
async function live(signer: Signer): Promise<void> {
  await signer.unlock();
  await signer.apply(rules());
  await signer.apply(rules({ perDayMax: "9.00" }));
  await operatorCall(signer.operator, "price.set", { symbol: "USDC", usd: "1.00", maxAge: 86_400 });
  for (const name of [1, 2]) await outcomeOf(signer.sign(intent(name)));
  now += 3 * MINUTE;
  await outcomeOf(signer.sign(intent(1)));
  await withDesk(signer, async (desk) => {
    const payment = (await unresolved(desk)).find(({ id }) => id === idOf(2))!;
    await reconcile(desk, agreed(payment));
  });
  await operatorCall(signer.operator, "agent.freeze", {});
  await operatorCall(signer.operator, "agent.unfreeze", {});
  await agentCall(await signer.agent(), "session.open", { policy: { totalMax: "1.00" } });
  await operatorCall(signer.operator, "ledger.accept", { code: "VAULT_OTHER_LEDGER", assume: "0.50" });
  await signer.unlock();
  await outcomeOf(signer.sign(intent(3)));
  now += 3 * MINUTE;
}

beforeAll(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  const signer = await start();
  await live(signer);
  await signer.close();
  copy = join(home.folder, "copy");
  cpSync(home.state, copy, { recursive: true });
  const db = new DatabaseSync(join(copy, "ledger.db"));
  rows = db.prepare("SELECT seq, body FROM audit ORDER BY seq").all() as typeof rows;
  db.close();
});

afterAll(() => {
  home.remove();
});

function damage(seq: number, body: string): void {
  rmSync(home.state, { recursive: true });
  cpSync(copy, home.state, { recursive: true });
  const db = new DatabaseSync(join(home.state, "ledger.db"));
  db.prepare("UPDATE audit SET body = ? WHERE seq = ?").run(body, seq);
  db.close();
}

/** What was found, when all goes on as it should. */
async function survive(): Promise<string | undefined> {
  const signer = await start();
  try {
    const { frozenBy } = await signer.status();
    if (frozenBy) await operatorCall(signer.operator, "ledger.accept", { code: frozenBy, assume: "0" });
    await signer.unlock();
    if (frozenBy) await signer.apply(rules({ perDayMax: "8.00" }));
    expect(await outcomeOf(signer.sign(intent("new")))).toBe("signed");
    const { payments } = await operatorCall(signer.operator, "history.list", {});
    expect(payments.length).toBeGreaterThanOrEqual(3);
    await withDesk(signer, unresolved);
    if (frozenBy) await audit(signer);
    return frozenBy;
  } finally {
    await signer.close();
  }
}

/** With every check of x402-audit-verify. */
async function audit(signer: Signer): Promise<void> {
  const { head, rows, counters, seal } = await operatorCall(signer.operator, "audit.query", { after: 0 });
  const { auditKey: key } = await signer.status();
  const verifier = new Audit({ ledger: head.ledger, ...(key === undefined ? {} : { key }) });
  for (const row of rows) verifier.row(row);
  verifier.end({ head, counters: counters!, ...(seal === undefined ? {} : { seal }) });
}

describe("a row that cannot be read any more", () => {
  it("costs no more than what it said, whatever it was", async () => {
    const found = new Map<string, Set<string | undefined>>();
    for (const { seq, body } of rows) {
      const { kind } = JSON.parse(body) as { kind: string };
      damage(seq, body.slice(0, -3));
      const code = await survive().catch((error: unknown) => {
        throw new Error(`row ${seq}, ${kind}`, { cause: error });
      });
      found.set(kind, (found.get(kind) ?? new Set()).add(code));
      const again = await start();
      expect((await again.status()).frozenBy, kind).toBeUndefined();
      await again.close();
    }
    for (const kind of ["policy.applied", "payment.reserved", "payment.redrafted", "ledger.accepted"])
      expect([kind, found.get(kind)]).toEqual([kind, new Set(["LEDGER_DAMAGED"])]);
  });

  it("is found when a policy is applied, if nothing has read it before", async () => {
    const seq = rows.find(({ body }) => body.startsWith('{"kind":"payment.reserved"'))!.seq;
    const DAYS = 2 * 86_400_000;
    damage(seq, rows[seq - 1]!.body);
    now += DAYS;
    const before = await start();
    await before.close();
    const db = new DatabaseSync(join(home.state, "ledger.db"));
    db.prepare("UPDATE audit SET body = substr(body, 1, 40) WHERE seq = ?").run(seq);
    db.close();
    const signer = await start();
    await signer.unlock();
    const applied = (limit: string) => codeOf(() => signer.apply(rules({ perDayMax: limit })));
    expect(await applied("7.00")).toBe("LEDGER_DAMAGED");
    expect(await signer.status()).toMatchObject({ state: "frozen", frozenBy: "LEDGER_DAMAGED" });
    expect(await outcomeOf(signer.sign(intent("frozen")))).toBe("LEDGER_DAMAGED");
    await operatorCall(signer.operator, "ledger.accept", { code: "LEDGER_DAMAGED", assume: "0" });
    await signer.unlock();
    expect(await applied("7.00")).toBe("no error");
    expect(await outcomeOf(signer.sign(intent("new")))).toBe("signed");
    await audit(signer);
    await signer.close();
    now -= DAYS;
  });
});
