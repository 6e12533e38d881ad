// The past under another document: against a slow twin that keeps every payment, and row by row where rows speak of
// payments before them.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileHousehold, parseDocument } from "../../policy/document.ts";
import { binding, evaluate } from "../../policy/evaluate.ts";
import { type DraftRow, type ReplayRow, intentOf, readReplayRow } from "../../policy/record.ts";
import { Replay } from "../../policy/replay.ts";
import { ALICE, BOB, Books, NOON, USDC, household, payment } from "./household.ts";

const HOUR = 3_600_000;

let ids = 0;
const row = (changed: Partial<DraftRow> = {}): DraftRow => {
  const at = changed.at ?? NOON;
  return {
    ...{ kind: "payment.reserved", at, agent: "default", id: `intent-${ids++}`, network: USDC.network },
    ...{
      asset: USDC.address,
      symbol: "USDC",
      decimals: 6,
      amount: "1000000",
      usd: changed.amount ?? "1000000",
    },
    ...{ payTo: ALICE, claims: {}, unlock: 3, expires: Math.floor(at / 1000) + 60 },
    ...changed,
  };
};
const released = ({ agent, id, at }: DraftRow, later = HOUR): ReplayRow => ({
  ...{ kind: "payment.released", agent, id, at: at + later },
});

function replayed(rules: object, rows: readonly ReplayRow[], { since = 0, listed = 5 } = {}) {
  const document = parseDocument({ version: 1, totalMax: "1000000", ...rules });
  const late = rows.filter(({ kind }) => kind === "payment.released" || kind === "payment.redrafted");
  const unsettled = new Set(late.map((one) => intentOf(one as DraftRow)));
  const replay = new Replay(compileHousehold(document), { since, listed, unsettled });
  rows.forEach((one, i) => {
    replay.apply(one, i + 1);
  });
  const { allowed, refused } = replay.tally;
  const codes = Object.fromEntries(
    replay.tally.byRule().map(({ check, payments }) => [check.code, payments]),
  );
  return { passed: allowed.payments, declined: refused.payments, codes, tally: replay.tally };
}

