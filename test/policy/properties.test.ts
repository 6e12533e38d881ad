// What must hold for any rules, any payments and any counters.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileHousehold, parseDocument, unlockPolicy } from "../../policy/document.ts";
import { additions, binding, evaluate, headroom, wireCheck } from "../../policy/evaluate.ts";
import type { Scope } from "../../policy/scope.ts";
import { parsePrice, parseUsd } from "../../protocol/amount.ts";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { checkSchema } from "../../protocol/shapes.ts";
import { scopesUnder } from "../../policy/chain.ts";
import { ALICE, BOB, Books, type Terms, household, payment, session } from "./household.ts";

const usd = fc.constantFrom("0", "0.000001", "0.50", "1.00", "2.50", "100");
const hosts = ["a.example", "x.a.example", "b.example"];
const window = fc.constantFrom("session", "day", "week", "month", "total", "1m", "1h", "7d");
const optional = { requiredKeys: [] };

const match = fc
  .record(
    {
      asset: fc.constantFrom("USDC", `base/${PINNED_ASSETS[0]!.address}`),
      network: fc.constantFrom("base", "polygon"),
      recipient: fc.constantFrom(ALICE, BOB),
      domain: fc.constantFrom("a.example", "*.a.example"),
      category: fc.constantFrom("data", "other"),
    },
    optional,
  )
  .filter((fields) => Object.keys(fields).length > 0);

const budget = fc
  .record({
    size: fc.oneof(fc.record({ limit: usd }), fc.record({ count: fc.integer({ min: 0, max: 4 }) })),
    window,
    extra: fc.record(
      { per: fc.constantFrom("recipient", "domain", "resource", "asset", "network", "category"), match },
      optional,
    ),
  })
  .map(({ size, window, extra }) => ({ ...size, window, ...extra }));

const rules = fc
  .record(
    {
      allowedNetworks: fc.subarray(["base", "polygon"]),
      allowedAssets: fc.constantFrom(["USDC"], []),
      allowedRecipients: fc.subarray([ALICE, BOB]),
      blockedRecipients: fc.subarray([ALICE, BOB]),
      allowedDomains: fc.subarray(["a.example", "*.a.example", "b.example"]),
      blockedDomains: fc.subarray(hosts),
      allowedCategories: fc.subarray(["data", "news", "other"]),
      blockedCategories: fc.subarray(["data", "other"]),
      schedule: fc.constantFrom(
        [{ allow: "08:00-14:00" }],
        [{ days: ["fri"], allow: ["06:00-12:00", "13:00-02:00"] }],
        [{ days: ["mon"], allow: "none" }, { allow: "all" }],
      ),
      perCallMax: usd,
      perSessionMax: usd,
      perDayMax: usd,
      totalMax: usd,
      budgets: fc
        .array(budget, { maxLength: 4 })
        .map((budgets) => budgets.map((fields, i) => ({ name: `b${i}`, ...fields }))),
    },
    optional,
  )
  // Mostly few rules, or nothing would ever pass.
  .chain((all) =>
    fc
      .subarray(Object.keys(all), { maxLength: Math.min(4, Object.keys(all).length) })
      .map((kept) => Object.fromEntries(Object.entries(all).filter(([key]) => kept.includes(key)))),
  );
type Rules = Record<string, unknown>;

/** What only a household may say, too. */
const whole = fc
  .tuple(rules, fc.option(fc.constantFrom({ max: "0.01", maxAge: "5m" }, { max: "0", maxAge: "1h" })))
  .map(([document, depeg]): Rules => ({ ...document, ...(depeg && { depeg }) }));

const terms: fc.Arbitrary<Terms> = fc.record(
  {
    usd: fc.constantFrom(1n, 500_000n, 1_000_000n, 2_000_000n),
    to: fc.constantFrom(ALICE, BOB),
    url: fc.constantFrom("https://a.example/1", "https://x.a.example/2", "https://b.example/", "a.example"),
    category: fc.constantFrom("data", "news"),
    asset: fc.constantFrom(PINNED_ASSETS[0]!, PINNED_ASSETS[2]!),
  },
  optional,
);

