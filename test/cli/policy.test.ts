// x402-policy as a script and a human run it, against a real signer.
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operatorCall } from "../../client/signer.ts";
import { compileHousehold, parseDocument } from "../../policy/document.ts";
import { PRESETS } from "../../policy/presets.ts";
import { hasPty } from "../counterparts/pty.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { atTerminal, policy, withoutRights } from "./policy-command.ts";

const TESTNET = PRESETS.find(({ name }) => name === "testnet")!.document;

let home: SignerHome;
let signer: Signer;
const run = (args: readonly string[], input?: string) => policy(home.folder, args, input);
let files = 0;
const file = (content: unknown): string => {
  const path = join(home.folder, `document ${files++}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const inForce = async () => (await operatorCall(signer.operator, "policy.get", {})).policy?.document ?? {};

async function fresh(): Promise<void> {
  home = await SignerHome.make();
  signer = await home.start();
}
async function over(): Promise<void> {
  await signer.close();
  home.remove();
}

describe("without a signer", () => {
  const empty = mkdtempSync(join(realpathSync(tmpdir()), "no signer "));
  afterAll(() => {
    rmSync(empty, { recursive: true });
  });

  it("says that none answers, exit status 3", async () => {
    for (const args of [
      ["show"],
      ["init", "--preset", "careful", "--yes"],
      ["spending"],
      ["audit"],
      ["audit", "--csv"],
      ["audit", "verify"],
    ]) {
      const { status, stdout, stderr } = await policy(empty, args);
      expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
      expect(stderr).toContain("x402-policy: no signer answers");
    }
  });

  it("says that this user may not open a socket, when there is one", async () => {
    const socket = join(empty, "shut.sock");
    const server = createServer().listen(socket);
    await once(server, "listening");
    chmodSync(socket, 0);
    const { status, stderr } = await withoutRights(empty, ["show", "--socket", socket]);
    server.close();
    expect(status).toBe(3);
    expect(stderr).toContain(`this user may not open ${socket} (EACCES)`);
    expect(stderr).toContain("join the group of the role");
    expect(stderr).not.toContain("start x402-signer");
  });

  it("checks a document: status 0 with remarks, 1 with what is wrong", async () => {
    const check = (text: string) => policy(empty, ["check", "-"], text);
    const good = await check(JSON.stringify({ version: 1, perDayMax: "5" }));
    expect(good.status).toBe(0);
    expect(good.stdout).toMatch(/^valid, hash [0-9a-f]{64}\n/);
    expect(good.stdout).toContain("totalMax: nothing limits what is spent in all\n");
    for (const [text, said] of [
      ['{"version":1,"perDayMax":"5","scheduel":[]}', "scheduel: not known to this version"],
      ['{"version":1,"perDayMax":"5","perDayMax":"500"}', "duplicate key"],
      ["{", "invalid: the policy document is not valid: the file is not JSON"],
      ['{\n  "version": 1\n  "perDayMax": "5"\n}', "line 3 column 3"],
      ["", "not JSON"],
      [`{"version":1,"perDayMax":"5","x":"${"x".repeat(60_000)}"}`, "at most"],
      [" ".repeat(300_000), "more than"],
      ['{"version":1,"perDayMax":"5","\u202e":1}', "not known to this version"],
    ] as const) {
      const { status, stdout } = await check(text);
      expect(status, said).toBe(1);
      expect(stdout).toMatch(/^invalid: [ -~]*\n$/);
      expect(stdout).toContain(said);
    }
    expect((await policy(empty, ["check", "no-such-file"])).status).toBe(2);
    expect((await policy(empty, ["check", "."])).status).toBe(2);
  });

  it("says wrong use, exit status 2", async () => {
    for (const args of [
      ["frobnicate"],
      ["set", "perDayMax"],
      ["init", "--preset", "rich"],
      ["audit", "--outcome", "x"],
    ]) {
      expect((await policy(empty, args)).status, args.join(" ")).toBe(2);
    }
    expect((await policy(empty, ["--help"])).status).toBe(0);
  });
});

describe("changing the policy", () => {
  beforeAll(fresh);
  afterAll(over);

  it("asks before the first one, and cannot ask without a terminal", async () => {
    const { status, stderr } = await run(["init", "--preset", "testnet"]);
    expect(status).toBe(2);
    expect(stderr).toContain("there is no terminal to ask on");
    expect(stderr).toMatch(/\+ +perDayMax +50\.00/);
    expect((await run(["show"])).status).toBe(1);
    expect((await run(["unset", "perDayMax", "--yes"])).status).toBe(1);
  });

  it.skipIf(!hasPty)("lets a human choose a preset and say no, then yes", async () => {
    const no = atTerminal(home.folder, ["init"]);
    await no.answer("Which one (careful, everyday, solana, cardano, testnet)? ", "testnet");
    await no.answer("Apply it? [y/N] ", "n");
    expect(await no.status()).toBe(1);
    expect((await run(["show"])).status).toBe(1);

    const odd = atTerminal(home.folder, ["init"]);
    await odd.answer("Which one", "all of it");
    expect(await odd.status()).toBe(2);

    const yes = atTerminal(home.folder, ["init"]);
    await yes.answer("Which one", "testnet");
    await yes.answer("Apply it?", "y");
    expect(await yes.status()).toBe(0);
    expect(await inForce()).toEqual(parseDocument(TESTNET));
  });

  it("makes no second first one", async () => {
    if (!hasPty) await run(["init", "--preset", "testnet", "--yes"]);
    const { status, stderr } = await run(["init", "--preset", "careful", "--yes"]);
    expect(status).toBe(2);
    expect(stderr).toContain("a policy is in force already");
    expect(await inForce()).toEqual(parseDocument(TESTNET));
  });

  it("shows a document that apply takes as it is", async () => {
    const { stdout, stderr } = await run(["show"]);
    expect(stderr).toContain(compileHousehold(parseDocument(TESTNET)).hash);
    const same = await run(["apply", "-", "--yes"], stdout);
    expect(same.status).toBe(0);
    expect(same.stderr).toBe("Nothing changes: this is the policy already.\n");
  });

  it("applies a file, and says what it changes", async () => {
    const { status, stdout, stderr } = await run([
      "apply",
      file({ ...TESTNET, perDayMax: "60", perCallMax: undefined }),
      "--yes",
    ]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/~ +perDayMax +50\.00 -> 60\.00 +looser/);
    expect(stderr).toMatch(/- +perCallMax +2\.00 +looser/);
    expect(stderr).toContain("note: perCallMax: one payment may take a whole budget at once");
    expect((await inForce())["perDayMax"]).toBe("60.00");
  });

  it("changes nothing for an invalid file, a missing one and a stale base", async () => {
    const before = await inForce();
    const next = file({ ...TESTNET, perDayMax: "70" });
    for (const [args, said] of [
      [["apply", next, "--yes", "--base", "00"], "the policy has changed since it was read"],
      [["apply", "no-such-file", "--yes"], "cannot read no-such-file (ENOENT)"],
      [["apply", file({ ...TESTNET, perDayMax: 70 }), "--yes"], "perDayMax: must be USD"],
      [["set", "perDayMax", "1e3", "--yes"], "perDayMax: must be USD"],
      [["set", "scheduel", "x", "--yes"], "scheduel: not known to this version"],
      [["set", "agents.a.gid", "1", "--yes"], "agents.a.gid: not known"],
      [["set", "..", "x", "--yes"], "is not the path of a field"],
      [["set", "__proto__.x", "1", "--yes"], "is not the path of a field"],
      [["unset", "perWeekMax", "--yes"], "there is no perWeekMax"],
      [["unset", "budgets[nope]", "--yes"], "there is no budgets[nope]"],
      [["unset", "perDayMax.x", "--yes"], "there is no perDayMax"],
    ] as const) {
      const { status, stderr } = await run(args);
      expect(status, args.join(" ")).toBe(2);
      expect(stderr).toContain(said);
    }
    expect(await inForce()).toEqual(before);
  });

  it.skipIf(!hasPty)(
    "refuses to write over what another operator applied while this one was asked",
    async () => {
      const slow = atTerminal(home.folder, ["set", "perDayMax", "61"]);
      await slow.expect("Apply it?");
      expect((await run(["set", "perDayMax", "62", "--yes"])).status).toBe(0);
      slow.type("y\r");
      expect(await slow.status()).toBe(2);
      expect(slow.output).toContain("the policy has changed since it was read");
      expect((await inForce())["perDayMax"]).toBe("62.00");
    },
  );

  it("sets and unsets single fields, lists, budgets and agents", async () => {
    const steps: [string[], string, unknown][] = [
      [["set", "perCallMax", "0.2"], "perCallMax", "0.20"],
      [["set", "allowedNetworks", "base, base-sepolia"], "allowedNetworks", ["eip155:8453", "eip155:84532"]],
      [["set", "blockedDomains", '["Evil.example"]'], "blockedDomains", ["evil.example"]],
      [["set", "allowedRecipients", ""], "allowedRecipients", []],
      [["unset", "allowedRecipients"], "allowedRecipients", undefined],
      [
        ["set", "budgets[slow down].count", "30"],
        "budgets",
        [{ name: "slow down", count: 30, window: "1m" }],
      ],
      [
        ["set", "budgets[api]", '{"limit":"2","window":"60m","per":"domain"}'],
        "budgets",
        [
          { name: "slow down", count: 30, window: "1m" },
          { name: "api", limit: "2.00", window: "1h", per: "domain" },
        ],
      ],
      [
        ["unset", "budgets[slow down]"],
        "budgets",
        [{ name: "api", limit: "2.00", window: "1h", per: "domain" }],
      ],
      [["unset", "budgets[0].per"], "budgets", [{ name: "api", limit: "2.00", window: "1h" }]],
      [["set", "agents.research.perDayMax", "1"], "agents", { research: { perDayMax: "1.00" } }],
      [["unset", "agents"], "agents", undefined],
    ];
    for (const [args, field, expected] of steps) {
      const { status, stderr } = await run([...args, "--yes"]);
      expect(status, `${args.join(" ")}\n${stderr}`).toBe(0);
      expect((await inForce())[field], args.join(" ")).toEqual(expected);
      if (args[1] === "agents.research.perDayMax") {
        expect(stderr).toContain("Restart x402-signer to open the socket of research");
      }
    }
  });

  it("keeps the newest head of the ledger that the vault was unlocked on", async () => {
    await run(["set", "perDayMax", "62", "--yes"]);
    expect(existsSync(join(home.folder, "head.json"))).toBe(false);
    const before = (await signer.status()).head;
    writeFileSync(join(home.folder, "head.json"), JSON.stringify(before), { mode: 0o600 });
    await run(["set", "perDayMax", "63", "--yes"]);
    const head = JSON.parse(readFileSync(join(home.folder, "head.json"), "utf8")) as { seq: number };
    expect(head.seq).toBe((await signer.status()).head.seq);
  });
});
