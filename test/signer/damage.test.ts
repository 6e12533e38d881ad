// A ledger that is not what was written: every way gets its code, and nothing is signed on it.
import { hash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { rowHash } from "../../protocol/audit.ts";
import { X402Error } from "../../protocol/errors.ts";
import { type Head, headSchema } from "../../protocol/shapes.ts";
import { SCHEMA_VERSION } from "../../signer/ledger/database.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const PAGE = 4096;

let home: SignerHome;
let folder: string;
/** As a killed signer left it: a checkpoint, 21 rows after it, and all of that only in the log. */
let killed: string;
/** As a signer that stopped left it: its last row is a checkpoint. */
let stopped: string;

beforeAll(async () => {
  home = await SignerHome.make();
  folder = mkdtempSync(join(realpathSync(tmpdir()), "x402-damage-"));
  [killed, stopped] = [join(folder, "killed"), join(folder, "stopped")];
  const first = await home.spawn();
  await first.unlock();
  await first.apply(document({ perDayMax: "500.00" }));
  await pay(first, "first", 20);
  await first.close();
  cpSync(home.state, stopped, { recursive: true });
  const second = await home.spawn();
  await second.unlock();
  await pay(second, "second", 20);
  await second.kill();
  second.disconnect();
  cpSync(home.state, killed, { recursive: true });
});

afterAll(() => {
  home.remove();
  rmSync(folder, { recursive: true });
});

async function pay(signer: Pick<Signer, "sign">, name: string, count: number): Promise<void> {
  const all = [...Array(count).keys()].map((n) => outcomeOf(signer.sign(intent(`${name}-${n}`))));
  expect(new Set(await Promise.all(all))).toEqual(new Set(["signed"]));
}

function restore(from: string): void {
  rmSync(home.state, { recursive: true });
  cpSync(from, home.state, { recursive: true });
}

const file = (name: string): string => join(home.state, name);

/** Edits the database as an attacker or a bad disk would, and leaves no log behind. */
function edit(sql: string, ...values: SQLInputValue[]): void {
  const db = new DatabaseSync(file("ledger.db"));
  const { changes } = db.prepare(sql).run(...values);
  db.close();
  expect(changes).toBeGreaterThan(0);
}

function query(sql: string): Record<string, string | number> {
  const db = new DatabaseSync(file("ledger.db"));
  const row = db.prepare(sql).get() as Record<string, string | number>;
  db.close();
  return row;
}

/** What a signer that starts on it says: "locked", or by what it is frozen; the code when it does not start. */
async function found(): Promise<string> {
  let signer: Signer | undefined;
  try {
    signer = await home.start();
    const { state, frozenBy } = await signer.status();
    if (state !== "frozen") return state;
    // It must not have touched anything: the same is found again.
    expect(await codeOf(() => signer!.unlock())).toBe(frozenBy);
    return frozenBy!;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  } finally {
    await signer?.close();
  }
}

function head(): Head {
  const { ledger, seq, hash } = JSON.parse(readFileSync(file("head"), "utf8")) as Head;
  return headSchema.parse({ ledger, seq, hash });
}
const writeHead = (value: Head): void => {
  writeFileSync(file("head"), `${JSON.stringify(value).padEnd(511)}\n`);
};

describe.each(["killed", "stopped"])("the ledger of a signer that was %s", (how) => {
  const copy = (): string => (how === "killed" ? killed : stopped);

  beforeEach(() => {
    restore(copy());
  });

  it("is good as it is, and gives the same bytes", async () => {
    const signer = await home.start();
    await signer.unlock();
    expect(await signer.sign(intent("first-0"))).toMatchObject({ outcome: "signed", replayed: true });
    const record = await LedgerRecord.read(signer.operator);
    expect(record.ofKind("payment.reserved")).toHaveLength(how === "killed" ? 40 : 20);
    await signer.close();
  });

  it.each([
    ["one more", "UPDATE counters SET amount = amount + 1 WHERE key = 'household|usd|total'"],
    ["one less", "UPDATE counters SET amount = amount - 1 WHERE key = 'household|usd|total'"],
    ["zero", "UPDATE counters SET amount = 0 WHERE key LIKE 'household|usd|day%'"],
    ["gone", "DELETE FROM counters WHERE key = 'household|usd|total'"],
    ["all gone", "DELETE FROM counters"],
    ["new", "INSERT INTO counters (key, bucket, amount) VALUES ('household|usd|total', 1, -5)"],
    ["of another bucket", "UPDATE counters SET bucket = bucket + 1 WHERE key = 'household|usd|total'"],
    ["of another key", "UPDATE counters SET key = 'household|usd|week' WHERE key = 'household|usd|total'"],
    ["with another base", "UPDATE counters SET base = base - 1 WHERE key = 'household|usd|total'"],
    ["with both less", "UPDATE counters SET base = base - 10000, amount = amount - 10000"],
  ])("is damaged when a counter is %s", async (_what, sql) => {
    edit(sql);
    expect(await found()).toBe("LEDGER_DAMAGED");
  });

  it("is damaged when the checkpoint is another", async () => {
    const where = 'WHERE body LIKE \'{"kind":"checkpoint"%\'';
    edit(`UPDATE audit SET body = replace(body, '"counters":"', '"counters":"0') ${where}`);
    expect(await found()).toBe("LEDGER_DAMAGED");
  });

  it("is damaged when the checkpoint was forged to fit forged counters", async () => {
    edit(
      "UPDATE counters SET base = base - 200000, amount = amount - 200000 WHERE key = 'household|usd|total'",
    );
    const db = new DatabaseSync(file("ledger.db"));
    const all = db
      .prepare("SELECT key, bucket, base FROM counters WHERE base <> 0 ORDER BY key, bucket")
      .all();
    db.close();
    const forged = hash(
      "sha256",
      all.map(({ key, bucket, base }) => `${String(key)}\n${String(bucket)}\n${String(base)}\n`).join(""),
    );
    const { seq, body } = query(
      'SELECT seq, body FROM audit WHERE body LIKE \'{"kind":"checkpoint"%\' ORDER BY seq DESC LIMIT 1',
    );
    const changed = { ...(JSON.parse(String(body)) as object), counters: forged };
    edit("UPDATE audit SET body = ? WHERE seq = ?", JSON.stringify(changed), seq!);
    expect(await found()).toBe("LEDGER_DAMAGED");
  });

  it("is damaged when its last row alone is missing", async () => {
    edit("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)");
    expect(await found()).toBe("LEDGER_DAMAGED");
  });

  it("is behind when the head file is ahead, by one row or by many", async () => {
    const { seq, ...rest } = head();
    for (const ahead of [1, 1000]) {
      writeHead({ ...rest, seq: seq + ahead });
      expect(await found()).toBe("LEDGER_BEHIND");
    }
    writeHead({ ...rest, seq });
    expect(await found()).toBe("locked");
  });

  it("is not trusted when the head file names another hash or ledger, or cannot be read", async () => {
    const good = head();
    writeHead({ ...good, hash: "00".repeat(32) });
    expect(await found()).toBe("LEDGER_BEHIND");
    writeHead({ ...good, ledger: "00".repeat(16) });
    expect(await found()).toBe("LEDGER_MISSING");
    for (const text of ["nonsense", '{"seq":1}', "[]", "\0".repeat(256)]) {
      writeFileSync(file("head"), text);
      expect(await found()).toBe("LEDGER_DAMAGED");
    }
    writeHead(good);
    expect(await found()).toBe("locked");
  });

  it("is missing when the database is gone, and none is made in its place", async () => {
    for (const name of readdirSync(home.state)) if (name.startsWith("ledger.db")) rmSync(file(name));
    expect(await found()).toBe("LEDGER_MISSING");
    expect(readdirSync(home.state).filter((name) => name.startsWith("ledger"))).toEqual([]);
    // So the operator can put the newest copy back.
    for (const name of readdirSync(copy())) {
      if (name.startsWith("ledger.db")) copyFileSync(join(copy(), name), file(name));
    }
    expect(await found()).toBe("locked");
  });

  it("is refused, untouched, when a newer version wrote it", async () => {
    edit("UPDATE meta SET value = value");
    const db = new DatabaseSync(file("ledger.db"));
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    db.close();
    expect(await found()).toBe("LEDGER_SCHEMA");
    expect(query("PRAGMA user_version")).toEqual({ user_version: SCHEMA_VERSION + 1 });
  });

  it("is damaged when it is no database", async () => {
    for (const name of ["ledger.db-wal", "ledger.db-shm"]) rmSync(file(name), { force: true });
    writeFileSync(file("ledger.db"), "not a database at all, but long enough to be read as one".repeat(99));
    expect(await found()).toBe("LEDGER_DAMAGED");
  });
});

describe("rows after the last checkpoint", () => {
  beforeEach(() => {
    restore(killed);
  });

  const middle = "(SELECT max(seq) - 7 FROM audit)";

  it.each([
    ["another amount", `UPDATE audit SET body = replace(body, '"10000"', '"00001"') WHERE seq = ${middle}`],
    ["another hash", `UPDATE audit SET hash = '${"ab".repeat(32)}' WHERE seq = ${middle}`],
    ["no JSON", `UPDATE audit SET body = 'x' WHERE seq = ${middle}`],
    ["gone", `DELETE FROM audit WHERE seq = ${middle}`],
    [
      "twice",
      `UPDATE audit SET body = (SELECT body FROM audit WHERE seq = ${middle}) WHERE seq = ${middle} + 1`,
    ],
  ])("that are changed are damage: %s", async (_what, sql) => {
    edit(sql);
    expect(await found()).toBe("LEDGER_DAMAGED");
  });

  it("that are forged in a whole new chain are told by the head file, which has the old one", async () => {
    const db = new DatabaseSync(file("ledger.db"));
    const rows = db
      .prepare(`SELECT seq, body, hash FROM audit WHERE seq >= ${middle} - 1 ORDER BY seq`)
      .all();
    let previous = String(rows[0]?.["hash"]);
    for (const { seq, body } of rows.slice(1)) {
      const changed = String(body).replaceAll("api.example.com", "api.example.org");
      previous = rowHash(previous, changed);
      db.prepare("UPDATE audit SET body = ?, hash = ? WHERE seq = ?").run(changed, previous, seq!);
    }
    db.close();
    expect(await found()).toBe("LEDGER_BEHIND");
  });
});

describe("the log of a killed signer", () => {
  it("cut anywhere either has every row or is refused", async () => {
    restore(killed);
    const { length } = readFileSync(file("ledger.db-wal"));
    const { seq } = head();
    const codes = new Set<string>();
    for (let cut = 0; cut < 24; cut++) {
      restore(killed);
      truncateSync(file("ledger.db-wal"), Math.floor((length * cut) / 23));
      const code = await found();
      codes.add(code);
      if (code === "locked") expect(head().seq).toBeGreaterThan(seq);
      else expect(["LEDGER_BEHIND", "LEDGER_DAMAGED"]).toContain(code);
    }
    expect(codes).toContain("locked");
    expect(codes).toContain("LEDGER_BEHIND");
  });

  it("with a flipped byte anywhere either has every row or is refused", async () => {
    const { length } = readFileSync(join(killed, "ledger.db-wal"));
    for (let n = 0; n < 16; n++) {
      restore(killed);
      const bytes = readFileSync(file("ledger.db-wal"));
      const at = Math.floor((length * n) / 16) + 40;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(file("ledger.db-wal"), bytes);
      expect(["locked", "LEDGER_BEHIND", "LEDGER_DAMAGED"]).toContain(await found());
      if (n === 0) expect(await found()).toBe("LEDGER_BEHIND");
    }
  });

  it("that is gone is refused", async () => {
    restore(killed);
    rmSync(file("ledger.db-wal"));
    rmSync(file("ledger.db-shm"), { force: true });
    expect(await found()).toBe("LEDGER_BEHIND");
  });
});

describe("rows before the last checkpoint", () => {
  // Start does not read them all: that would take longer with every payment. What is acted on is held to its hash.
  it("are not acted on when they were changed: a draft is not signed", async () => {
    restore(stopped);
    const { seq, body } = query("SELECT seq, body FROM audit WHERE body LIKE '%payment.reserved%first-3\"%'");
    const row = JSON.parse(String(body)) as { draft: string };
    const draft = Buffer.from(row.draft, "base64");
    draft[150] = 0xff;
    edit(
      "UPDATE audit SET body = ? WHERE seq = ?",
      String(body).replace(row.draft, draft.toString("base64")),
      seq!,
    );
    const signer = await home.start();
    await signer.unlock();
    expect(await outcomeOf(signer.sign(intent("first-3")))).toBe("LEDGER_DAMAGED");
    expect(await outcomeOf(signer.sign(intent("first-4")))).toBe("signed");
    await expect(LedgerRecord.read(signer.operator)).rejects.toThrow(`row ${seq}: was changed`);
    await signer.close();
  });

  it("are not acted on when they were changed: a policy does not hold", async () => {
    restore(stopped);
    edit("UPDATE audit SET body = replace(body, '1000.00', '9000.00') WHERE body LIKE '%policy.applied%'");
    expect(await found()).toBe("LEDGER_DAMAGED");
  });

  it("are not acted on when they were changed: another vault is not known", async () => {
    restore(stopped);
    edit(
      "UPDATE audit SET body = replace(body, '\"generation\":', '\"generation\":1') WHERE body LIKE '%vault.unlocked%'",
    );
    expect(await found()).toBe("LEDGER_DAMAGED");
  });
});

describe("the database's pages", () => {
  it("torn or cut anywhere are refused at start, or when they are used", async () => {
    const pages = statSync(join(stopped, "ledger.db")).size / PAGE;
    const codes: string[] = [];
    for (let page = 0; page < pages; page++) {
      restore(stopped);
      const bytes = readFileSync(file("ledger.db"));
      writeFileSync(file("ledger.db"), bytes.fill(0xff, page * PAGE, (page + 1) * PAGE));
      codes.push(await codeOf(startAndUse));
      restore(stopped);
      truncateSync(file("ledger.db"), page * PAGE);
      expect(
        [page === 0 ? "LEDGER_MISSING" : "LEDGER_DAMAGED", "LEDGER_BEHIND"],
        `cut at page ${page}`,
      ).toContain(await found());
    }
    // INTERNAL and LEDGER_WRITE: pages that nothing reads at start fail when they are used.
    for (const code of codes) expect(["LEDGER_DAMAGED", "INTERNAL", "LEDGER_WRITE"]).toContain(code);
  });
});

async function startAndUse(): Promise<void> {
  const signer = await home.start();
  try {
    const { frozenBy } = await signer.status();
    if (frozenBy) throw new X402Error(frozenBy);
    const record = await LedgerRecord.read(signer.operator);
    expect(record.ofKind("payment.reserved")).toHaveLength(20);
    await signer.unlock();
    await signer.sign(intent("first-0"));
    await agentCall(await signer.agent(), "session.open", { policy: {} });
  } finally {
    await signer.close();
  }
}

describe("a ledger that was rolled back with its head file", () => {
  it("is told by the newest head that the operator has seen, and stays frozen over a restart", async () => {
    restore(killed);
    const seen = head();
    restore(stopped);
    let signer = await home.start();
    const own = (await signer.status()).head;
    expect(await codeOf(() => signer.unlock({}, { lastHead: { ...seen, ledger: "ab" } }))).toBe(
      "VAULT_OTHER_LEDGER",
    );
    expect((await signer.unlock({}, { lastHead: own })).state).toBe("unlocked");
    expect(await codeOf(() => signer.unlock({}, { lastHead: seen }))).toBe("LEDGER_BEHIND");
    for (let n = 0; n < 2; n++) {
      expect(await signer.status()).toMatchObject({ state: "frozen", frozenBy: "LEDGER_BEHIND" });
      expect(await outcomeOf(signer.sign(intent("first-0")))).toBe("LEDGER_BEHIND");
      expect(await codeOf(() => signer.unlock())).toBe("LEDGER_BEHIND");
      await signer.close();
      signer = await home.start();
    }
    await signer.close();
    // The newest ledger ends it, without anybody's word.
    const files = readdirSync(killed).filter((name) => name.startsWith("ledger.db"));
    for (const name of files) copyFileSync(join(killed, name), file(name));
    expect(await found()).toBe("locked");
  });

  it("is told by another hash at a position that it has", async () => {
    restore(stopped);
    const { ledger, seq } = head();
    const signer = await home.start();
    const lastHead = { ledger, seq: seq - 1, hash: "ab".repeat(32) };
    expect(await codeOf(() => signer.unlock({}, { lastHead }))).toBe("LEDGER_BEHIND");
    expect((await signer.status()).frozenBy).toBe("LEDGER_BEHIND");
    await signer.close();
    expect(await found()).toBe("LEDGER_BEHIND");
  });

  it("of another vault's home does not take this vault", async () => {
    const other = await SignerHome.make();
    const theirs = await other.start();
    await theirs.close();
    rmSync(home.state, { recursive: true });
    cpSync(other.state, home.state, { recursive: true });
    const signer = await home.start();
    expect(await codeOf(() => signer.unlock())).toBe("VAULT_OTHER_LEDGER");
    await signer.close();
    expect(existsSync(file("ledger.db"))).toBe(true);
    other.remove();
  });
});