const extraScope: fc.Arbitrary<Scope> = fc.oneof(
  rules.map((document) => session("extra", document)),
  rules.map((document) => ({ ...session("x", document), id: "agent:default", kind: "agent" as const })),
  fc
    .record({ spend: fc.constantFrom(0n, 500_000n, 10_000_000n), count: fc.constantFrom(0n, 1n, 9n) })
    .map((fuel) => ({
      id: "unlock:7",
      kind: "unlock" as const,
      policy: unlockPolicy(fuel, "UTC"),
      frozen: false,
    })),
);

/** Counters after some payments, each a while after the one before. */
const history = fc.array(fc.tuple(fc.integer({ min: 0, max: 7_200_000 }), terms), { maxLength: 8 });
function play(scopes: readonly Scope[], past: readonly (readonly [number, Terms])[]): Books {
  const books = new Books();
  books.prices.set("USDC", parsePrice(past.length % 2 === 0 ? "1.00" : "1.005"));
  books.pricesAt.set("USDC", books.now);
  for (const [wait, payment] of past) {
    books.now += wait;
    books.pay(scopes, payment);
  }
  return books;
}
const next = (books: Books, payment: Terms): Terms => ({ ...payment, expiresAt: books.now + 60_000 });

describe("a decision", () => {
  it("never allows more when a scope is added", () => {
    fc.assert(
      fc.property(whole, extraScope, history, terms, (document, extra, past, asked) => {
        const base = [household(document)];
        const books = play([...base, extra], past);
        const paid = payment(next(books, asked));
        if (evaluate(base, paid, books).outcome === "decline") {
          expect(evaluate([...base, extra], paid, books).outcome).toBe("decline");
        }
      }),
      { numRuns: 400 },
    );
  });

  it("never allows more when a rule is added to a document", () => {
    fc.assert(
      fc.property(whole, whole, history, terms, (document, more, past, asked) => {
        const added = Object.fromEntries(Object.entries(more).filter(([key]) => !(key in document)));
        const [loose, strict] = [household(document), household({ ...document, ...added })];
        const books = play([strict], past);
        const paid = payment(next(books, asked));
        // A total of the test's own stands in where the document has none.
        if ("totalMax" in added) return;
        if (evaluate([loose], paid, books).outcome === "decline") {
          expect(evaluate([strict], paid, books).outcome).toBe("decline");
        }
      }),
      { numRuns: 400 },
    );
  });

  it("does not depend on the order of scopes, budgets and lists, nor does the check it names", () => {
    fc.assert(
      fc.property(whole, extraScope, history, terms, (document, extra, past, asked) => {
        const reversed = Object.fromEntries(
          Object.entries(document)
            .map(([key, value]): [string, unknown] => [
              key,
              // In a schedule the order says which entry decides.
              Array.isArray(value) && key !== "schedule" ? value.toReversed() : value,
            ])
            .reverse(),
        );
        const books = play([household(document), extra], past);
        const paid = payment(next(books, asked));
        const one = evaluate([household(document), extra], paid, books);
        const two = evaluate([extra, household(reversed)], paid, books);
        expect(two.outcome).toBe(one.outcome);
        expect(binding(two)).toEqual(binding(one));
        const byKey = (decision: typeof one) =>
          decision.add.map((a) => `${a.key} ${a.bucket} ${a.amount}`).sort();
        expect(byKey(two)).toEqual(byKey(one));
      }),
      { numRuns: 400 },
    );
  });

  it("adds to the counters exactly what it has checked, each counter once", () => {
    fc.assert(
      fc.property(whole, extraScope, history, terms, (document, extra, past, asked) => {
        const scopes = [household(document), extra];
        const books = play(scopes, past);
        const paid = payment(next(books, asked));
        const decision = evaluate(scopes, paid, books);
        const failed = decision.checks.some((check) => !check.ok);
        expect(decision.outcome).toBe(failed ? "decline" : "allow");
        if (failed) {
          expect(decision.add).toEqual([]);
          return;
        }
        const recorded = { ...paid, usd: decision.usd };
        const again = additions(scopes, recorded, books.now, books.unlock);
        expect(decision.add.filter(({ key }) => !key.includes("|newKeys|"))).toEqual(again);
        const cells = decision.add.map(({ key, bucket }) => `${key} ${bucket}`);
        expect(new Set(cells).size).toBe(cells.length);
        for (const { amount, key } of again) expect(amount).toBe(key.includes("|usd|") ? decision.usd : 1n);
      }),
      { numRuns: 400 },
    );
  });

  it("keeps every limit to the unit when payments are decided one after another", () => {
    fc.assert(
      fc.property(
        whole,
        extraScope,
        fc.array(terms, { minLength: 1, maxLength: 30 }),
        (document, extra, batch) => {
          const scopes = [household(document), extra];
          const books = play(scopes, []);
          for (const one of batch) books.pay(scopes, one);
          for (const check of headroom(scopes, books).flatMap(({ checks }) => checks)) {
            if (check.used !== undefined) expect(check.used <= check.limit!).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("says nothing that the wire cannot carry", () => {
    fc.assert(
      fc.property(whole, extraScope, history, terms, (document, extra, past, asked) => {
        const scopes = [household(document), extra];
        const books = play(scopes, past);
        const { checks } = evaluate(scopes, payment(next(books, asked)), books);
        for (const check of [...checks, ...headroom(scopes, books).flatMap(({ checks }) => checks)]) {
          expect(checkSchema.safeParse(wireCheck(check)).success).toBe(true);
        }
      }),
    );
  });

  it("names a reopening at which its own rule passes", () => {
    fc.assert(
      fc.property(whole, history, terms, (document, past, asked) => {
        const scopes = [household(document)];
        const books = play(scopes, past);
        for (const check of evaluate(scopes, payment(next(books, asked)), books).checks) {
          if (check.ok || check.reopensAt === undefined) continue;
          expect(check.reopensAt).toBeGreaterThan(books.now);
          const later = new Books();
          for (const [key, cells] of books.cells) later.cells.set(key, cells);
          later.now = check.reopensAt;
          const then = evaluate(scopes, payment(next(later, asked)), later).checks;
          expect(then.find(({ rule }) => rule === check.rule)).toMatchObject({ ok: true });
        }
      }),
      { numRuns: 400 },
    );
  });

  it("lets children together spend no more than their parent may", () => {
    const names = ["a", "b", "default"] as const;
    const limits = fc.record({ totalMax: usd, perDayMax: usd, perSessionMax: usd }, optional);
    const payments = fc.array(fc.record({ agent: fc.constantFrom(...names), child: fc.nat(2), terms }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        limits,
        fc.record({ a: limits, b: limits, default: limits }),
        fc.array(limits, { minLength: 3, maxLength: 3 }),
        fc.bigInt({ min: 0n, max: 20_000_000n }),
        payments,
        (document, agents, children, spend, batch) => {
          const compiled = compileHousehold(
            parseDocument({ version: 1, totalMax: "1000000000", ...document, agents }),
          );
          const unlock: Scope = {
            id: "unlock:7",
            kind: "unlock",
            policy: unlockPolicy({ spend }, "UTC"),
            frozen: false,
          };
          const books = new Books();
          const spent = new Map<string, bigint>();
          for (const { agent, child, terms } of batch) {
            const scopes = scopesUnder(compiled, agent, {
              unlock,
              session: session(`${agent}-${child}`, children[child]!),
            });
            const { outcome, usd: cost } = books.pay(scopes, { ...terms, agent });
            if (outcome === "allow") for (const { id } of scopes) spent.set(id, (spent.get(id) ?? 0n) + cost);
          }
          const under = (prefix: string): bigint =>
            [...spent].reduce((sum, [id, cost]) => (id.startsWith(prefix) ? sum + cost : sum), 0n);
          const least = (of: Record<string, string>) =>
            Object.values(of).reduce(
              (min, text) => (parseUsd(text) < min ? parseUsd(text) : min),
              10n ** 15n,
            );
          expect(under("agent:")).toBe(under("household"));
          expect(under("agent:") <= least(document)).toBe(true);
          expect(under("agent:") <= spend).toBe(true);
          for (const name of names) {
            expect(under(`session:${name}-`)).toBe(under(`agent:${name}`));
            expect(under(`session:${name}-`) <= least(agents[name])).toBe(true);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
