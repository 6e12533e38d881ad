// docs/ledger.md against a ledger: every kind of row with its fields, and the proof that needs none of this software.
import { execFile, spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { WireIntent } from "../../protocol/intent.ts";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { isCode } from "../../protocol/errors.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";
import { writeCredential } from "../counterparts/credential.ts";
import { restore } from "../../signer/restore.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { USED, agreed, deskOf, reconcile, unresolved } from "../signer/findings.ts";
import { OLD_LEDGER_ENDS, oldHome } from "../signer/old-ledger.ts";
import { exported } from "../verify/life.ts";
import { blocksOf, readPage, rowsOf } from "./page.ts";

const page = readPage("docs/ledger.md");
let home: SignerHome;
let rows: AuditRow[];
let record: string;
let head: Head;

const intent = (id: string, change: Partial<WireIntent> = {}): WireIntent => ({
  id: id.padStart(16, "0"),
  scheme: "exact",
  network: "eip155:84532",
  asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
  payTo: "0x1111111111111111111111111111111111111111",
  amount: "10000",
  maxTimeoutSeconds: 60,
  claims: { url: "https://api.example.com/weather?city=Athens", method: "GET", category: "data" },
  ...change,
});

const ON_CARDANO = {
  network: "cardano:preprod",
  asset: "lovelace",
  amount: "1000000",
  payTo:
    "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae",
} as const;

const CARDANO = {
  utxos: [{ transaction: "ab".repeat(32), index: 0, lovelace: "100000000" }],
  parameters: {
    minFeeA: 44,
    minFeeB: 155_381,
    coinsPerUtxoByte: 4310,
    maxTxSize: 16_384,
    maxValueSize: 5000,
  },
};

/** A life of a ledger in which everything happens that leaves a row. */
beforeAll(async () => {
  home = await SignerHome.ofPhrase();
  let now = Date.parse("2026-11-20T08:00:00Z");
  const peer = { uid: process.getuid!(), gid: process.getgid!(), pid: process.pid };
  const signer = await home.start({ clock: () => now, peerOf: () => peer });
  await signer.unlock({ spend: "5.00", count: 100, endsAt: "2026-12-01T00:00:00Z" });
  await operatorCall(signer.operator, "price.set", { symbol: "ADA", usd: "0.41", maxAge: 86_400 });
  await signer.apply({ version: 1, perDayMax: "5.00" });
  const agent = await signer.agent();
  const { session } = await agentCall(agent, "session.open", { policy: { perCallMax: "1.00" } });
  await signer.sign(intent("1"), { session });
  await signer.sign(intent("2"), { session });
  await signer.sign(intent("3", ON_CARDANO), { session, context: CARDANO });
  now += 120_000;
  await signer.sign(intent("1"), { session });
  await signer.sign(intent("3", ON_CARDANO), { session, context: CARDANO });
  for (let i = 0; i < 12; i++) await signer.sign(intent(`d${i}`, { amount: "90000000" }), { session });
  await operatorCall(signer.operator, "agent.freeze", {});
  await operatorCall(signer.operator, "agent.unfreeze", {});
  now = await askThree(signer, session, now, (at) => (now = at));
  await agentCall(agent, "session.close", { session });
  await signer.apply({ version: 1, perDayMax: "5.00", perWeekMax: "9.00", maxReleasePerDay: "1.00" });
  now += 120_000;
  await resolveTwo(signer);
  await signer.lock();
  await signer.close();
  const credential = writeCredential(home);
  await (await home.start({ clock: () => now, credential })).close();
  const again = await home.start({ clock: () => now, credential });
  ({ rows, head } = await operatorCall(again.operator, "audit.query", { after: 0 }));
  record = await exported(home);
  await again.close();
  rows.push(...(await upgradedRows()), ...(await acceptedRows()), ...(await restoredRows()));
});

function edit({ state }: SignerHome, sql: string): void {
  const db = new DatabaseSync(join(state, "ledger.db"));
  db.exec(sql);
  db.close();
}

/** Of a ledger that was made of a backup. */
async function restoredRows(): Promise<AuditRow[]> {
  const place = await SignerHome.make();
  let signer = await place.start();
  const file = join(place.folder, "backup");
  const { rows, head, counters } = await operatorCall(signer.operator, "audit.query", { after: 0 });
  const lines = [{ "x402-audit": 1, ledger: head.ledger }, ...rows, { head, counters }];
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  await signer.close();
  rmSync(place.state, { recursive: true });
  restore({ file, home: place.state, keys: [] });
  signer = await place.start();
  const restored = await operatorCall(signer.operator, "audit.query", { after: 0 });
  await signer.close();
  place.remove();
  return restored.rows;
}

/** Of a ledger of which rows were lost, the policy was changed, and whose vault was replaced. */
async function acceptedRows(): Promise<AuditRow[]> {
  const lossy = await SignerHome.make();
  let signer = await lossy.start();
  await signer.unlock();
  await signer.apply({ version: 1, perDayMax: "5.00" });
  await lossy.vault.change({});
  await signer.unlock();
  const { ledger, seq } = (await signer.status()).head;
  await signer.close();
  edit(lossy, "UPDATE audit SET body = replace(body, '5.00', '9.00') WHERE body LIKE '%policy.applied%'");
  const peer = { uid: process.getuid!(), gid: process.getgid!(), pid: process.pid };
  signer = await lossy.start({ peerOf: () => peer });
  const lastHead = { ledger, seq: seq + 100, hash: "ab".repeat(32) };
  await operatorCall(signer.operator, "ledger.accept", { code: "LEDGER_DAMAGED", lastHead });
  const other = await SignerHome.make();
  await other.vault.change({ ledgerId: ledger });
  await signer.unlock({}, {}, other.vault).catch(() => undefined);
  await operatorCall(signer.operator, "ledger.accept", { code: "VAULT_REPLACED" });
  const { rows } = await operatorCall(signer.operator, "audit.query", { after: 0 });
  await signer.close();
  other.remove();
  lossy.remove();
  return rows;
}

/** One payment that is approved, one denied, one that lapses. Returns the time. */
async function askThree(
  signer: Signer,
  session: string,
  at: number,
  pass: (at: number) => void,
): Promise<number> {
  await signer.apply({ version: 1, perDayMax: "5.00", approve: { above: "0.05", newRecipient: true } });
  const hold = async (id: string): Promise<string> => {
    const context = { ...CARDANO, utxos: [{ ...CARDANO.utxos[0]!, index: Number(id.slice(1)) }] };
    const result = await signer.sign(intent(id, ON_CARDANO), { session, context });
    return result.outcome === "held" ? result.approval : result.outcome;
    console.log(JSON.stringify(result));
  };
  const remember = { ceiling: "5.00" };
  await operatorCall(signer.operator, "approval.approve", { approval: await hold("h1"), remember });
  await hold("h1");
  await operatorCall(signer.operator, "approval.deny", { approval: await hold("h2") });
  await hold("h3");
  pass(at + 31 * 60_000);
  await signer.status();
  return at + 31 * 60_000;
}

/** One payment given back, one shown to be settled. */
async function resolveTwo(signer: Signer): Promise<void> {
  const desk = await deskOf(signer);
  const [first, second] = await unresolved(desk);
  await reconcile(desk, [...agreed(first!), ...agreed(second!, USED)]);
  desk.close();
}

/** Of a ledger that an older version made. */
async function upgradedRows(): Promise<AuditRow[]> {
  const old = await oldHome();
  const signer = await old.start({ clock: () => OLD_LEDGER_ENDS });
  const { rows } = await operatorCall(signer.operator, "audit.query", { after: 0 });
  await signer.close();
  old.remove();
  return rows;
}

afterAll(() => {
  home.remove();
});

it("it lists every kind of row with all its fields, and no others", () => {
  const bodies = rows.map((row) => JSON.parse(row.body) as Record<string, unknown>);
  const fields = new Map<string, Set<string>>();
  for (const { kind, at, ...rest } of bodies) {
    expect(at).toBeTypeOf("number");
    fields.set(kind as string, new Set([...(fields.get(kind as string) ?? []), ...Object.keys(rest)]));
  }
  const reserved = fields.get("payment.reserved")!;
  const listed = rowsOf(page)
    .filter(([kind]) => /^`(\w+\.(?!db)\w+|checkpoint)`$/.test(kind ?? ""))
    .map(([kind = "", cell = ""]): [string, string[]] => {
      // What is in brackets explains the field before it.
      const names = [...cell.replaceAll(/\([^)]*\)/g, "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
      return [kind.slice(1, -1), cell.startsWith("the same") ? [...reserved, ...names] : names];
    });
  expect(listed.map(([kind]) => kind).sort()).toEqual([...fields.keys()].sort());
  for (const [kind, names] of listed)
    expect([...new Set(names)].sort(), kind).toEqual([...fields.get(kind)!].sort());
});

it("it lists the tables", () => {
  const db = new DatabaseSync(join(home.state, "ledger.db"), { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  db.close();
  const after = page.slice(page.indexOf("| table | |"));
  const listed = rowsOf(after.slice(0, after.indexOf("\n\n"))).flatMap(
    ([name]) => /^`(\w+)`$/.exec(name ?? "")?.[1] ?? [],
  );
  expect(listed.sort()).toEqual(tables.map(({ name }) => name as string));
});

it("it names codes that there are", () => {
  for (const [, code] of page.matchAll(/`([A-Z]+_[A-Z_]+)`/g)) {
    if (!code!.startsWith("X402_")) expect(isCode(code), code).toBe(true);
  }
});

it("its Python proves the chain of an export, and sees a change, without this software", async () => {
  const python = blocksOf(page).find(({ info }) => info === "python")!.text;
  const file = join(home.folder, "record.ndjson");
  writeFileSync(file, record);
  const { stdout } = await promisify(execFile)("python3", ["-c", python, file]);
  expect(stdout.trim().split(" ")).toEqual([head.ledger, String(head.seq), head.hash]);
  const no = (text: string): unknown[] => {
    writeFileSync(file, text);
    const { status, stderr } = spawnSync("python3", ["-c", python, file], { encoding: "utf8" });
    return [status, stderr.trim()];
  };
  const changed = record.replace('\\"amount\\":\\"10000\\"', '\\"amount\\":\\"10001\\"');
  expect(no(changed)).toEqual([1, "row 8 was changed or is missing"]);
  const lines = record.split("\n");
  expect(no(lines.toSpliced(3, 1).join("\n"))).toEqual([1, "row 3 was changed or is missing"]);
  expect(no(lines.toSpliced(-2, 1).join("\n"))).toEqual([1, "the export was cut off"]);
});
