// The clock and the restart: what ends with time, what survives a restart, and a clock that is set back.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

let home: SignerHome;
let signer: Signer;
let now: number;

const start = async (): Promise<void> => {
  signer = await home.start({ clock: () => now });
};

async function restart(): Promise<void> {
  await signer.close();
  await start();
}

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  await start();
  await signer.unlock();
  await signer.apply(document());
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const pay = (name: string | number): Promise<string> => outcomeOf(signer.sign(intent(name)));

describe("a clock that is set back", () => {
  it("by a minute is held still: counters and validity go on from the latest time", async () => {
    expect(await pay(1)).toBe("signed");
    const latest = now;
    now -= MINUTE;
    const result = await signer.sign(intent(2));
    expect(result).toMatchObject({ expiresAt: new Date(latest + MINUTE).toISOString() });
    const { rows } = await LedgerRecord.read(signer.operator);
    expect(rows.at(-1)?.at).toBe(latest);
  });

  it("by more stops every decision with CLOCK_BEHIND until it has caught up", async () => {
    expect(await pay(1)).toBe("signed");
    const latest = now;
    now -= MINUTE + 1;
    const agent = await signer.agent();
    expect(await pay(1)).toBe("CLOCK_BEHIND");
    expect(await pay(2)).toBe("CLOCK_BEHIND");
    expect(await codeOf(() => agentCall(agent, "session.open", { policy: {} }))).toBe("CLOCK_BEHIND");
    expect(await codeOf(() => agentCall(agent, "payment.quote", { intents: [intent(2)] }))).toBe(
      "CLOCK_BEHIND",
    );
    expect(await codeOf(() => signer.unlock())).toBe("CLOCK_BEHIND");
    expect(await codeOf(() => signer.apply(document()))).toBe("CLOCK_BEHIND");
    expect(await signer.status()).toMatchObject({ state: "frozen", frozenBy: "CLOCK_BEHIND" });
    now = latest - MINUTE;
    expect(await pay(2)).toBe("signed");
    expect((await signer.status()).state).toBe("unlocked");
    const record = await LedgerRecord.read(signer.operator);
    expect(record.ofKind("payment.reserved")).toHaveLength(2);
  });

  it("still lets the operator look and lock, and the signer stop and start", async () => {
    expect(await pay(1)).toBe("signed");
    const latest = now;
    now -= DAY;
    expect((await operatorCall(signer.operator, "history.list", {})).payments).toHaveLength(1);
    expect((await signer.lock()).state).toBe("frozen");
    expect(await pay(1)).toBe("CLOCK_BEHIND");
    await restart();
    expect(await codeOf(() => signer.unlock())).toBe("CLOCK_BEHIND");
    now = latest;
    await signer.unlock();
    expect(await pay(2)).toBe("signed");
    const record = await LedgerRecord.read(signer.operator);
    expect(record.rows.map(({ at }) => at)).toEqual(record.rows.map(() => latest));
    expect(record.ofKind("vault.locked").map(({ reason }) => reason)).toEqual(["the operator locked"]);
  });

  it("reopens no budget", async () => {
    await signer.apply(document({ perDayMax: "0.01" }));
    now = Date.UTC(2026, 10, 20, 23, 59, 30);
    expect(await pay(1)).toBe("signed");
    now = Date.UTC(2026, 10, 21, 0, 0, 10);
    // Its validity touched the next day, so it counts there too.
    expect(await pay(2)).toBe("DAILY_BUDGET_EXCEEDED");
    now = Date.UTC(2026, 10, 22, 0, 0, 10);
    expect(await pay(2)).toBe("signed");
    now -= 30_000;
    expect(await pay(3)).toBe("DAILY_BUDGET_EXCEEDED");
    await restart();
    await signer.unlock();
    expect(await pay(3)).toBe("DAILY_BUDGET_EXCEEDED");
  });
});

describe("a restart", () => {
  it("locks, and keeps the policy with its version, hash and counters", async () => {
    await signer.apply(document({ totalMax: "0.02" }));
    expect(await pay(1)).toBe("signed");
    const before = await operatorCall(signer.operator, "policy.get", {});
    await restart();
    const status = await signer.status();
    expect(status).toMatchObject({ state: "locked", policy: { version: 2 } });
    expect(status.unlock).toBeUndefined();
    expect((await operatorCall(signer.operator, "policy.get", {})).policy).toEqual(before.policy);
    expect(await pay(2)).toBe("SIGNER_LOCKED");
    expect(await pay(1)).toBe("SIGNER_LOCKED");
    await signer.unlock();
    expect(await pay(2)).toBe("signed");
    expect(await pay(3)).toBe("BUDGET_EXCEEDED");
  });

  it("ends the unlock with its fuel, and the household's session window with it", async () => {
    await signer.apply(document({ perSessionMax: "0.02" }));
    await signer.unlock({ count: 3 });
    expect(await Promise.all([pay(1), pay(2)])).toEqual(["signed", "signed"]);
    expect(await pay(3)).toBe("SESSION_BUDGET_EXCEEDED");
    await restart();
    await signer.unlock({ count: 3 });
    expect(await pay(3)).toBe("signed");
    expect((await signer.status()).unlock).toMatchObject({ countLeft: 2 });
  });

  it("keeps sessions with their rules, their counters, their owner and their end", async () => {
    await signer.apply(document({ agents: { research: {} } }));
    await restart();
    await signer.unlock();
    const agent = await signer.agent();
    const { session, endsAt } = await agentCall(agent, "session.open", { policy: { perSessionMax: "0.02" } });
    const closed = await agentCall(agent, "session.open", { policy: {} });
    await agentCall(agent, "session.close", { session: closed.session });
    const inSession = (name: string | number, id = session, owner = "default"): Promise<string> =>
      outcomeOf(signer.sign(intent(name), { session: id, agent: owner }));
    expect(await inSession(1)).toBe("signed");
    for (const again of [false, true]) {
      if (again) {
        await restart();
        await signer.unlock();
      }
      expect(await inSession(9, closed.session)).toBe("SESSION_UNKNOWN");
      expect(await inSession(9, session, "research")).toBe("SESSION_UNKNOWN");
      expect(await inSession(9, "s_0123456789abcdef")).toBe("SESSION_UNKNOWN");
    }
    expect(await inSession(2)).toBe("signed");
    expect(await inSession(3)).toBe("SESSION_BUDGET_EXCEEDED");
    now = Date.parse(endsAt) - 1;
    expect(await inSession(3)).toBe("SESSION_BUDGET_EXCEEDED");
    now += 1;
    expect(await inSession(3)).toBe("SESSION_UNKNOWN");
  });
});
