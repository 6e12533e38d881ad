// What a person is asked about: each rule on both of its sides, and what wins over what.
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { parseDocument } from "../../policy/document.ts";
import { type Facts, binding, evaluate } from "../../policy/evaluate.ts";
import { isOneAway, skeletonOf } from "../../policy/lookalike.ts";
import { type Memory, markOf, median, payeeKey, termsKey } from "../../policy/memory.ts";
import { ALICE, BOB, Books, type Terms, USDC, failures, household, payment } from "./household.ts";

const SHOP = "https://api.example.com/data?key=1";
const RESOURCE = "https://api.example.com/data";
const LIKE_ALICE = `0x5290${"7".repeat(32)}9EE7`;

const memory = (said: Partial<Memory> = {}): Memory => ({
  payee: () => undefined,
  resource: () => undefined,
  streak: () => 0,
  payeesMarked: () => [],
  hosts: () => [],
  ...said,
});
const knowing = (key: string, ceiling?: bigint): Partial<Memory> => ({
  payee: (asked) =>
    asked === key
      ? { known: ceiling === undefined, amounts: [], ...(ceiling !== undefined && { ceiling }) }
      : undefined,
});
const ALICE_KEY = payeeKey(USDC.network, ALICE);

function decide(rules: object, terms: Terms = {}, said: Partial<Memory> = {}) {
  const books: Facts = Object.assign(new Books(), { memory: memory(said) });
  return evaluate([household(rules)], payment(terms), books);
}
const codes = (rules: object, terms?: Terms, said?: Partial<Memory>) => failures(decide(rules, terms, said));

