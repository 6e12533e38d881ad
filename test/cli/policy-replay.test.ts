// `x402-policy replay` on what a real signer has recorded: at the signer, and from its export.
import { createWriteStream, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { OTHER_PAYEE, PAYEE, document, idOf, intent } from "../signer/intents.ts";
import { atShell, policy } from "./policy-command.ts";

let home: SignerHome;
let signer: Signer;
let record: string;
let files = 0;
const file = (content: unknown): string => {
  const path = join(home.folder, `new ${files++}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const replay = (rules: Record<string, unknown>, ...args: string[]) =>
  policy(home.folder, ["replay", file(document(rules)), ...args]);
const fromFile = (rules: Record<string, unknown>, ...args: string[]) =>
  replay(rules, "--record", record, ...args);

beforeAll(async () => {
  home = await SignerHome.make();
  signer = await home.start();
  await signer.unlock();
  await signer.apply(document({ perCallMax: "0.05" }));
  for (let i = 0; i < 6; i++) await signer.sign(intent(i));
  await signer.sign(
    intent(6, { payTo: OTHER_PAYEE, amount: "40000", claims: { url: "https://\u202eevil.example/" } }),
  );
  await signer.sign(intent(7, { amount: "60000" })); // declined then: no part of it
  record = join(home.folder, "the record.ndjson");
  await policy(home.folder, ["audit", "export", record]);
});
afterAll(async () => {
  await signer.close();
  home.remove();
});

describe("replay", () => {
  it("would decline nothing under the document that was in force", async () => {
    const { status, stdout, stderr } = await replay({ perCallMax: "0.05" });
    expect(status).toBe(0);
    expect(stderr).toMatch(/^Each payment by what it was counted for/);
    expect(stdout).toMatch(/^would pass +7 +payments +0\.10 +USD$/m);
    expect(stdout).toMatch(/^would be declined +0 +payments +0\.00 +USD$/m);
  });

  it("says what another one would have declined, by which rule and how much; the same of the export", async () => {
    const rules = { perDayMax: "0.03", blockedRecipients: [OTHER_PAYEE] };
    const asked = await replay(rules, "--list", "2");
    expect(asked.stdout).toMatch(/^would be declined +4 +payments +0\.07 +USD$/m);
    expect(asked.stdout).toMatch(
      /^ {2}RECIPIENT_BLOCKED +1 +payment +0\.04 +USD +household blockedRecipients$/m,
    );
    expect(asked.stdout).toMatch(
      /^ {2}DAILY_BUDGET_EXCEEDED +3 +payments +0\.03 +USD +household perDayMax$/m,
    );
    expect(asked.stdout).toMatch(/the first 2:\n.* DAILY_BUDGET_EXCEEDED +household perDayMax\n.*\n$/);
    expect(asked.stdout).toContain(PAYEE);
    expect((await fromFile(rules, "--list", "2")).stdout).toBe(asked.stdout);
    const { stdout } = await fromFile(rules, "--json");
    const parsed = JSON.parse(stdout) as { payments: { id: string }[] };
    expect(parsed).toMatchObject({
      allowed: { payments: 3, usd: "0.03" },
      declined: { payments: 4, usd: "0.07" },
      rules: [
        { code: "RECIPIENT_BLOCKED", usd: "0.04" },
        { code: "DAILY_BUDGET_EXCEEDED", payments: 3 },
      ],
    });
    expect(parsed.payments.map(({ id }) => id)).toEqual([3, 4, 5, 6].map(idOf));
  });

  it("changes nothing, and needs no signer for an export", async () => {
    const { seq } = (await signer.status()).head;
    await replay({ perDayMax: "0.01" });
    expect((await signer.status()).head.seq).toBe(seq);
    const away = ["replay", "-", "--record", record, "--socket", "/nowhere"];
    expect((await policy(home.folder, away, JSON.stringify(document()))).status).toBe(0);
    expect((await replay({}, "--socket", join(home.folder, "none.sock"))).status).toBe(3);
  });

  it("begins where it is told to", async () => {
    const { stdout } = await fromFile({ totalMax: "0.10" }, "--since", "2099-01-01");
    expect(stdout).toBe("no payments\n");
    expect((await fromFile({}, "--since", "30d")).stdout).toMatch(/would pass +7/);
    for (const args of [
      ["--since", "soon"],
      ["--list", "-1"],
      ["--list", "10001"],
      ["--list", "x"],
    ])
      expect((await fromFile({}, ...args)).status, args.join(" ")).toBe(2);
  });

  it("shows what others chose in one printable line, and is quiet when nobody reads", async () => {
    const { stdout } = await fromFile({ perCallMax: "0.03" });
    expect(stdout).toMatch(/^[ -~\n]*$/);
    const gone = await atShell(
      home.folder,
      ["replay", file(document()), "--record", record, "--json"],
      "| true",
    );
    expect([gone.status, gone.stderr.includes("Error")]).toEqual([0, false]);
  });
});

describe("a record that is none", () => {
  const lines = () => readFileSync(record, "utf8").split("\n");
  const edited = (edit: (all: string[]) => string[]) => fromText(edit(lines()).join("\n"));
  const fromText = async (text: string) => {
    const path = file(text);
    return await policy(home.folder, ["replay", file(document()), "--record", path]);
  };

  it("is refused with its line, status 2", async () => {
    for (const [outcome, said] of [
      [await fromText(""), "it was cut off"],
      [await fromText("{}\n"), "line 1: its first line is not that of an export"],
      [await edited((all) => all.slice(0, -2)), "it was cut off"],
      [await edited((all) => [...all.slice(0, -1), '{"seq":1}', ""]), "it goes on after its end"],
      [await edited((all) => all.with(3, "nonsense")), "line 4: this is no row"],
      [
        await edited((all) =>
          all.map((line) => (line.includes("payment.reserved") ? line.slice(0, -9) : line)),
        ),
        "this is no row",
      ],
      [await edited((all) => all.slice(0, -1).concat(all.at(-2)!.slice(0, 20))), "it was cut off"],
      [await fromText("x".repeat(3 << 20)), "it was cut off"],
    ] as const) {
      expect({ status: outcome.status, stdout: outcome.stdout }, said).toEqual({ status: 2, stdout: "" });
      expect(outcome.stderr).toContain(said);
    }
    const odd = await edited((all) =>
      all.map((line) => line.replace('\\"usd\\":\\"10000\\"', '\\"usd\\":\\"-1\\"')),
    );
    expect([odd.status, odd.stderr]).toEqual([4, expect.stringContaining("cannot be read")]);
  });

  it("that is a folder, a pipe or not there: status 2", async () => {
    for (const path of [home.folder, join(home.folder, "none"), "/dev/null", "-"])
      expect((await replay({}, "--record", path)).status, path).toBe(2);
  });

  it("of 100 MB on one line takes no memory for it", async () => {
    const path = file("");
    truncateSync(path, 100 * 1024 * 1024);
    const { status, stderr } = await policy(home.folder, ["replay", file(document()), "--record", path]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("cut off")]);
  });
});

it("a long record is streamed: a hundred thousand payments within the memory of a few", async () => {
  const path = join(home.folder, "long.ndjson");
  const out = createWriteStream(path);
  const [header, ...rest] = readFileSync(record, "utf8").trimEnd().split("\n");
  const row = rest.find((line) => line.includes("payment.reserved"))!;
  out.write(`${header!}\n`);
  for (let i = 1; i <= 100_000; i++) {
    const line = row.replace(/^\{"seq":\d+/, `{"seq":${i}`).replace(/intent-\d+/, `intent-${i}`);
    if (!out.write(`${line}\n`)) await once(out, "drain");
  }
  out.end(`${rest.at(-1)!}\n`);
  await once(out, "finish");
  const rules = file(
    document({
      totalMax: "999.99",
      budgets: [{ name: "each", limit: "900", window: "day", per: "recipient" }],
    }),
  );
  // A heap that does not hold the record: 64 MB for 120 MB of lines.
  const { status, stdout, stderr } = await atShell(home.folder, ["replay", rules, "--record", path], "", [
    "--max-old-space-size=64",
  ]);
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/would pass +90000 +payments +900\.00/);
});
