// An export of a real signer's record: what is true of it, and that no byte of it can be changed unseen.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VERSION } from "../../protocol/version.ts";
import { type Outcome } from "../cli/vault-command.ts";
import { type Body, bodiesOf, forge, jws, parse, print, sha256 } from "./forge.ts";
import { OLD_LEDGER_ENDS, oldHome } from "../signer/old-ledger.ts";
import { type Life, exported, makeLife } from "./life.ts";
import { verdict } from "./verdict.ts";

const BINARY = fileURLToPath(new URL("../../bin/x402-audit-verify.ts", import.meta.url));

const folder = realpathSync(mkdtempSync(join(tmpdir(), "x402-verify-")));
const file = join(folder, "record.ndjson");
let life: Life;
let other: Life;

beforeAll(async () => {
  [life, other] = [await makeLife(), await makeLife()];
  writeFileSync(file, life.text);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function run(...args: string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [BINARY, ...args]);
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number } & Outcome;
    return { status: code, stdout, stderr };
  }
}

const lines = (): string[] => life.text.trimEnd().split("\n");
const joined = (changed: readonly string[]): string => changed.map((line) => `${line}\n`).join("");

describe("an export", () => {
  it("is true, and says what is in it", async () => {
    const { status, stdout } = await run(file, "--key", life.key, "--json");
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toMatchObject({
      true: true,
      head: life.head,
      key: { key: life.key, from: "you" },
      signed: { sealed: true, upTo: life.head.seq },
      accepted: [],
      kinds: { "payment.reserved": 7, "payment.redrafted": 1, "payment.released": 1, "payment.settled": 1 },
      totals: {
        assets: [{ payments: 7, amount: "70000", usd: "70000" }],
        agents: [
          { name: "default", payments: 6 },
          { name: "research", payments: 1 },
        ],
        ended: [{ payments: 1 }, { payments: 1 }],
      },
    });
  });

  it("is true for a person, too, who is told whose word the key is", async () => {
    const mine = await run(file, "--key", life.key);
    expect(mine.stdout).toMatch(/^true: \d+ rows, \d+ counters, head [0-9a-f]{64}\n/);
    expect(mine.stdout).not.toContain("the file's own word");
    const claimed = await run(file);
    expect([claimed.status, claimed.stdout]).toEqual([0, expect.stringContaining("the file's own word")]);
  });

  it("is what Python makes of it", () => {
    const script = `
import base64, hashlib, json, sys
lines = open(sys.argv[1], encoding="utf-8").read().split("\\n")
header, rows, end, rest = json.loads(lines[0]), lines[1:-2], json.loads(lines[-2]), lines[-1]
sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
hash, sums = sha("x402/ledger/1 " + header["ledger"]), {}
for n, line in enumerate(rows, 1):
    row = json.loads(line)
    hash = sha(hash + row["body"])
    assert (row["seq"], row["hash"]) == (n, hash), n
assert end["head"] == {"ledger": header["ledger"], "seq": n, "hash": hash} and rest == ""
counters = sorted((key.encode(), bucket, amount) for key, bucket, amount in end["counters"])
text = b"".join(b"%s\\n%d\\n%s\\n" % (key, bucket, amount.encode()) for key, bucket, amount in counters)
payload = end["seal"].split(".")[1]
seal = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
assert seal["counters"] == hashlib.sha256(text).hexdigest() and seal["hash"] == hash
print(n)
`;
    expect(Number(execFileSync("python3", ["-c", script, file]))).toBe(life.head.seq);
  });

  it("of a signer that was never unlocked, or is locked, is true as far as it is signed", () => {
    const { header, rows, end } = parse(life.text);
    const { seal, ...unsealed } = end;
    expect(seal).toBeDefined();
    const report = verdict(print({ header, rows, end: unsealed }));
    expect(report).toMatchObject({ true: true, signed: { sealed: false } });
    expect((report as { signed: { upTo: number } }).signed.upTo).toBeLessThan(life.head.seq);
  });
});

