// Random traffic under a moving clock, with restarts, new documents and checkpoints that prune: whenever an auditor
// looks, the rows chain up and give exactly the counters, and no limit was ever passed.
import fc from "fast-check";
import { expect, it } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { OTHER_PAYEE, PAYEE, document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const MINUTE = 60_000;
const AGENTS = ["default", "a", "b"] as const;

const documentArb = fc.record(
  {
    perDayMax: fc.constantFrom("0.05", "0.50"),
    perSessionMax: fc.constant("0.60"),
    perWeekMax: fc.constantFrom("0.40", "2.00"),
    timezone: fc.constantFrom("UTC", "Asia/Kathmandu"),
    budgets: fc.subarray([
      { name: "short", limit: "0.10", window: "5m" },
      { name: "slow", count: 12, window: "1h" },
      { name: "payee", limit: "0.20", window: "1h", per: "recipient" },
      { name: "site", limit: "0.15", window: "day", per: "domain" },
      { name: "data", limit: "0.12", window: "total", match: { category: "data" } },
    ]),
  },
  { requiredKeys: [] },
);

const paymentArb = fc.record({
  what: fc.constant("pay" as const),
  agent: fc.constantFrom(...AGENTS),
  name: fc.nat(40),
  cents: fc.integer({ min: 1, max: 3 }),
  payTo: fc.constantFrom(PAYEE, OTHER_PAYEE),
  host: fc.constantFrom("a.example", "b.example"),
  category: fc.constantFrom("data", "other"),
  seconds: fc.constantFrom(5, 60, 600),
  inSession: fc.boolean(),
});

const stepArb = fc.oneof(
  { arbitrary: fc.array(paymentArb, { minLength: 1, maxLength: 12 }), weight: 8 },
  {
    arbitrary: fc.record({
      what: fc.constant("wait" as const),
      minutes: fc.constantFrom(1, 7, 70, 1500, 5000),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ what: fc.constant("restart" as const) }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant("apply" as const), changed: documentArb }), weight: 2 },
);
type Step = typeof stepArb extends fc.Arbitrary<infer T> ? T : never;
type Payment = typeof paymentArb extends fc.Arbitrary<infer T> ? T : never;

class Household {
  readonly home: SignerHome;
  signer!: Signer;
  now = Date.UTC(2026, 10, 20, 12);
  #sessions = new Map<string, string>();

  constructor(home: SignerHome) {
    this.home = home;
  }

  async start(): Promise<void> {
    this.signer = await this.home.start({ clock: () => this.now });
    await this.signer.unlock();
  }

  async step(step: Step): Promise<void> {
    if (Array.isArray(step)) await Promise.all(step.map((payment) => this.#pay(payment)));
    else if (step.what === "wait") this.now += step.minutes * MINUTE + 1234;
    else if (step.what === "restart") {
      await this.signer.close();
      await this.start();
    } else {
      const agents = { a: { perDayMax: "0.30" }, b: {} };
      await this.signer.apply(document({ totalMax: "5.00", ...step.changed, agents }));
    }
  }

  async #pay({ agent, name, cents, payTo, host, category, seconds, inSession }: Payment): Promise<void> {
    const wanted = intent(name, {
      amount: String(cents * 10_000),
      payTo,
      maxTimeoutSeconds: seconds,
      claims: { url: `https://${host}/x`, category },
    });
    const session = inSession ? await this.#session(agent) : undefined;
    const outcome = await outcomeOf(
      this.signer.sign(wanted, { agent, ...(session === undefined ? {} : { session }) }),
    );
    expect(outcome).toMatch(/^(signed|INTENT_CONFLICT|.*_EXCEEDED|BUSY|SESSION_UNKNOWN)$/);
  }

  async #session(agent: string): Promise<string> {
    const known = this.#sessions.get(agent);
    if (known !== undefined) return known;
    const connection = await this.signer.agent(agent);
    const policy = { perSessionMax: "0.25", budgets: [{ name: "m", count: 3, window: "1m" }] };
    const { session } = await agentCall(connection, "session.open", { policy });
    this.#sessions.set(agent, session);
    return session;
  }
}

it("leaves a record that gives exactly the counters", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArb, { minLength: 10, maxLength: 30 }), async (steps) => {
      const household = new Household(await SignerHome.make());
      await household.start();
      await household.step({ what: "apply", changed: {} });
      await household.step({ what: "restart" }); // opens the sockets of a and b
      try {
        for (const step of steps) {
          await household.step(step);
          const record = await LedgerRecord.read(household.signer.operator, 7);
          expect(record.counter("household|usd|total")).toBe(record.reserved());
        }
      } finally {
        await household.signer.close();
        household.home.remove();
      }
    }),
    { numRuns: 25, endOnFailure: true },
  );
});
