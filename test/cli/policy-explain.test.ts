// What would pass in place of a payment: the search, and what `explain` says at a real signer on three rails.
import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guessOf, largestPassing } from "../../cli/policy/would-pass.ts";
import { operatorCall } from "../../client/signer.ts";
import type { Quote } from "../../protocol/shapes.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { PAYEE, intent } from "../signer/intents.ts";
import { policy } from "./policy-command.ts";

describe("the largest amount that passes", () => {
  it("is found wherever it is, whatever the guess, eight at a time", async () => {
    const amount = fc.bigInt({ min: 0n, max: 1n << 62n });
    await fc.assert(
      fc.asyncProperty(amount, amount, amount, async (limit, asked, guess) => {
        if (asked === 0n) return;
        let trips = 0;
        const quotes = (amounts: readonly bigint[]): Promise<Quote[]> => {
          trips++;
          expect(amounts.length).toBeLessThanOrEqual(8);
          return Promise.resolve(
            amounts.map((one) => ({ outcome: one <= limit ? "allow" : "decline", checks: [] })),
          );
        };
        const found = await largestPassing(quotes, { asked, passes: asked <= limit, guess });
        expect(found).toBe(limit === 0n ? undefined : limit);
        expect(trips).toBeLessThan(45);
      }),
      { numRuns: 2000 },
    );
  });

  it("is found at once by a guess that is right", async () => {
    let trips = 0;
    const quotes = (amounts: readonly bigint[]): Promise<Quote[]> => {
      trips++;
      return Promise.resolve(
        amounts.map((one) => ({ outcome: one <= 20_000n ? "allow" : "decline", checks: [] })),
      );
    };
    expect(await largestPassing(quotes, { asked: 30_000n, passes: false, guess: 20_000n })).toBe(20_000n);
    expect(trips).toBe(1);
  });

  it("is guessed by what the tightest limit leaves", () => {
    const check = {
      scope: "household",
      code: "BUDGET_EXCEEDED",
      ok: false,
      claimed: false,
      unit: "usd",
    } as const;
    const quote: Quote = {
      outcome: "decline",
      usd: "0.40",
      checks: [
        { ...check, rule: "perCallMax", limit: "0.30" },
        { ...check, rule: "totalMax", limit: "1.00", used: "0.90", left: "0.10" },
        { ...check, rule: "maxNetworkFee", limit: "0.01" },
      ],
    };
    expect(guessOf(quote, 1_000_000n)).toBe(250_000n);
    expect(guessOf({ outcome: "decline", checks: [] }, 7n)).toBe(7n);
  });
});

describe("explain", () => {
  let home: SignerHome;
  let signer: Signer;
  const run = (...args: string[]) => policy(home.folder, ["explain", ...args]);
  const base = (amount: string, ...more: string[]) =>
    run("--network", "base-sepolia", "--to", PAYEE, "--amount", amount, ...more);

  beforeAll(async () => {
    home = await SignerHome.ofPhrase();
    signer = await home.start();
    await signer.apply({
      version: 1,
      allowedNetworks: ["base-sepolia", "solana-devnet", "cardano-preprod"],
      perDayMax: "0.06",
      totalMax: "5",
    });
    await signer.close();
    signer = await home.start(); // loads the rails
    await signer.unlock();
    await signer.sign(intent("paid"));
    await operatorCall(signer.operator, "price.set", { symbol: "ADA", usd: "0.01", maxAge: 3600 });
  });
  afterAll(async () => {
    await signer.close();
    home.remove();
  });

  it("says how much more would pass", async () => {
    const { status, stdout } = await base("0.01");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^allow\nat most 0\.05 USDC would pass now\n/);
    expect(JSON.parse((await base("0.01", "--json")).stdout)).toMatchObject({
      outcome: "allow",
      largest: "0.05",
    });
  });

  it("says what binds, how much would pass, and when it opens again", async () => {
    const { status, stdout } = await base("0.055");
    expect(status).toBe(1);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "decline: DAILY_BUDGET_EXCEEDED, the budget of the day is spent",
      expect.stringMatching(
        /^ {2}FAIL +household +perDayMax .*limit 0\.06 +used 0\.01 +left 0\.05 .* reopens 20/,
      ),
      expect.stringMatching(
        /^at most 0\.05 USDC would pass now; what stops 0\.055 opens again 20\d\d-\d\d-\d\d \d\d:\d\d$/,
      ),
    ]);
    const json = JSON.parse((await base("0.055", "--json")).stdout) as Record<string, string>;
    expect(json).toMatchObject({ binding: { rule: "perDayMax", left: "0.05" }, largest: "0.05" });
    expect(Date.parse(json["reopensAt"]!)).toBeGreaterThan(Date.now());
  });

  it("says where waiting does not help, and where no amount would do", async () => {
    expect((await base("0.07")).stdout).toMatch(
      /\nat most 0\.05 USDC would pass now; waiting does not help\n/,
    );
    const file = join(home.folder, "nobody else.json");
    writeFileSync(file, JSON.stringify({ version: 1, totalMax: "5", allowedRecipients: [] }));
    const { stdout } = await base("0.01", "--file", file);
    expect(stdout).toMatch(/\nno amount would pass now; waiting does not help\n/);
  });

  it("knows fees, prices and the least that a network moves", async () => {
    const solana = await run(
      "--network",
      "solana-devnet",
      "--to",
      "EwWqGE4ZFKLofuestmU4LDdK7XM1N4ALgdZccwYugwGd",
      "--amount",
      "1",
    );
    expect(solana.stdout).toMatch(/\nat most 0\.05 USDC would pass now; /);
    const to = "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz";
    const cardano = await run("--network", "cardano-preprod", "--asset", "ADA", "--to", to, "--amount", "2");
    const most = /\nat most (4\.8\d*) ADA would pass now\n/.exec(cardano.stdout)?.[1];
    expect(most, cardano.stdout + cardano.stderr).toBeDefined();
    // What is said is so: it passes, and one lovelace more does not.
    const again = (units: bigint) =>
      run(
        "--network",
        "cardano-preprod",
        "--asset",
        "ADA",
        "--to",
        to,
        "--amount",
        (Number(units) / 1e6).toFixed(6),
      );
    const units = BigInt(most!.replace(".", "").padEnd(7, "0"));
    expect((await again(units)).status).toBe(0);
    expect((await again(units + 1n)).status).toBe(1);
  });
});

describe("check", () => {
  it("answers as JSON, too", async () => {
    const check = (text: string) => policy("/nowhere", ["check", "--json", "-"], text);
    const good = await check('{"version":1,"perDayMax":"5"}');
    expect([good.status, JSON.parse(good.stdout)]).toEqual([
      0,
      {
        valid: true,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        remarks: expect.arrayContaining([
          { path: "totalMax", text: expect.any(String) as string },
        ]) as unknown[],
      },
    ]);
    const bad = await check('{"version":1,"perDayMax":"5","\u202e":1}');
    expect([bad.status, JSON.parse(bad.stdout)]).toEqual([
      1,
      { valid: false, error: expect.stringContaining("not known to this version") as string },
    ]);
    expect((await policy("/nowhere", ["check", "--json", "/nowhere/x"])).status).toBe(2);
  });
});
