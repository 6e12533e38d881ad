// Payments that share a commit are decided as they would be one by one: against the pure decision, in the same order.
import fc from "fast-check";
import { expect, it } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { scopesUnder } from "../../policy/chain.ts";
import { compileHousehold, parseDocument } from "../../policy/document.ts";
import { binding, evaluate } from "../../policy/evaluate.ts";
import { assetKey } from "../../protocol/assets.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import { SignerHome } from "../counterparts/signer.ts";
import { Books, payment } from "../policy/household.ts";
import { OTHER_PAYEE, PAYEE, USDC, document, intent } from "./intents.ts";

const NOW = Date.UTC(2026, 10, 20, 12);

const cents = fc.constantFrom("0.01", "0.05", "0.10", "0.30");
const rules = fc.record(
  {
    perCallMax: cents,
    perDayMax: cents,
    totalMax: cents,
    allowedCategories: fc.constant(["data"]),
    blockedRecipients: fc.constant([OTHER_PAYEE]),
    budgets: fc.subarray([
      { name: "rate", count: 7, window: "1m" },
      { name: "payee", limit: "0.06", window: "day", per: "recipient" },
      { name: "data", count: 3, window: "1h", match: { category: "data" } },
      { name: "site", limit: "0.05", window: "total", per: "resource" },
    ]),
  },
  { requiredKeys: ["budgets"] },
);
const asked = fc.record({
  amount: fc.constantFrom("1", "10000", "20000", "49999"),
  payTo: fc.constantFrom(PAYEE, OTHER_PAYEE),
  category: fc.constantFrom("data", "news"),
  path: fc.constantFrom("a", "b"),
});
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never;

const wire = ({ amount, payTo, category, path }: Asked, n: number): WireIntent =>
  intent(n, { amount, payTo, claims: { url: `https://api.example.com/${path}`, category } });

/** One after another, each seeing what the ones before it left. */
function oneByOne(applied: object, batch: readonly Asked[]): string[] {
  const household = compileHousehold(parseDocument(applied));
  const scopes = scopesUnder(household, "default");
  const asset = household.registry.get(assetKey("eip155:84532", USDC))!;
  const books = new Books();
  books.now = NOW;
  return batch.map(({ amount, payTo, category, path }) => {
    const url = `https://api.example.com/${path}`;
    const terms = { usd: BigInt(amount), to: payTo, url, category, asset, expiresAt: NOW + 60_000 };
    const decision = evaluate(scopes, payment(terms), books);
    books.add(decision.add);
    return binding(decision)?.code ?? "signed";
  });
}

/** All at once, on one connection, which keeps their order. */
async function together(applied: Record<string, unknown>, batch: readonly Asked[]): Promise<string[]> {
  const home = await SignerHome.make();
  const signer = await home.start({ clock: () => NOW });
  try {
    await signer.unlock();
    await signer.apply(applied);
    const agent = await signer.agent();
    const results = await Promise.all(
      batch.map((one, n) => agentCall(agent, "payment.sign", { intent: wire(one, n) })),
    );
    return results.map((result) => (result.outcome === "declined" ? result.check.code : result.outcome));
  } finally {
    await signer.close();
    home.remove();
  }
}

it("decides a batch as its payments one by one", async () => {
  await fc.assert(
    fc.asyncProperty(rules, fc.array(asked, { minLength: 2, maxLength: 40 }), async (drawn, batch) => {
      const applied = document(drawn);
      expect(await together(applied, batch)).toEqual(oneByOne(applied, batch));
    }),
    { numRuns: 25, endOnFailure: true },
  );
}, 60_000);