describe("a rule that asks", () => {
  it("holds above an amount and not at it, and books what it holds", () => {
    expect(decide({ approve: { above: "1.00" } }, { usd: 1_000_000n }).outcome).toBe("allow");
    const held = decide({ approve: { above: "1.00" } }, { usd: 1_000_001n });
    expect([held.outcome, failures(held)]).toEqual(["hold", ["APPROVAL_AMOUNT"]]);
    expect(held.add).toContainEqual({ key: "household|usd|total", bucket: 0, amount: 1_000_001n });
  });

  it("holds claimed categories, in one spelling", () => {
    const rules = { approve: { categories: ["data_feeds"] } };
    expect(codes(rules, { category: " Data Feeds" })).toEqual(["APPROVAL_CATEGORY"]);
    expect(codes(rules, { category: "search" })).toEqual([]);
    expect(decide(rules, { category: "data_feeds" }).checks.find(({ holds }) => holds)?.claimed).toBe(true);
  });

  it("holds the payment behind so many in a row", () => {
    const rules = { approve: { afterConsecutive: 6 } };
    const after = (streak: number) =>
      codes(rules, { url: SHOP }, { streak: (_, of) => (of === RESOURCE ? streak : 0) });
    expect([after(5), after(6), after(7)]).toEqual([[], ["APPROVAL_CONSECUTIVE"], ["APPROVAL_CONSECUTIVE"]]);
    expect(codes(rules, {}, { streak: (_, of) => (of === ALICE_KEY ? 6 : 0) })).toEqual([
      "APPROVAL_CONSECUTIVE",
    ]);
  });

  it("holds who was never paid, on that network, and passes who was or was approved for as much", () => {
    const rules = { approve: { newRecipient: true } };
    expect(codes(rules)).toEqual(["APPROVAL_NEW_RECIPIENT"]);
    expect(codes(rules, {}, knowing(ALICE_KEY))).toEqual([]);
    expect(codes(rules, {}, knowing(payeeKey("eip155:137", ALICE)))).toEqual(["APPROVAL_NEW_RECIPIENT"]);
    expect(codes(rules, {}, knowing(ALICE_KEY, 1_000_000n))).toEqual([]);
    expect(codes(rules, {}, knowing(ALICE_KEY, 999_999n))).toEqual(["APPROVAL_NEW_RECIPIENT"]);
  });

  it.each([{ approve: { newRecipient: true } }, { priceJump: { times: 10 } }])(
    "%j holds a known resource with another payee, asset or network",
    (rules) => {
      const paid = (terms: readonly string[]) =>
        codes(
          rules,
          { url: SHOP },
          {
            ...knowing(ALICE_KEY),
            resource: (_, of) => (of === RESOURCE ? { terms, amounts: [1_000_000n] } : undefined),
          },
        );
      const same = termsKey(USDC.network, USDC.address, ALICE);
      expect(paid([same.replace(ALICE.toLowerCase(), BOB), same])).toEqual([]);
      expect(paid([termsKey(USDC.network, USDC.address, BOB)])).toEqual(["APPROVAL_CHANGED_PAYEE"]);
      expect(paid([termsKey(USDC.network, BOB, ALICE)])).toEqual(["APPROVAL_CHANGED_PAYEE"]);
      expect(paid([termsKey("eip155:137", USDC.address, ALICE)])).toEqual(["APPROVAL_CHANGED_PAYEE"]);
    },
  );

  it("holds more than so many times the median of the resource, else of the payee", () => {
    const rules = { priceJump: { times: 10 } };
    const payee = { payee: () => ({ known: true, amounts: [5n, 100n, 90n] }) };
    expect(codes(rules, { usd: 900n }, payee)).toEqual([]);
    expect(codes(rules, { usd: 901n }, payee)).toEqual(["APPROVAL_PRICE_JUMP"]);
    const terms = [termsKey(USDC.network, USDC.address, ALICE)];
    const both = { ...payee, resource: () => ({ terms, amounts: [1_000n] }) };
    expect(codes(rules, { usd: 10_000n, url: SHOP }, both)).toEqual([]);
    expect(codes(rules, { usd: 10_001n, url: SHOP }, both)).toEqual(["APPROVAL_PRICE_JUMP"]);
    expect(codes(rules, { usd: 1_000_000n })).toEqual([]);
    const covered = { payee: () => ({ known: true, amounts: [1n], ceiling: 5_000n }) };
    expect(codes(rules, { usd: 5_000n }, covered)).toEqual([]);
    expect(codes(rules, { usd: 5_001n }, covered)).toEqual(["APPROVAL_PRICE_JUMP"]);
  });

  it("holds a payee that looks like a known one", () => {
    const known = {
      payeesMarked: (mark: string) => (mark === markOf(ALICE.toLowerCase()) ? [ALICE.toLowerCase()] : []),
    };
    const rules = { approve: { newRecipient: true } };
    expect(codes(rules, { to: LIKE_ALICE }, known)).toEqual([
      "APPROVAL_LOOKALIKE_PAYEE",
      "APPROVAL_NEW_RECIPIENT",
    ]);
    expect(binding(decide(rules, { to: LIKE_ALICE }, known))?.code).toBe("APPROVAL_LOOKALIKE_PAYEE");
    expect(codes({ priceJump: { times: 2 } }, { to: LIKE_ALICE }, known)).toEqual([
      "APPROVAL_LOOKALIKE_PAYEE",
    ]);
    expect(codes(rules, { to: ALICE }, { ...known, ...knowing(ALICE_KEY) })).toEqual([]);
  });

  it.each([
    ["https://api.exarnple.com/x", true],
    ["https://api.examp1e.com/x", true],
    ["https://apl.example.com/x", true],
    ["https://аpi.example.com/x", true],
    ["https://api.exámple.com/x", true],
    ["https://api.example.com/y", false],
    ["https://shop.example.com/x", false],
    ["https://127.0.0.2/x", false],
  ])("%s looks like a known host: %s", (url, isHeld) => {
    const hosts = () => [
      { host: "api.example.com", skeleton: skeletonOf("api.example.com") },
      { host: "127.0.0.1", skeleton: "127.0.0.1" },
    ];
    const found = codes({ priceJump: { times: 2 } }, { url }, { hosts });
    expect(found).toEqual(isHeld ? ["APPROVAL_LOOKALIKE_HOST"] : []);
  });
});

