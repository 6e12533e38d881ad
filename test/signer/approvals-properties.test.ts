// Whatever is asked, approved, denied, frozen, restarted or left to lapse, in whatever order: what waits and what is
// signed never pass a cap, and the counters are what the payments on record and the holds add up to.
import fc from "fast-check";
import { expect, it } from "vitest";
import { operatorCall } from "../../client/signer.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const CAP = 1_000_000n;
const MINUTE = 60_000;

const rules = document({
  totalMax: "1.00",
  perDayMax: "0.80",
  approve: { above: "0.05", expires: "10m" },
  budgets: [{ name: "hour", limit: "0.70", window: "1h" }],
  agents: { a: {}, b: { perDayMax: "0.60" } },
});

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("sign" as const),
      agent: fc.constantFrom("a", "b"),
      n: fc.nat(9),
      cents: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("approve" as const, "deny" as const), n: fc.nat(20) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("restart" as const, "policy" as const, "lock" as const) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

it("holds and reservations never pass a cap", { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { minLength: 3, maxLength: 12 }),
      async (rounds) => {
        const run = new Run(await SignerHome.make());
        try {
          await run.begin();
          for (const round of rounds) {
            await Promise.all(round.filter(({ do: what }) => what === "sign").map((one) => run.take(one)));
            for (const one of round) if (one.do !== "sign") await run.take(one);
            await run.check();
          }
          await run.lapseAll();
        } finally {
          await run.end();
        }
      },
    ),
    { numRuns: 40, endOnFailure: true },
  );
});

class Run {
  readonly #home: SignerHome;
  #signer!: Signer;
  #now = Date.parse("2026-11-20T23:00:00Z");
  #tight = false;

  constructor(home: SignerHome) {
    this.#home = home;
  }

  async begin(): Promise<void> {
    await this.#start();
    await this.#signer.apply(rules);
    await this.#restart();
  }

  async take(one: Step): Promise<void> {
    if (one.do === "wait") this.#now += one.minutes * MINUTE;
    else if (one.do === "sign") {
      const asked = intent(`${one.n}`, { amount: `${one.cents * 10_000}`, claims: {} });
      await this.#signer.sign(asked, { agent: one.agent }).catch(codeOf);
    } else if (one.do === "approve" || one.do === "deny") await this.#decide(one.do, one.n);
    else if (one.do === "restart") await this.#restart();
    else if (one.do === "lock") {
      await this.#signer.lock();
      await this.#signer.unlock();
    } else {
      this.#tight = !this.#tight;
      await this.#signer.apply(this.#tight ? { ...rules, perWeekMax: "0.90" } : rules);
    }
  }

  /** The record verifies, no limit is passed, and total = signed + held. */
  async check(): Promise<void> {
    const { approvals } = await operatorCall(this.#signer.operator, "approval.list", {});
    const record = await LedgerRecord.read(this.#signer.operator);
    const held = approvals.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    const signed = record.rows
      .filter(({ kind }) => kind === "payment.reserved")
      .reduce((sum, { usd = "0" }) => sum + BigInt(usd), 0n);
    expect(record.counter("household|usd|total")).toBe(signed + held);
    expect(signed + held).toBeLessThanOrEqual(CAP);
    const waits = ["a", "b"].reduce((sum, name) => sum + record.counter(`agent:${name}|held|total`), 0n);
    expect(waits).toBe(held);
    for (const [key, , amount] of record.counters) {
      expect(BigInt(amount), key).toBeGreaterThanOrEqual(0n);
      if (key.startsWith("household|usd|day")) expect(BigInt(amount)).toBeLessThanOrEqual(800_000n);
      if (key.startsWith("agent:b|usd|day")) expect(BigInt(amount)).toBeLessThanOrEqual(600_000n);
    }
    const { maxLoss } = await this.#signer.status();
    const left = CAP - signed - held;
    const most = Number(maxLoss.total) * 1e6;
    expect(BigInt(Math.round(most))).toBeGreaterThanOrEqual(left + held);
  }

  async lapseAll(): Promise<void> {
    this.#now += 25 * 60 * MINUTE;
    await this.check();
    const record = await LedgerRecord.read(this.#signer.operator);
    expect(record.counter("agent:a|held|total") + record.counter("agent:b|held|total")).toBe(0n);
  }

  async end(): Promise<void> {
    await this.#signer.close();
    this.#home.remove();
  }

  async #decide(what: "approve" | "deny", n: number): Promise<void> {
    const { approvals } = await operatorCall(this.#signer.operator, "approval.list", {});
    const approval = approvals[n % Math.max(1, approvals.length)]?.approval;
    if (approval === undefined) return;
    await operatorCall(this.#signer.operator, `approval.${what}`, { approval }).catch(codeOf);
  }

  async #start(): Promise<void> {
    this.#signer = await this.#home.start({ clock: () => this.#now });
    await this.#signer.unlock();
  }

  async #restart(): Promise<void> {
    await this.#signer.close();
    await this.#start();
  }
}

/** Refusals are part of it; anything else is a fault. */
function codeOf(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === undefined || code === "INTERNAL" || code.startsWith("LEDGER")) throw error;
  return code;
}
