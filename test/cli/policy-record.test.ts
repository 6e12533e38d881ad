// x402-policy on payments: what would pass, what was paid, what is on record.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operatorCall } from "../../client/signer.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { OTHER_PAYEE, PAYEE, document, intent } from "../signer/intents.ts";
import { policy } from "./policy-command.ts";

let home: SignerHome;
let signer: Signer;
const run = (args: readonly string[]) => policy(home.folder, args);

describe("what would pass, and what was paid", () => {
  const rules = document({
    perCallMax: "0.05",
    perDayMax: "0.06",
    blockedDomains: ["evil.example"],
    agents: { research: { perDayMax: "0.02" } },
  });
  beforeAll(async () => {
    home = await SignerHome.make();
    signer = await home.start();
    await signer.apply(rules);
    await signer.close();
    signer = await home.start(); // opens the socket of research
    await signer.unlock();
    for (const [i, url] of ["https://a.example/x", "https://a.example/y", "https://b.example/"].entries()) {
      await signer.sign(intent(`paid ${i}`.replace(" ", "-"), { claims: { url } }));
    }
    await signer.sign(intent("research", { payTo: OTHER_PAYEE, claims: { url: "https://c.example/" } }), {
      agent: "research",
    });
    await signer.sign(intent("no-url", { claims: {} }));
    await signer.sign(intent("dear", { amount: "60000" }));
    await signer.sign(intent("evil", { claims: { url: "https://x.evil.example/\u202egpj.exe" } }));
    await signer.sign(intent("formula", { payTo: "=HYPERLINK(1)" }));
  });
  afterAll(async () => {
    await signer.close();
    home.remove();
  });

  const explain = (...args: string[]) =>
    run(["explain", "--network", "base-sepolia", "--to", PAYEE, "--url", "https://a.example/", ...args]);

  it("explains a payment that passes", async () => {
    const { status, stdout, stderr } = await explain("--amount", "0.01");
    expect(status).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^allow\n/);
    expect(stdout).toMatch(/pass +household +perDayMax +fact +limit 0\.06 +used 0\.04 +left 0\.02/);
    expect(stdout).toMatch(/pass +household +blockedDomains +claim\n/);
  });

  it("names what binds, when it reopens, and fails", async () => {
    const day = await explain("--amount", "0.03");
    expect(day.status).toBe(1);
    expect(day.stdout).toMatch(/^decline: DAILY_BUDGET_EXCEEDED, the budget of the day is spent\n/);
    expect(day.stdout).toMatch(/FAIL +household +perDayMax .* DAILY_BUDGET_EXCEEDED +reopens 20\d\d-/);
    const agent = await explain("--amount", "0.011", "--agent", "research");
    expect(agent.stdout).toMatch(/FAIL +agent:research +perDayMax/);
    const call = await explain("--amount", "0.07");
    expect(call.stdout).toMatch(/^decline: AMOUNT_EXCEEDS_PER_REQUEST_LIMIT/);
    const none = await run(["explain", "--network", "base-sepolia", "--to", PAYEE, "--amount", "0.01"]);
    expect(none.stdout).toMatch(/^decline: DOMAIN_NOT_ALLOWED/);
  });

  it("tries a document that is not in force, and changes nothing", async () => {
    const { seq } = (await signer.status()).head;
    const path = join(home.folder, "tried.json");
    writeFileSync(path, JSON.stringify({ ...rules, perDayMax: "100" }));
    expect((await explain("--amount", "0.03", "--file", path)).status).toBe(0);
    const json = await explain("--amount", "0.03", "--json", "--category", "data");
    expect(JSON.parse(json.stdout)).toMatchObject({ outcome: "decline" });
    expect((await signer.status()).head.seq).toBe(seq);
  });

  it("says what the rules say, and that a locked signer signs nothing", async () => {
    await operatorCall(signer.operator, "vault.lock", {});
    const { status, stdout, stderr } = await explain("--amount", "0.01");
    await signer.unlock();
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: "The signer is locked: whatever the rules say, it signs nothing now.\n",
    });
    expect(stdout).toMatch(/^allow\n/);
  });

  it("refuses what is no payment", async () => {
    for (const args of [
      ["--amount", "-1"],
      ["--amount", "1e3"],
      ["--amount", "0.0000001"],
      ["--amount", "1", "--asset", "DOGE"],
      ["--amount", "1", "--network", "Base"],
      ["--amount", "0"],
    ]) {
      expect((await explain(...args)).status, args.join(" ")).toBe(2);
    }
  });

  it("sums up what was spent, by period, agent, domain and payee", async () => {
    const { status, stdout, stderr } = await run(["spending"]);
    expect(status).toBe(0);
    expect(stderr).toContain("in UTC; domains are the agents' claims");
    expect(stdout).toMatch(/^all +0\.04 +0\.04 +0\.04 +4$/m);
    expect(stdout).toMatch(/^ {2}a\.example +0\.02 +0\.02 +0\.02 +2$/m);
    expect(stdout).toMatch(/^ {2}b\.example +0\.01/m);
    expect(stdout).toMatch(new RegExp(`^ {2}${OTHER_PAYEE.toLowerCase()} +0\\.01`, "m"));
    const one = JSON.parse((await run(["spending", "--json", "--agent", "research"])).stdout) as object;
    expect(one).toMatchObject({
      timezone: "UTC",
      all: { all: { day: { usd: "0.01", payments: 1 } } },
      domains: { "c.example": { month: { payments: 1 } } },
      agents: { research: { week: { usd: "0.01" } } },
    });
  });

  const rows = async (...args: string[]) =>
    (await run(["audit", "--json", ...args])).stdout
      .split("\n")
      .filter((line) => line !== "")
      .map(
        (line) =>
          JSON.parse(line) as {
            seq: number;
            hash: string;
            body: { kind: string; agent?: string; id?: string };
          },
      );

  it("lists the record, filtered", async () => {
    const all = await rows();
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1));
    const kinds = new Set(all.map(({ body }) => body.kind));
    for (const kind of [
      "ledger.created",
      "policy.applied",
      "vault.unlocked",
      "payment.reserved",
      "payment.declined",
    ]) {
      expect(kinds).toContain(kind);
    }
    expect(await rows("--outcome", "signed")).toHaveLength(4);
    expect((await rows("--outcome", "declined")).map(({ body }) => body.id)).toEqual(
      ["no-url", "dear", "evil", "formula"].map((name) => intent(name).id),
    );
    expect((await rows("--agent", "research")).length).toBe(1);
    expect((await rows("--domain", "a.example")).length).toBe(2);
    expect((await rows("--domain", "Evil.Example")).length).toBe(1);
    expect((await rows("--since", "1h")).length).toBe(all.length);
    expect(await rows("--until", "1h")).toEqual([]);
    expect(await rows("--since", "2026-01-01", "--until", "2026-01-02T00:00Z")).toEqual([]);
    expect((await run(["audit", "--since", "yesterday"])).status).toBe(2);
    expect((await run(["audit", "--json", "--csv"])).status).toBe(2);
  });

  it("writes a table, JSON and CSV that hold nothing a terminal or a spreadsheet would obey", async () => {
    const text = await run(["audit"]);
    expect(text.stdout).toMatch(
      /payment\.declined +default +to 0x\w+ .*AMOUNT_EXCEEDS_PER_REQUEST_LIMIT \(household perCallMax\)/,
    );
    const csv = await run(["audit", "--csv", "--outcome", "declined"]);
    const lines = csv.stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^"seq","time","kind","agent"/);
    expect(lines[4]).toContain(`"'=HYPERLINK(1)"`);
    for (const { stdout } of [text, csv, await run(["audit", "--json"])])
      expect(stdout).toMatch(/^[ -~\n]*$/);
  });

  it("proves the record", async () => {
    const { status, stdout } = await run(["audit", "verify"]);
    const { head } = await signer.status();
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^true: ${head.seq} rows, \\d+ counters, head ${head.hash}\n`));
  });
});

describe("what was paid on Solana and Cardano", () => {
  const ADDRESS =
    "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae";
  const [MINT, SELLER] = [
    "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU",
    "9h3NctATCQvBt2QD7k7LYBZEmrEuPyvWNRicVZwPBc6M",
  ];
  const parameters = {
    minFeeA: 44,
    minFeeB: 155_381,
    coinsPerUtxoByte: 4310,
    maxTxSize: 16_384,
    maxValueSize: 5000,
  };
  const onSolana = {
    network: "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
    asset: MINT,
    payTo: SELLER,
  } as const;
  const onCardano = { network: "cardano:preprod", asset: "lovelace", payTo: ADDRESS } as const;

  beforeAll(async () => {
    home = await SignerHome.ofPhrase();
    signer = await home.start();
    await signer.unlock();
    await signer.apply(
      document({ allowedNetworks: ["solana-devnet", "cardano-preprod"], allowedAssets: ["USDC", "ADA"] }),
    );
    expect((await run(["price", "set", "ADA", "0.41"])).stdout).toMatch(/^ADA counts at 0\.41 USD until /);
    const utxos = [{ transaction: "ab".repeat(32), index: 0, lovelace: "100000000" }];
    const paid = [
      await signer.sign(intent("s", { ...onSolana, extra: { feePayer: MINT.replace("4z", "5z") } }), {
        context: { recentBlockhash: SELLER },
      }),
      await signer.sign(intent("c", { ...onCardano, amount: "2000000" }), { context: { utxos, parameters } }),
    ];
    expect(paid.map(({ outcome }) => outcome)).toEqual(["signed", "signed"]);
  });
  afterAll(async () => {
    await signer.close();
    home.remove();
  });

  it("is summed up by payees as their chains write them", async () => {
    const { stdout } = await run(["spending"]);
    expect(stdout).toMatch(new RegExp(`^ {2}${SELLER} +0\\.01 `, "m"));
    expect(stdout).toMatch(new RegExp(`^ {2}${ADDRESS} +0\\.88`, "m"));
  });

  it("is listed, and a price is no sum", async () => {
    const { status, stdout } = await run(["audit"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/price\.set +ADA at 0\.41 USD$/m);
    expect(stdout).toMatch(new RegExp(`payment\\.reserved +default +0\\.88\\d* USD +to ${ADDRESS} `));
    const csv = (await run(["audit", "--csv"])).stdout;
    expect(csv).toMatch(/"price\.set","","","ADA",.*"ADA at 0\.41 USD"$/m);
  });
});