describe("a changed byte", () => {
  /** Another character in the place of one, so that the file stays UTF-8 mostly. */
  const changed = (at: number, by: number): string => {
    const bytes = Buffer.from(life.text);
    bytes[at] = bytes[at]! ^ by;
    return bytes.toString("latin1");
  };
  const asBytes = (latin1: string): Buffer => Buffer.from(latin1, "latin1");

  it("anywhere is found", () => {
    fc.assert(
      fc.property(fc.nat(life.text.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        expect(verdict(asBytes(changed(at, by)))).toMatchObject({ true: false });
      }),
      { numRuns: 500 },
    );
  });

  it("in the first line, the checkpoints, the last line and between the lines is found", () => {
    let at = 0;
    const places = lines().flatMap((line, i, all) => {
      const start = at;
      at += line.length + 1;
      const whole = i === 0 || i === all.length - 1;
      const signature = line.indexOf('"sig\\"') + 1;
      const from = whole ? 0 : signature > 0 ? signature : line.length;
      // One of each four, and all of the end: there a signature's last character is.
      return Array.from({ length: line.length + 1 - from }, (_, n) => start + from + n).filter(
        (place) => place % 4 === 0 || place > at - 12,
      );
    });
    expect(places.length).toBeGreaterThan(800);
    const seen = places.filter((place) => verdict(asBytes(changed(place, 1))).true);
    expect(seen).toEqual([]);
  });

  it("is found even where a signature's last character has bits that nobody reads", () => {
    const { header, rows, end } = parse(life.text);
    const seal = end.seal!;
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(seal.at(-1)!);
    const twin = seal.slice(0, -1) + alphabet[last ^ 1]!;
    expect(Buffer.from(twin, "base64url").equals(Buffer.from(seal, "base64url"))).toBe(false);
    expect(Buffer.from(twin.split(".")[2]!, "base64url")).toEqual(
      Buffer.from(seal.split(".")[2]!, "base64url"),
    );
    expect(verdict(print({ header, rows, end: { ...end, seal: twin } }))).toMatchObject({ true: false });
  });

  it.each([
    ["a space", (text: string) => text.replace(",", ", ")],
    ["a second key", (text: string) => text.replace('{"seq":3', '{"seq":2,"seq":3')],
    ["another spelling", (text: string) => text.replace('"hash"', '"h\\u0061sh"')],
    ["a number with a point", (text: string) => text.replace('"seq":3,', '"seq":3.0,')],
    ["an end of line of Windows", (text: string) => text.replaceAll("\n", "\r\n")],
    ["a byte order mark", (text: string) => `\ufeff${text}`],
    ["an empty line", (text: string) => text.replace("\n", "\n\n")],
    ["a line behind the end", (text: string) => `${text}{}\n`],
    ["no end of the last line", (text: string) => text.slice(0, -1)],
    ["a member more in the end", (text: string) => text.replace('{"head"', '{"head":1,"head"')],
    ["nothing at all", () => ""],
    ["only a header", (text: string) => text.slice(0, text.indexOf("\n") + 1)],
    ["no header", (text: string) => text.slice(text.indexOf("\n") + 1)],
  ])("or %s", (_what, change) => {
    expect(verdict(change(life.text))).toMatchObject({ true: false });
  });
});

describe("an export that was cut", () => {
  it("anywhere is not true", () => {
    fc.assert(
      fc.property(fc.nat(life.text.length - 1), (length) => {
        expect(verdict(life.text.slice(0, length))).toMatchObject({ true: false });
      }),
      { numRuns: 300 },
    );
    for (let count = 0; count < lines().length; count++)
      expect(verdict(joined(lines().slice(0, count)))).toMatchObject({ true: false });
  });

  it("and ended anew is found by whoever saw a later row: by a head or a receipt", () => {
    const short = forge(life, bodiesOf(life.text).slice(0, -2));
    expect(verdict(short, { keys: [life.key] })).toMatchObject({ true: true });
    const ends = {
      true: false,
      why: `row ${life.head.seq} was seen, and the record ends at row ${life.head.seq - 2}`,
    };
    expect(verdict(short, { heads: [life.head] })).toMatchObject(ends);
    expect(verdict(short, { receipts: [life.receipts[1]!] })).toMatchObject(ends);
    expect(verdict(short, { receipts: [life.receipts[0]!] })).toMatchObject({ true: true });
  });
});

