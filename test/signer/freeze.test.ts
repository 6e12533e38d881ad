// Stop: what is signed after a freeze, what is told of what was signed before, and what lifts it.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type SignerConnection,
  agentCall,
  connectSigner,
  deskCall,
  operatorCall,
} from "../../client/signer.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const MINUTE = 60_000;
const AGENTS = { agents: { a: {}, b: { perDayMax: "1.00" } } };

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  signer = await home.start({ clock: () => now });
  await signer.apply(document(AGENTS));
  await restart();
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

async function restart(): Promise<void> {
  await signer.close();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
}

const pay = (name: string | number, agent = "a", change = {}): Promise<string> =>
  outcomeOf(signer.sign(intent(name, change), { agent }));
const freeze = (agent?: string) => operatorCall(signer.operator, "agent.freeze", agent ? { agent } : {});
const unfreeze = (agent?: string) => operatorCall(signer.operator, "agent.unfreeze", agent ? { agent } : {});

async function withDesk<T>(fn: (desk: SignerConnection) => Promise<T>): Promise<T> {
  const desk = await connectSigner(signer.running.desk);
  try {
    return await fn(desk);
  } finally {
    desk.close();
  }
}

describe("an agent that is frozen", () => {
  it("gets nothing signed, new or again, and the others do", async () => {
    expect(await pay(1)).toBe("signed");
    expect((await freeze("a")).frozen).toEqual(["a"]);
    expect(await pay(1)).toBe("SIGNER_FROZEN");
    expect(await pay(2)).toBe("SIGNER_FROZEN");
    now += 2 * MINUTE;
    expect(await pay(1)).toBe("SIGNER_FROZEN");
    expect(await pay(3, "b")).toBe("signed");
    expect(await pay(4, "default")).toBe("signed");
    const record = await LedgerRecord.read(signer.operator);
    expect(record.ofKind("agent.frozen")).toMatchObject([{ agent: "a" }]);
    expect(record.ofKind("payment.declined").map(({ check }) => check?.code)).toEqual(
      Array(3).fill("SIGNER_FROZEN"),
    );
  });

  it("is told so, of itself only", async () => {
    await freeze("a");
    const told = async (agent: string) => {
      const { state, frozenBy, frozen } = await agentCall(await signer.agent(agent), "signer.status", {});
      return { state, frozenBy, frozen };
    };
    expect(await told("a")).toEqual({ state: "frozen", frozenBy: "SIGNER_FROZEN", frozen: undefined });
    expect(await told("b")).toMatchObject({ state: "unlocked", frozen: undefined });
    expect(await signer.status()).toMatchObject({ state: "unlocked", frozen: ["a"] });
  });

  it("is not asked twice of the record, and is known by the policy", async () => {
    const before = (await freeze("a")).head;
    expect((await freeze("a")).head).toEqual(before);
    for (const method of ["agent.freeze", "agent.unfreeze"] as const)
      await expect(operatorCall(signer.operator, method, { agent: "nobody" })).rejects.toMatchObject({
        code: "AGENT_UNKNOWN",
      });
  });

  it("stays frozen when the policy drops it and names it again", async () => {
    await freeze("a");
    await signer.apply(document());
    await signer.apply(document(AGENTS));
    expect(await pay(1)).toBe("SIGNER_FROZEN");
    await signer.apply(document());
    expect((await unfreeze("a")).frozen).toEqual([]);
    await signer.apply(document(AGENTS));
    expect(await pay(1)).toBe("signed");
  });
});

describe("a freeze of everything", () => {
  it("holds over restarts and unlocks until it is lifted, and hides no other", async () => {
    await freeze("b");
    await freeze();
    for (const agent of ["a", "b", "default"]) expect(await pay(1, agent)).toBe("SIGNER_FROZEN");
    await restart();
    expect(await signer.status()).toMatchObject({
      state: "frozen",
      frozenBy: "SIGNER_FROZEN",
      frozen: ["*", "b"],
    });
    await signer.lock();
    await signer.unlock();
    expect(await pay(1)).toBe("SIGNER_FROZEN");
    expect((await unfreeze("a")).frozen).toEqual(["*", "b"]);
    expect(await pay(1)).toBe("SIGNER_FROZEN");
    expect((await unfreeze()).frozen).toEqual(["b"]);
    expect(await pay(1)).toBe("signed");
    expect(await pay(1, "b")).toBe("SIGNER_FROZEN");
  });

  it("binds an agent that the policy adds later", async () => {
    await freeze();
    await signer.apply(document({ agents: { a: {}, c: {} } }));
    await restart();
    expect(await pay(1, "c")).toBe("SIGNER_FROZEN");
  });

  it("works while locked, and where no policy is", async () => {
    expect(await pay(1)).toBe("signed");
    await signer.lock();
    expect(await freeze()).toMatchObject({ frozen: ["*"], alive: { count: 1, usd: "0.01" } });
    expect((await signer.status()).state).toBe("frozen");
    const bare = await SignerHome.make();
    const other = await bare.start();
    expect(await operatorCall(other.operator, "agent.freeze", {})).toMatchObject({ frozen: ["*"] });
    expect((await other.status()).state).toBe("frozen");
    await other.close();
    bare.remove();
  });

  it("decides payments that wait already", async () => {
    const asked = Array.from({ length: 600 }, (_, n) => pay(n));
    const { alive } = await freeze();
    const outcomes = await Promise.all(asked);
    const signed = outcomes.filter((outcome) => outcome === "signed");
    expect(new Set(outcomes)).toEqual(
      new Set(signed.length > 0 ? ["signed", "SIGNER_FROZEN"] : ["SIGNER_FROZEN"]),
    );
    // Whatever was signed was on record, and told, before the answer.
    expect(alive.count).toBe(signed.length);
    expect(await pay("later")).toBe("SIGNER_FROZEN");
  });

  it("is on disk when it is answered", async () => {
    const other = await SignerHome.make();
    const running = await other.spawn();
    await operatorCall(running.operator, "agent.freeze", {});
    await running.kill("SIGKILL");
    const again = await other.spawn();
    expect(await again.status()).toMatchObject({ state: "frozen", frozen: ["*"] });
    await again.close();
    other.remove();
  });
});

