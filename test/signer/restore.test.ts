// A backup and the ledger that is made of it: at the newest row, at an older one, elsewhere, and of files that are none.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { genesisHash } from "../../protocol/audit.ts";
import { restore } from "../../signer/restore.ts";
import { environment } from "../cli/vault-command.ts";
import { policy } from "../cli/policy-command.ts";
import { writeCredential } from "../counterparts/credential.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const BIN = fileURLToPath(new URL("../../bin/x402-signer.ts", import.meta.url));

const EMPTY = "ab".repeat(16);
const NO_ROWS = [
  { "x402-audit": 1, ledger: EMPTY },
  { head: { ledger: EMPTY, seq: 0, hash: genesisHash(EMPTY) }, counters: [] },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join("");

let home: SignerHome;
let signer: Signer;

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.start();
  await signer.unlock();
  await signer.apply(document({ perDayMax: "0.05", agents: { research: {} } }));
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const file = (): string => join(home.folder, "backup");
const pay = (name: string | number): Promise<string> => outcomeOf(signer.sign(intent(name)));

async function backup(name = file()): Promise<void> {
  const socket = join(home.sockets, "operator.sock");
  const done = await policy(home.folder, ["ledger", "backup", name, "--socket", socket]);
  expect(done.stderr).toBe("");
  expect(done.status).toBe(0);
}

const moveAway = (): void => {
  renameSync(home.state, `${home.state}-lost`);
};

/** x402-signer restore, as a command. */
const run = (...args: string[]) =>
  spawnSync(process.execPath, [BIN, "restore", ...args], { env: environment(home.folder), encoding: "utf8" });

describe("a backup", () => {
  it("is a private file that is checked, and never takes another one's place", async () => {
    expect(await pay(1)).toBe("signed");
    await backup();
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const before = readFileSync(file());
    const socket = join(home.sockets, "operator.sock");
    const again = await policy(home.folder, ["ledger", "backup", file(), "--socket", socket]);
    expect(again.status).toBe(2);
    expect(readFileSync(file())).toEqual(before);
    expect(readdirSync(home.folder).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it("at the newest row gives everything back: rows, budgets, intents, sessions, freezes, the vault", async () => {
    const agent = await signer.agent();
    const { session } = await agentCall(agent, "session.open", { policy: { totalMax: "0.02" } });
    const first = await signer.sign(intent(1), { session });
    expect(await pay(2)).toBe("signed");
    await operatorCall(signer.operator, "agent.freeze", { agent: "research" });
    const { head } = await signer.status();
    const before = await LedgerRecord.read(signer.operator);
    await backup();
    await signer.close();
    moveAway();
    const done = run(file(), "--home", home.state);
    expect(done.stderr).toBe("");
    expect(done.stdout).toContain(`restored ledger ${head.ledger}: ${head.seq + 2} rows`);
    expect(statSync(join(home.state, "ledger.db")).mode & 0o777).toBe(0o600);
    expect(readdirSync(home.state).sort()).toEqual(["head", "ledger.db", "lock"]);
    signer = await home.start();
    expect(await signer.status()).toMatchObject({
      state: "locked",
      frozen: ["research"],
      policy: { version: 1 },
    });
    await signer.unlock({}, { lastHead: head });
    expect(await signer.sign(intent(1), { session })).toMatchObject({
      replayed: true,
      payload: (first as { payload: object }).payload,
    });
    expect(await outcomeOf(signer.sign(intent(3), { session }))).toBe("signed");
    expect(await outcomeOf(signer.sign(intent(4), { session }))).toBe("BUDGET_EXCEEDED");
    for (const n of [5, 6]) expect(await pay(n)).toBe("signed");
    expect(await pay(7)).toBe("DAILY_BUDGET_EXCEEDED");
    const after = await LedgerRecord.read(signer.operator);
    expect(after.rows.slice(0, before.rows.length)).toEqual(before.rows);
    expect(after.ofKind("ledger.restored")).toMatchObject([{ rows: head.seq }]);
    const old = await SignerHome.make();
    await old.vault.change({ ledgerId: head.ledger });
    expect(await codeOf(() => signer.unlock({}, {}, old.vault))).toBe("VAULT_REPLACED");
    old.remove();
  });

  it("that is older is told at unlock by the head on file, and accepted with full budgets", async () => {
    expect(await pay(1)).toBe("signed");
    await backup();
    expect(await pay(2)).toBe("signed");
    const { head } = await signer.status();
    await signer.close();
    moveAway();
    expect(run(file(), "--home", home.state).status).toBe(0);
    signer = await home.start();
    expect(await codeOf(() => signer.unlock({}, { lastHead: head }))).toBe("LEDGER_BEHIND");
    await operatorCall(signer.operator, "ledger.accept", { code: "LEDGER_BEHIND", lastHead: head });
    await signer.unlock({}, { lastHead: head });
    expect(await pay(3)).toBe("BUDGET_EXCEEDED");
    await LedgerRecord.read(signer.operator);
  });

  it("is not unlocked by a credential before a person has unlocked it: that shows no head", async () => {
    await backup();
    const credential = writeCredential(home, { spend: 20_000n });
    await signer.close();
    signer = await home.start({ credential });
    expect([await pay(1), await pay(2)]).toEqual(["signed", "signed"]);
    await signer.close();
    moveAway();
    restore({ file: file(), home: home.state, keys: [] });
    for (let starts = 0; starts < 2; starts++) {
      signer = await home.start({ credential });
      expect((await signer.status()).state).toBe("locked");
      expect(await pay(3)).toBe("SIGNER_LOCKED");
      if (starts === 0) await signer.close();
    }
    await signer.unlock();
    expect(await pay(3)).toBe("signed");
    await signer.close();
    signer = await home.start({ credential: writeCredential(home) });
    expect((await signer.status()).state).toBe("unlocked");
  });

  it("beside the head file that is left is told by that at once", async () => {
    await backup();
    expect(await pay(1)).toBe("signed");
    await signer.close();
    for (const name of readdirSync(home.state)) if (name.startsWith("ledger")) rmSync(join(home.state, name));
    expect(run(file(), "--home", home.state).status).toBe(0);
    signer = await home.start();
    expect((await signer.status()).frozenBy).toBe("LEDGER_BEHIND");
  });

  it("of a ledger of which a loss was accepted can be restored, too", async () => {
    expect(await pay(1)).toBe("signed");
    const { head } = await signer.status();
    const lastHead = { ...head, seq: head.seq + 100, hash: "ab".repeat(32) };
    expect(await codeOf(() => signer.unlock({}, { lastHead }))).toBe("LEDGER_BEHIND");
    await operatorCall(signer.operator, "ledger.accept", { code: "LEDGER_BEHIND", lastHead, assume: "0.01" });
    await backup();
    await signer.close();
    moveAway();
    expect(run(file(), "--home", home.state).stderr).toBe("");
    signer = await home.start();
    await signer.unlock({}, { lastHead });
    expect(await signer.sign(intent(1))).toMatchObject({ replayed: true });
    for (const n of [2, 3, 4]) expect(await pay(n)).toBe("signed");
    expect(await pay(5)).toBe("DAILY_BUDGET_EXCEEDED");
    await LedgerRecord.read(signer.operator);
  });

  it("can be made of what was restored, and is its own beginning", async () => {
    expect(await pay(1)).toBe("signed");
    await backup();
    await signer.close();
    moveAway();
    run(file(), "--home", home.state);
    signer = await home.start();
    await backup(`${file()}2`);
    expect(
      await codeOf(() => restore({ file: `${file()}2`, home: join(home.folder, "again"), keys: [] })),
    ).toBe("no error");
  });
});

describe("restoring refuses", () => {
  it("a home that has a ledger, or a signer", async () => {
    await backup();
    const running = run(file(), "--home", home.state);
    expect([running.status, running.stderr]).toEqual([
      3,
      expect.stringContaining("another signer runs on this home"),
    ]);
    await signer.close();
    const before = readFileSync(join(home.state, "ledger.db"));
    const there = run(file(), "--home", home.state);
    expect([there.status, there.stderr]).toEqual([
      2,
      expect.stringContaining("there is a ledger in this home"),
    ]);
    expect(readFileSync(join(home.state, "ledger.db"))).toEqual(before);
    const other = await SignerHome.make();
    await (await other.start()).close();
    rmSync(join(other.state, "ledger.db"));
    expect(run(file(), "--home", other.state).stderr).toContain("its head file is another's");
    other.remove();
    signer = await home.start();
  });

  it("a file that is cut, changed or no backup, and leaves nothing", async () => {
    for (const n of [1, 2, 3]) expect(await pay(n)).toBe("signed");
    await backup();
    const lines = readFileSync(file(), "utf8").split("\n");
    const bad: readonly (readonly [string, string])[] = [
      ["cut", lines.slice(0, -2).join("\n") + "\n"],
      ["cut in a line", lines.join("\n").slice(0, -20)],
      ["a row less", lines.toSpliced(5, 1).join("\n")],
      ["a row twice", lines.toSpliced(5, 0, lines[5]!).join("\n")],
      ["another amount", lines.join("\n").replace("10000", "20000")],
      [
        "another counter",
        lines.join("\n").replace('"household|usd|total",0,"30000"', '"household|usd|total",0,"0"'),
      ],
      ["empty", ""],
      ["of no rows", NO_ROWS],
      ["nonsense", "hello\n"],
    ];
    for (const [what, text] of bad) {
      writeFileSync(file(), text);
      const into = join(home.folder, "fresh");
      const done = run(file(), "--home", into);
      expect([done.status, done.stderr], what).toEqual([4, expect.stringContaining("nothing was restored")]);
      expect(readdirSync(into), what).toEqual(["lock"]);
    }
  });

  it("another key than the one that is named", async () => {
    await backup();
    const key = (JSON.parse(readFileSync(file(), "utf8").split("\n")[0]!) as { key: string }).key;
    const into = join(home.folder, "fresh");
    expect(run(file(), "--home", into, "--key", "A".repeat(43)).status).toBe(4);
    expect(run(file(), "--home", into, "--key", key).status).toBe(0);
  });

  it("wrong use", () => {
    expect(run().status).toBe(2);
    expect(run(file(), "more").status).toBe(2);
    expect(run(join(home.folder, "nothing")).stderr).toContain("ENOENT");
    expect(run("--help").stdout).toContain("--home DIR");
    mkdirSync(join(home.folder, "open"), { mode: 0o755 });
    writeFileSync(file(), "");
    expect(run(file(), "--home", join(home.folder, "open")).stderr).toContain("not private");
    expect(existsSync(join(home.folder, "open", "lock"))).toBe(false);
  });
});
