// `x402-policy test`: cases in a file, as CI runs them. No signer.
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../sources.ts";
import { atShell, policy } from "./policy-command.ts";

const home = mkdtempSync(join(realpathSync(tmpdir()), "policy cases "));
afterAll(() => {
  rmSync(home, { recursive: true });
});

let files = 0;
const file = (content: unknown): string => {
  const path = join(home, `cases ${files++}.json`);
  writeFileSync(
    path,
    typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content),
  );
  return path;
};
const run = (args: readonly string[], input?: string) => policy(home, ["test", ...args], input);

const DOCUMENT = { version: 1, allowedNetworks: ["base"], perDayMax: "1.00" };
const PAYMENT = {
  network: "base",
  asset: "USDC",
  to: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
  amount: "0.25",
  at: "2026-11-20T12:00:00Z",
};
const document = file(DOCUMENT);
const named = (changed: object = {}) => ({ name: "a case", payment: PAYMENT, expect: "allow", ...changed });
const tried = (...cases: object[]) => run(["--policy", document, file({ cases })]);

describe("examples/policies", () => {
  const examples = globSync("examples/policies/*.test.json", { cwd: ROOT });

  it("has cases for every document", () => {
    const documents = globSync("examples/policies/*.json", { cwd: ROOT }).filter(
      (path) => !examples.includes(path),
    );
    expect(documents.length).toBeGreaterThan(1);
    expect(examples.map((path) => path.replace(".test.json", ".json")).sort()).toEqual(documents.sort());
  });

  it.each(examples)("%s: all as expected", async (path) => {
    const { status, stdout, stderr } = await run([join(ROOT, path)]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^TAP version 14\n1\.\.\d+\n(ok \d+ - .+\n)+$/);
  });

  it("find their document beside them, wherever they are run from", async () => {
    const folder = join(home, "else where");
    mkdirSync(folder);
    for (const name of ["one-api.json", "one-api.test.json"])
      copyFileSync(join(ROOT, "examples/policies", name), join(folder, name));
    expect((await run([join(folder, "one-api.test.json")])).status).toBe(0);
    // Through stdin there is no beside: the working folder counts, where there is none.
    const { status, stderr } = await atShell(home, ["test", "-"], `< '${join(folder, "one-api.test.json")}'`);
    expect([status, stderr]).toEqual([2, expect.stringContaining("cannot read")]);
  });
});

describe("a case", () => {
  it("that does not go as expected is told with the rule that decided, status 1; the others still run", async () => {
    const { status, stdout, stderr } = await tried(
      named({
        name: "too \\ much # of it\nis \u202e odd",
        expect: "NO_PRICE",
        spent: [{ ...PAYMENT, times: 4 }],
      }),
      named({ payment: { ...PAYMENT, network: "polygon" } }),
      named({ expect: "CHAIN_NOT_ALLOWED" }),
      named(),
    );
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "TAP version 14",
      "1..4",
      "not ok 1 - too \\\\ much \\# of it\\\\u{a}is \\\\u{202e} odd".replaceAll("\\\\u", "\\u"),
      "  # expected NO_PRICE, got DAILY_BUDGET_EXCEEDED (household perDayMax, limit 1.00, used 1.00)",
      "not ok 2 - a case",
      "  # expected allow, got CHAIN_NOT_ALLOWED (household allowedNetworks)",
      "not ok 3 - a case",
      "  # expected CHAIN_NOT_ALLOWED, got allow",
      "ok 4 - a case",
      "",
    ]);
  });

  it("counts what was spent before whatever its order, in its own window, and only up to its time", async () => {
    const before = (at: string, times = 1) => ({ ...PAYMENT, at, times });
    const { stdout, status } = await tried(
      named({
        spent: [
          before("2026-11-20T11:00:00Z", 2),
          before("2026-11-20T01:00:00Z"),
          before("2026-11-19T12:00:00Z", 4),
        ],
      }),
      named({ spent: [before("2026-11-20T11:00:00Z", 4)], expect: "DAILY_BUDGET_EXCEEDED" }),
      // Valid into this day by a minute, so it counts here too.
      named({ spent: [{ ...before("2026-11-19T23:59:30Z", 4) }], expect: "DAILY_BUDGET_EXCEEDED" }),
      named({ spent: [{ ...before("2026-11-19T23:59:30Z", 4), timeoutSeconds: 29 }] }),
    );
    expect(stdout).toContain("ok 4");
    expect(status).toBe(0);
  });

  it("knows tokens by symbol and by address, those of the document too, and says which it does not know", async () => {
    const usdc = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
    const { status } = await tried(
      named({ payment: { ...PAYMENT, asset: usdc.toLowerCase() } }),
      named({ payment: { ...PAYMENT, asset: "DOGE" }, expect: "ASSET_UNKNOWN" }),
      named({ payment: { ...PAYMENT, network: "eip155:1" }, expect: "ASSET_UNKNOWN" }),
    );
    expect(status).toBe(0);
  });
});

