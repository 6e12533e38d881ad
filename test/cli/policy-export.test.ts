// `audit export` and `audit receipt`: what lands on disk, and when nothing does.
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyIdOf, readJws } from "../../verify/jws.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { document, idOf, intent } from "../signer/intents.ts";
import { verdict } from "../verify/verdict.ts";
import { atShell, policy } from "./policy-command.ts";

let home: SignerHome;
let signer: Signer;

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.start();
});
afterEach(async () => {
  await signer.close();
  home.remove();
});

const file = (): string => join(home.folder, "record.ndjson");
const audit = (...args: string[]) => policy(home.folder, ["audit", ...args]);
const leftovers = (): string[] => readdirSync(home.folder).filter((name) => name.startsWith("record"));

describe("audit export", () => {
  it("writes one private file that is true, before the first unlock, unlocked and locked", async () => {
    expect(await audit("export", file())).toMatchObject({ status: 0, stdout: "" });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(verdict(readFileSync(file()))).toMatchObject({ true: true, signed: { upTo: 0 } });
    expect(JSON.parse(readFileSync(file(), "utf8").split("\n")[0]!)).not.toHaveProperty("key");
    await signer.unlock();
    await signer.apply(document());
    for (let i = 0; i < 5; i++) await signer.sign(intent(i));
    const { stdout } = await audit("export", "-");
    const { auditKey = "", head } = await signer.status();
    expect(verdict(stdout, { keys: [auditKey] })).toMatchObject({ true: true, signed: { upTo: head.seq } });
    await signer.lock();
    const locked = (await audit("export", "-")).stdout;
    expect(verdict(locked, { keys: [auditKey] })).toMatchObject({ true: true, signed: { sealed: false } });
    expect(leftovers()).toEqual(["record.ndjson"]);
  });

  it("replaces nothing unless it is told to, and leaves no half of a file", async () => {
    writeFileSync(file(), "mine");
    const refused = await audit("export", file());
    expect([refused.status, readFileSync(file(), "utf8")]).toEqual([2, "mine"]);
    expect(refused.stderr).toContain("audit export has --force");
    expect((await audit("export", file(), "--force")).status).toBe(0);
    expect(verdict(readFileSync(file()))).toMatchObject({ true: true });
    writeFileSync(`${file()}.partial`, "somebody else's");
    expect((await audit("export", file(), "--force")).status).toBe(2);
    expect(readFileSync(`${file()}.partial`, "utf8")).toBe("somebody else's");
    expect((await audit("export", join(home.folder, "no", "such", "folder"))).status).toBe(2);
    await signer.close();
    const gone = await audit("export", join(home.folder, "record-2"));
    expect([gone.status, existsSync(join(home.folder, "record-2"))]).toEqual([3, false]);
    expect(leftovers()).toEqual(["record.ndjson", "record.ndjson.partial"]);
    signer = await home.start();
  });
});

describe("audit export to stdout", () => {
  it("is quiet when the reader has gone", async () => {
    const { status, stderr } = await atShell(home.folder, ["audit", "export", "-"], "| true");
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("says that the output cannot be written", async () => {
    const { status, stderr } = await atShell(home.folder, ["audit", "export", "-"], ">/dev/full");
    expect([status, stderr]).toEqual([4, expect.stringContaining("the output cannot be written (ENOSPC)")]);
  });
});

describe("audit receipt", () => {
  it("prints what x402-audit-verify takes", async () => {
    await signer.unlock();
    await signer.apply(document());
    await signer.sign(intent("paid"));
    const { status, stdout } = await audit("receipt", idOf("paid"));
    expect(status).toBe(0);
    const { auditKey = "" } = await signer.status();
    expect(readJws(stdout.trim(), "it")).toMatchObject({ type: "x402-receipt", keyId: keyIdOf(auditKey) });
    const text = (await audit("export", "-")).stdout;
    expect(verdict(text, { receipts: [stdout] })).toMatchObject({
      true: true,
      proved: [{ what: "receipt" }],
    });
    expect(await audit("receipt", idOf("nothing"))).toMatchObject({ status: 2, stdout: "" });
    expect((await audit("receipt", idOf("paid"), "--agent", "other")).status).toBe(2);
  });
});

describe("audit verify", () => {
  it("takes the key that was noted down", async () => {
    await signer.unlock();
    const { auditKey = "" } = await signer.status();
    const good = await audit("verify", "--key", auditKey);
    expect([good.status, good.stdout.includes("own word")]).toEqual([0, false]);
    expect((await audit("verify")).stdout).toContain("own word");
    expect((await audit("verify", "--key", "A".repeat(43))).status).toBe(1);
    expect((await audit("verify", "--key", "hello")).status).toBe(2);
    expect(JSON.parse((await audit("verify", "--json")).stdout)).toMatchObject({ true: true });
  });
});