describe("lines", () => {
  it("that are missing, twice or in another order are found", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (a, b) => {
        const all = lines();
        const [at, to] = [a % all.length, b % all.length];
        const moved = all.toSpliced(at, 1).toSpliced(to, 0, all[at]!);
        if (moved.join() !== all.join()) expect(verdict(joined(moved))).toMatchObject({ true: false });
        expect(verdict(joined(all.toSpliced(at, 1)))).toMatchObject({ true: false });
        expect(verdict(joined(all.toSpliced(to, 0, all[at]!)))).toMatchObject({ true: false });
      }),
      { numRuns: 60 },
    );
  });
});

describe("whoever has no key", () => {
  const rechained = (change: (bodies: Body[]) => void): string => {
    const bodies = bodiesOf(life.text);
    change(bodies);
    return forge(life, bodies, { seed: Buffer.alloc(32, 7) });
  };

  it("cannot chain a changed row anew", () => {
    const bodies = parse(life.text).rows.length;
    for (let at = 0; at < bodies; at++) {
      const text = rechained((all) => {
        all[at]!["peer"] = { uid: 0, gid: 0, pid: 1 };
      });
      expect(verdict(text), `row ${at + 1}`).toMatchObject({ true: false });
    }
  });

  it("cannot leave the signatures out", () => {
    const text = rechained((all) => {
      for (const body of all) delete body["sig"];
    });
    const { header, rows, end } = parse(text);
    const { seal, ...unsealed } = end;
    expect(seal).toBeDefined();
    expect(verdict(print({ header, rows, end: unsealed }))).toMatchObject({
      true: false,
      why: expect.stringContaining("is not signed, although the signer was unlocked") as string,
    });
  });

  it("cannot pass a key of his own off as the owner's", () => {
    expect(verdict(other.text)).toMatchObject({ true: true });
    expect(verdict(other.text, { keys: [life.key] })).toMatchObject({
      true: false,
      why: "nothing in the file is signed by the given key",
    });
  });

  it("cannot take a payment out and let the operator seem to accept that it is damaged", () => {
    const { header, rows, end } = parse(life.text);
    const paid = rows.find(({ body }) => body.startsWith('{"kind":"payment.reserved"'))!;
    const { at } = JSON.parse(rows.at(-1)!.body) as { at: number };
    const body = JSON.stringify({
      ...{ kind: "ledger.accepted", at, code: "LEDGER_DAMAGED", damaged: [paid.seq] },
      ...{ assume: "0", counters: [] },
    });
    const row = { seq: end.head.seq + 1, hash: sha256(end.head.hash + body), body };
    const changed = [...rows.with(paid.seq - 1, { ...paid, body: '{"kind":"payment.declined"}' }), row];
    const text = print({
      header,
      rows: changed,
      end: { head: { ...end.head, seq: row.seq, hash: row.hash }, counters: [] },
    });
    expect(verdict(text)).toMatchObject({ true: true, accepted: [{ damaged: [paid.seq] }] });
    expect(verdict(text, { keys: [life.key] })).toEqual({
      true: false,
      row: row.seq,
      why: expect.stringContaining("nothing behind it is signed by the given key") as string,
    });
  });

  it("cannot take a signature of one kind for another", () => {
    const { header, rows, end } = parse(life.text);
    const receipt = jws(life.seed, life.key, "x402-receipt", { ...life.head, counters: "", at: 0 });
    expect(verdict(print({ header, rows, end: { ...end, seal: receipt } }))).toMatchObject({ true: false });
  });
});