describe("a wrong file", () => {
  it.each([
    ["not JSON", "{", "the file is not JSON"],
    ["no object", "[]", "expected object"],
    ["no cases", { cases: [] }, "cases: "],
    ["cases that are none", { cases: ["a"] }, "cases[0]: "],
    ["no payment", { cases: [{ name: "x", expect: "allow" }] }, "cases[0].payment: "],
    [
      "a field that is not known",
      { cases: [named({ expects: 1 })] },
      "cases[0].expects: not known to this version",
    ],
    [
      "one in a payment",
      { cases: [named({ payment: { ...PAYMENT, ammount: "1" } })] },
      "cases[0].payment.ammount: not known",
    ],
    ["one in the defaults", { defaults: { times: 2 }, cases: [named()] }, "defaults.times: not known"],
    ["one in the file", { policies: "x", cases: [named()] }, "policies: not known"],
    [
      "money as a number",
      { cases: [named({ payment: { ...PAYMENT, amount: 1 } })] },
      "cases[0].payment.amount: must be a decimal",
    ],
    [
      "nothing to pay",
      { cases: [named({ payment: { ...PAYMENT, amount: "0.00" } })] },
      "amount: must be more than 0",
    ],
    [
      "too many decimals",
      { cases: [named({ payment: { ...PAYMENT, amount: "0.0000001" } })] },
      "amount: has more than 6 decimals",
    ],
    [
      "a network by another name",
      { cases: [named({ payment: { ...PAYMENT, network: "Base" } })] },
      "cases[0].payment.network: must be",
    ],
    [
      "a wrong letter in an address",
      { cases: [named({ payment: { ...PAYMENT, to: PAYMENT.to.replace("0x70", "0x71") } })] },
      "cases[0].payment.to: must be",
    ],
    [
      "an address of another rail",
      { cases: [named({ payment: { ...PAYMENT, network: "solana" } })] },
      "cases[0].payment.to: must be",
    ],
    [
      "no time zone",
      { cases: [named({ payment: { ...PAYMENT, at: "2026-11-20T12:00:00" } })] },
      "cases[0].payment.at: must be a time",
    ],
    [
      "a code that is none",
      { cases: [named({ expect: "ALLOW" })] },
      'cases[0].expect: must be "allow" or a code',
    ],
    [
      "spending after the payment",
      { cases: [named({ spent: [{ ...PAYMENT, at: "2026-11-20T12:00:01Z" }] })] },
      "cases[0].spent[0].at: is after the payment",
    ],
    [
      "a price that is none",
      { cases: [named({ prices: { ADA: "cheap" } })] },
      "cases[0].prices.ADA: must be",
    ],
    [
      "no fee on Cardano",
      {
        cases: [
          named({
            payment: {
              ...PAYMENT,
              network: "cardano",
              asset: "ADA",
              to: "addr1q9zdzgj2lgsemgtzvaft77stwn5k9scduwdglmphq3kpdft09083trxjn8nnmder6h37nuwlpqty5ymnxhw7zjp8fv8qyxclta",
            },
          }),
        ],
      },
      "networkFee: must be given on Cardano",
    ],
    [
      "a fee elsewhere",
      { cases: [named({ payment: { ...PAYMENT, networkFee: "0.1" } })] },
      "networkFee: is for Cardano only",
    ],
    ["a name that is set twice", '{"cases":[{"name":"x","name":"y"}]}', "duplicate key"],
    ["a prototype", '{"cases":[{"__proto__":{}}]}', "__proto__"],
    ["no UTF-8", Buffer.from('{"cases":"\xff"}', "latin1"), "not UTF-8"],
  ])("%s: status 2, nothing on stdout", async (_, content, said) => {
    const { status, stdout, stderr } = await run(["--policy", document, file(content)]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(said);
    expect(stderr).toContain("Try before you trust");
  });

  it("tells nothing of the cases before it", async () => {
    const { stdout } = await tried(named(), named({ spent: [{ ...PAYMENT, asset: "DOGE" }] }));
    expect(stdout).toBe("");
  });

  it("a wrong document, none, or both by stdin: status 2", async () => {
    const cases = file({ cases: [named()] });
    for (const args of [
      [cases],
      ["--policy", join(home, "none.json"), cases],
      ["--policy", file({ version: 1 }), cases],
      ["--policy", "-", "-"],
      [join(home, "none.json")],
      [home],
      [file({ policy: "no such.json", cases: [named()] })],
      [],
    ])
      expect((await run(args)).status, args.join(" ")).toBe(2);
    expect((await run(["--policy", "-", cases], JSON.stringify(DOCUMENT))).status).toBe(0);
    expect((await run(["--policy", document, "-"], JSON.stringify({ cases: [named()] }))).status).toBe(0);
  });

  it("of 100 MB is not read to its end", async () => {
    const path = file(" ");
    truncateSync(path, 100 * 1024 * 1024);
    const { status, stderr } = await run(["--policy", document, path]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("more than 4194304 bytes")]);
    expect((await run(["--policy", path, file({ cases: [named()] })])).status).toBe(2);
  });

  it("is quiet when nobody reads what it says", async () => {
    const cases = join(ROOT, "examples/policies", basename("one-api.test.json"));
    const { status, stderr } = await atShell(home, ["test", cases], "| true");
    expect([status, stderr]).toEqual([0, ""]);
  });
});