describe("what wins", () => {
  it("is a rule that declines, whatever else asks", () => {
    const rules = { approve: { above: "0.50", newRecipient: true }, perCallMax: "0.90" };
    const decision = decide(rules);
    expect([decision.outcome, decision.add]).toEqual(["decline", []]);
    expect(binding(decision)?.code).toBe("AMOUNT_EXCEEDS_PER_REQUEST_LIMIT");
  });

  it("is one hold too many, and more than half of what agents share", () => {
    const held = (open: number, held: bigint, shared = true) => {
      const facts: Facts = Object.assign(new Books(), { holding: { open, shared, held: () => held } });
      return evaluate([household({ perDayMax: "4.00", approve: { above: "0.50" } })], payment(), facts);
    };
    expect(held(15, 1_000_000n).outcome).toBe("hold");
    expect(binding(held(16, 0n))?.code).toBe("TOO_MANY_HOLDS");
    expect(binding(held(0, 1_000_001n))?.code).toBe("TOO_MANY_HOLDS");
    expect(held(0, 1_000_001n, false).outcome).toBe("hold");
  });

  it("never lets more pass with one more rule that asks", () => {
    const rules = fc.record(
      {
        above: fc.constantFrom("0.10", "1.00", "5.00"),
        newRecipient: fc.constant(true as const),
        afterConsecutive: fc.integer({ min: 1, max: 4 }),
        categories: fc.constant(["other"]),
      },
      { requiredKeys: ["above"] },
    );
    const said = fc.record({ streak: fc.nat(5), known: fc.boolean(), usd: fc.bigInt(1n, 9_000_000n) });
    fc.assert(
      fc.property(rules, rules, said, (one, two, { streak, known, usd }) => {
        const from: Partial<Memory> = { streak: () => streak, payee: () => ({ known, amounts: [] }) };
        const rank = { allow: 2, hold: 1, decline: 0 };
        const of = (approve: object) => rank[decide({ approve, perDayMax: "4.00" }, { usd }, from).outcome];
        const both = { ...two, ...one, above: Number(one.above) < Number(two.above) ? one.above : two.above };
        expect(of(both)).toBeLessThanOrEqual(of(one));
      }),
      { numRuns: 500 },
    );
  });
});

describe("a document", () => {
  const parse = (rules: object) => () => parseDocument({ version: 1, totalMax: "1.00", ...rules });
  it.each([
    [{ approve: {} }, "approve: needs something to ask about"],
    [{ approve: { expires: "1h", deskMax: "1.00" } }, "approve: needs something to ask about"],
    [{ agents: { a: { approve: { deskMax: "1" } } } }, "agents.a.approve: needs something"],
    [{ approve: { newRecipient: false } }, "approve.newRecipient: must be true, or absent"],
    [{ approve: { above: "1", expires: "30s" } }, "approve.expires: must be a duration"],
    [{ approve: { above: 1 } }, "approve.above"],
    [{ approve: { above: "1", unknown: 1 } }, "approve.unknown"],
    [{ priceJump: { times: 1 } }, "priceJump.times"],
    [{ priceJump: {} }, "priceJump.times"],
  ])("%j is refused", (rules, why) => {
    expect(parse(rules)).toThrow(why);
  });

  it("has one spelling", () => {
    expect(parse({ approve: { above: "1", expires: "60m", categories: ["b", "a", "b"] } })()).toMatchObject({
      approve: { above: "1.00", expires: "1h", categories: ["a", "b"] },
    });
    expect(parse({ priceJump: { times: 10 }, approve: { deskMax: "1" } })()).toMatchObject({
      approve: { deskMax: "1.00" },
    });
  });
});

describe("looking alike", () => {
  it("is one insertion, removal or replacement, both ways round", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 6 });
    const slow = (a: string, b: string): boolean => {
      const near = new Set<string>();
      for (let i = 0; i <= a.length; i++) {
        if (i < a.length) near.add(a.slice(0, i) + a.slice(i + 1));
        for (const c of "ab.") {
          near.add(a.slice(0, i) + c + a.slice(i));
          if (i < a.length) near.add(a.slice(0, i) + c + a.slice(i + 1));
        }
      }
      return a !== b && near.has(b);
    };
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        expect(isOneAway(a, b)).toBe(slow(a, b));
        expect(isOneAway(b, a)).toBe(isOneAway(a, b));
      }),
      { numRuns: 3000 },
    );
  });

  it("reads punycode as the platform writes it", () => {
    const names = fc.string({
      unit: fc.constantFrom("а", "о", "п", "б", "я", "ж", "x", "z", "ü", "語"),
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(names, (name) => {
        const host = URL.parse(`https://${name}.example/`)?.hostname;
        fc.pre(host !== undefined);
        expect(skeletonOf(host)).toBe(skeletonOf(`${name.normalize("NFKC")}.example`));
      }),
      { numRuns: 1000 },
    );
    for (const bad of ["xn--", "xn--!", "xn--99999999999", "xn--a-"])
      expect(() => skeletonOf(bad)).not.toThrow();
  });

  it("marks what a person compares, without what all addresses of a rail begin with", () => {
    expect(markOf(`0xabcd${"0".repeat(32)}1234`)).toBe("abcd…1234");
    expect(markOf("addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3")).toBe("qz2f…zer3");
    expect(markOf("short")).toBeUndefined();
  });

  it("takes the lower middle of the amounts", () => {
    expect([median([]), median([3n]), median([9n, 1n]), median([9n, 1n, 5n])]).toEqual([
      undefined,
      3n,
      1n,
      5n,
    ]);
  });
});