describe("what others remember", () => {
  it("is in it: heads and receipts", async () => {
    const saved = join(folder, "receipt");
    writeFileSync(saved, `${life.receipts[1]!}\n`);
    const head = join(folder, "head.json");
    writeFileSync(head, `${JSON.stringify(life.head)}\n`);
    const known = ["--receipt", life.receipts[0]!, "--receipt", saved, "--head", head];
    const { status, stdout } = await run(
      file,
      "--key",
      life.key,
      ...known,
      "--head",
      JSON.stringify(life.head),
    );
    expect([status, stdout.match(/^proved /gm)?.length]).toEqual([0, 4]);
  });

  it("or it is not true", () => {
    const { head, receipts } = life;
    const no = (known: object, why: string) => {
      expect(verdict(life.text, known)).toMatchObject({
        true: false,
        why: expect.stringContaining(why) as string,
      });
    };
    no({ heads: [{ ...head, hash: "0".repeat(64) }] }, "is not the one that the head names");
    no({ heads: [{ ...head, seq: head.seq + 1 }] }, "was seen, and the record ends");
    no({ heads: [other.head] }, "what is to be proved is of another");
    no({ receipts: [other.receipts[0]!] }, "what is to be proved is of another");
    const [header = "", payload = "", signature = ""] = receipts[0]!.split(".");
    const said = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
    const resigned = (changed: object, seed = life.seed, typ = "x402-receipt"): string =>
      jws(seed, life.key, typ, { ...said, ...changed });
    expect(resigned({})).toBe(receipts[0]);
    no({ receipts: [resigned({ usd: "1" })] }, "is not the one that the receipt names");
    no({ receipts: [resigned({ more: 1 })] }, "is not the one that the receipt names");
    no({ receipts: [resigned({ hash: "0".repeat(64) })] }, "is not the one that the receipt names");
    no({ receipts: [resigned({ seq: 1 })] }, "is not the one that the receipt names");
    no({ receipts: [resigned({}, Buffer.alloc(32, 7))] }, "not signed by the audit key");
    no({ receipts: [resigned({}, life.seed, "x402-seal")] }, "the receipt is none");
    no({ receipts: [`${header}.${payload}.${signature.slice(0, -4)}AAAA`] }, "");
    no({ receipts: [`${header}.${payload}`] }, "is not a signature");
  });
});

describe("the command", () => {
  it("tells wrong use apart from what is not true", async () => {
    const bad = join(folder, "bad");
    writeFileSync(bad, "hello\n");
    expect(await run(bad)).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^not true: /) as string,
    });
    expect(JSON.parse((await run(bad, "--json")).stdout)).toMatchObject({ true: false });
    for (const args of [
      [],
      [file, file],
      [join(folder, "nothing")],
      [folder],
      [file, "--nonsense"],
      [file, "--head", "{}"],
      [file, "--key", "hello"],
      [file, "--head", join(folder, "nothing")],
    ]) {
      const { status, stdout, stderr } = await run(...args);
      expect([args, status, stdout]).toEqual([args, 2, ""]);
      expect(stderr).toMatch(/^x402-audit-verify: .*\n {2}run x402-audit-verify --help\n$/);
    }
    expect((await run("--version")).stdout).toBe(`${VERSION}\n`);
    expect((await run("--help")).stdout).toContain("Exit status");
  });
});

describe("a ledger that version 0.1 began", () => {
  it("is true, and it is told what could not be checked", async () => {
    const home = await oldHome();
    const signer = await home.start({ clock: () => OLD_LEDGER_ENDS });
    await signer.unlock();
    const report = verdict(await exported(home));
    await signer.close();
    home.remove();
    expect(report).toMatchObject({ true: true, kinds: { "ledger.migrated": 2 } });
    expect((report as { old: number }).old).toBeGreaterThan(3);
  });
});