describe("a replay", () => {
  it("decides as a twin that keeps every payment, in random pasts under random documents", () => {
    const usd = fc.integer({ min: 1, max: 30 }).map((n) => `${n}.00`);
    const rules = fc.record(
      {
        perCallMax: usd,
        perDayMax: usd,
        perMonthMax: usd,
        allowedRecipients: fc.constantFrom([ALICE], [BOB], []),
        blockedDomains: fc.constant(["b.example"]),
        budgets: fc.constant([
          { name: "few", count: 3, window: "1h" },
          { name: "each", limit: "4.00", window: "7d", per: "recipient" },
        ]),
      },
      { requiredKeys: [] },
    );
    const one = fc.record({
      wait: fc.integer({ min: 0, max: 30 * HOUR }),
      amount: fc.integer({ min: 1, max: 5_000_000 }).map(String),
      payTo: fc.constantFrom(ALICE, BOB),
      claims: fc.constantFrom(
        {},
        { origin: "https://a.example" },
        { origin: "https://b.example", path: "/x" },
      ),
    });
    fc.assert(
      fc.property(rules, fc.array(one, { maxLength: 60 }), (document, past) => {
        let at = NOON;
        const rows = past.map(({ wait, ...terms }) => row({ at: (at += wait), ...terms }));
        const scope = household({ totalMax: "1000000", ...document });
        const books = new Books();
        const expected = rows.map(({ at, amount, payTo, claims: { origin, path = "/" }, expires }) => {
          books.now = at;
          const url = origin === undefined ? {} : { url: origin + path };
          const asked = payment({ usd: BigInt(amount), to: payTo, expiresAt: expires * 1000, ...url });
          const decision = evaluate([scope], asked, books);
          books.add(decision.add);
          return binding(decision)?.code;
        });
        const { passed, codes } = replayed(document, rows);
        expect(passed).toBe(expected.filter((code) => code === undefined).length);
        const counted = Object.entries(
          Object.groupBy(
            expected.filter((code) => code !== undefined),
            (code) => code,
          ),
        );
        expect(codes).toEqual(Object.fromEntries(counted.map(([code, all]) => [code, all.length])));
      }),
      { numRuns: 400 },
    );
  });

  it("counts what was paid before its beginning, whatever the document says of it, and tells nothing of it", () => {
    const before = row({ at: NOON - HOUR, claims: { origin: "https://b.example" }, amount: "4000000" });
    const rules = { perDayMax: "5.00", perCallMax: "3.00", blockedDomains: ["b.example"] };
    const rest = [
      row({ claims: { origin: "https://a.example" } }),
      row({ claims: { origin: "https://a.example" } }),
    ];
    expect(replayed(rules, [before, ...rest], { since: NOON })).toMatchObject({
      passed: 1,
      codes: { DAILY_BUDGET_EXCEEDED: 1 },
    });
    expect(replayed(rules, [before, ...rest])).toMatchObject({ passed: 2, codes: { DOMAIN_BLOCKED: 1 } });
  });

  it("gives back what was given back, but only what it counted", () => {
    const [first, second] = [row(), row()];
    const after = row({ at: NOON + 2 * HOUR });
    const full = { perDayMax: "2.00" };
    expect(replayed(full, [first, second, after]).declined).toBe(1);
    expect(replayed(full, [first, second, released(first), after]).declined).toBe(0);
    // Never counted, so there is nothing to give back.
    const dear = row({ amount: "2500000" });
    expect(replayed(full, [first, second, dear, released(dear), after]).declined).toBe(2);
    // Twice is once.
    const again = row({ at: NOON + 2 * HOUR });
    expect(replayed(full, [first, second, released(first), released(first), after, again]).declined).toBe(1);
  });

  it("decides an intent once; its later drafts count where they newly reach, and more where they are dearer", () => {
    const midnight = Date.parse("2026-11-21T00:00:00Z");
    const first = row({ at: midnight - 120_000 });
    const again = {
      ...first,
      kind: "payment.redrafted" as const,
      at: midnight,
      expires: midnight / 1000 + 60,
    };
    const next = row({ at: midnight + HOUR });
    const day = { perDayMax: "1.00" };
    expect(replayed(day, [first, next]).declined).toBe(0);
    expect(replayed(day, [first, again, next])).toMatchObject({ passed: 1, declined: 1 });
    expect(replayed({ perWeekMax: "2.00" }, [first, again, next]).declined).toBe(0);
    expect(replayed({ perWeekMax: "2.00" }, [first, { ...again, usd: "1500000" }, next]).declined).toBe(1);
  });

  it("knows an agent, an asset and a validity as the document has them", () => {
    expect(replayed({}, [row({ agent: "gone" })]).codes).toEqual({ SIGNER_FROZEN: 1 });
    expect(replayed({ agents: { gone: {} } }, [row({ agent: "gone" })]).declined).toBe(0);
    const until = (expires: string) => ({ agents: { gone: { expires } } });
    expect(replayed(until("2026-11-20T12:00:00Z"), [row({ agent: "gone" })]).codes).toEqual({
      AGENT_EXPIRED: 1,
    });
    expect(replayed(until("2026-11-20T12:00:01Z"), [row({ agent: "gone" })]).declined).toBe(0);
    expect(replayed({}, [row({ asset: BOB })]).codes).toEqual({ ASSET_UNKNOWN: 1 });
    const midnight = Date.parse("2026-11-21T00:00:00Z");
    const over = row({ at: midnight - 120_000, expires: midnight / 1000 + 60 });
    const next = row({ at: midnight + HOUR });
    expect(replayed({ perDayMax: "1.00" }, [over, next]).declined).toBe(1);
    expect(replayed({ perDayMax: "1.00", maxValidity: "1m" }, [over, next]).declined).toBe(0);
    // A message on Solana lives as long as its blockhash, whatever the document says.
    const solana = {
      network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" as const,
      asset: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    };
    const both = [over, next].map((one) => ({ ...one, ...solana }));
    expect(replayed({ perDayMax: "1.00", maxValidity: "1m" }, both).declined).toBe(1);
  });

  it("values each part at the prices of its time, and holds the network's part to its own limit", () => {
    const paid = row({
      ...{ network: "cardano:mainnet", asset: "lovelace", symbol: "ADA", amount: "2000000", usd: "900000" },
      outflow: [
        ["ADA", "2000000", "payment"],
        ["ADA", "250000", "fee"],
      ],
      rates: { ADA: "0.40" },
    });
    expect(replayed({ perDayMax: "0.90" }, [paid]).declined).toBe(0);
    expect(replayed({ perDayMax: "0.899999" }, [paid]).declined).toBe(1);
    expect(replayed({ maxNetworkFee: "0.10" }, [paid]).declined).toBe(0);
    expect(replayed({ maxNetworkFee: "0.099999" }, [paid]).codes).toEqual({ NETWORK_FEE_TOO_HIGH: 1 });
  });

  it("knows how old a price was, and how far from a dollar", () => {
    const set = (usd: string, at: number): ReplayRow => ({
      kind: "price.set",
      at,
      symbol: "USDC",
      usd,
      maxAge: 86_400,
    });
    const depeg = { depeg: { max: "0.01", maxAge: "5m" } };
    const rated = (usd: string) => row({ rates: { USDC: usd } });
    expect(replayed(depeg, [row()]).codes).toEqual({ PRICE_STALE: 1 });
    expect(replayed(depeg, [set("0.995", NOON - 60_000), rated("0.995")]).declined).toBe(0);
    expect(replayed(depeg, [set("0.98", NOON - 60_000), rated("0.98")]).codes).toEqual({
      STABLECOIN_DEPEG: 1,
    });
    expect(replayed(depeg, [set("1.00", NOON - HOUR), rated("1.00")]).codes).toEqual({ PRICE_STALE: 1 });
  });

  it("lists the first ones and keeps no more", () => {
    const { tally } = replayed({ perCallMax: "0.50" }, [row(), row(), row()], { listed: 2 });
    expect(tally.listed.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(tally.refused).toEqual({ payments: 3, usd: 3_000_000n });
  });
});

describe("a row", () => {
  it("is read when it is one, and else not taken for another", () => {
    expect(readReplayRow(JSON.stringify({ ...row(), draft: "AA==", add: [] }))).toMatchObject({
      kind: "payment.reserved",
    });
    for (const wrong of [
      "",
      "{",
      "[]",
      "null",
      JSON.stringify({ ...row(), usd: "-1" }),
      JSON.stringify({ ...row(), at: "x" }),
      '{"kind":"checkpoint"}',
    ])
      expect(readReplayRow(wrong), wrong).toBeUndefined();
  });
});