describe("what is alive", () => {
  it("is listed with expiry and sum, newest first, until it expires", async () => {
    await pay(1, "a", { amount: "20000" });
    now += MINUTE / 2;
    await pay(2, "a", { amount: "30000", maxTimeoutSeconds: 600 });
    await pay(3, "b");
    await signer.sign(intent(2, { amount: "30000", maxTimeoutSeconds: 600 }), { agent: "a" });
    const { alive } = await freeze("a");
    expect(alive).toMatchObject({ count: 2, usd: "0.05", until: "2026-11-20T12:10:30.000Z" });
    expect(alive.payments.map(({ id, usd, expiresAt }) => [id, usd, expiresAt])).toEqual([
      [idOf(2), "0.03", "2026-11-20T12:10:30.000Z"],
      [idOf(1), "0.02", "2026-11-20T12:01:00.000Z"],
    ]);
    expect((await freeze()).alive).toMatchObject({ count: 3, usd: "0.06" });
    now += MINUTE / 2;
    expect((await freeze()).alive).toMatchObject({ count: 2, usd: "0.04" });
    now += 10 * MINUTE;
    expect((await freeze()).alive).toEqual({ count: 0, usd: "0.00", payments: [] });
  });

  it("is known after a restart, the newest draft of an intent alone", async () => {
    await pay(1, "a");
    await pay(2, "b", { maxTimeoutSeconds: 600 });
    now += 2 * MINUTE;
    expect(await pay(1, "a")).toBe("signed");
    now += MINUTE / 2;
    await restart();
    const { alive } = await freeze();
    expect(alive).toMatchObject({ count: 2, usd: "0.02" });
    expect(alive.payments.map(({ id, expiresAt }) => [id, expiresAt])).toEqual([
      [idOf(1), "2026-11-20T12:03:00.000Z"],
      [idOf(2), "2026-11-20T12:10:00.000Z"],
    ]);
  });

  it("is known after a restart when a shorter validity came in between", async () => {
    await signer.apply(document({ ...AGENTS, maxValidity: "2h" }));
    await pay(1, "a", { maxTimeoutSeconds: 7200 });
    await signer.apply(document({ ...AGENTS, maxValidity: "30s" }));
    now += 100 * MINUTE;
    await restart();
    expect((await freeze()).alive).toMatchObject({ count: 1, usd: "0.01" });
    now += 21 * MINUTE;
    expect((await freeze()).alive.count).toBe(0);
  });

  it("is counted in full where it is too long to list", async () => {
    for (let n = 0; n < 5; n++)
      await Promise.all(Array.from({ length: 50 }, (_, i) => pay(`${n}-${i}`, "b", { amount: "1" })));
    const { alive } = await freeze("b");
    expect([alive.count, alive.usd, alive.payments.length]).toEqual([250, "0.00025", 200]);
  });

  it("has no ids for a desk, which can freeze and not lift it", async () => {
    await pay(1, "a");
    await withDesk(async (desk) => {
      const { alive } = await deskCall(desk, "agent.freeze", { agent: "a" });
      expect(alive.payments).toHaveLength(1);
      expect(JSON.stringify(alive)).not.toContain(idOf(1));
      await expect(desk.call("agent.unfreeze", { agent: "a" })).rejects.toMatchObject({
        code: "METHOD_NOT_FOUND",
      });
    });
    expect(await pay(2, "a")).toBe("SIGNER_FROZEN");
    for (const method of ["agent.freeze", "agent.unfreeze"]) {
      const agent = await signer.agent("a");
      await expect(agent.call(method, {})).rejects.toMatchObject({ code: "METHOD_NOT_FOUND" });
    }
  });
});
