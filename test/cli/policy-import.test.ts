// `x402-policy import` as a script runs it: the document on stdout, the report on stderr.
import {
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { atShell, policy } from "./policy-command.ts";

const home = mkdtempSync(join(realpathSync(tmpdir()), "policy import "));
afterAll(() => {
  rmSync(home, { recursive: true });
});
let files = 0;
const file = (content: unknown): string => {
  const path = join(home, `theirs ${files++}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const run = (args: readonly string[], input?: string) => policy(home, ["import", ...args], input);
const from = (json: unknown, ...args: string[]) => run(["--from", "letagentpay", ...args, file(json)]);

describe("import", () => {
  it("prints a document that check takes, and what became of each member", async () => {
    const { status, stdout, stderr } = await from({
      daily_limit: 5,
      per_request_limit: 0.5,
      x402: { allowed_chains: ["base"] },
    });
    expect(status).toBe(0);
    expect(stderr).toContain("same: daily_limit: perDayMax 5.00\n");
    expect(stderr).toContain("same: x402.allowed_chains: allowedNetworks, 1 of them\n");
    expect((await policy(home, ["check", "-"], stdout)).status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ perDayMax: "5.00", allowedNetworks: ["eip155:8453"] });
  });

  it("writes a private file, and replaces none", async () => {
    const out = join(home, "our own.json");
    const done = await from({ daily_limit: 5 }, "-o", out);
    expect([done.status, done.stdout]).toEqual([0, ""]);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual({ version: 1, perDayMax: "5.00" });
    expect((await from({ daily_limit: 6 }, "-o", out)).status).toBe(2);
    expect(readFileSync(out, "utf8")).toContain("5.00");
  });

  it("refuses what it does not know and what has no counterpart, each until it is named", async () => {
    const theirs = {
      daily_limit: 5,
      colour: "red",
      x402: { odd: 1 },
      auto_approve: { enabled: true, max_amount: 1 },
    };
    const refused = await from(theirs);
    expect([refused.status, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("refused: colour: is not known; --allow-unknown leaves it out\n");
    expect(refused.stderr).toContain("refused: x402.odd: is not known");
    expect(refused.stderr).toContain(
      "refused: auto_approve: has no counterpart here, and without it nothing waits for a person",
    );
    expect(refused.stderr).toContain("Nothing was imported.\n");
    const unknown = ["--allow-unknown", "colour", "--allow-unknown", "x402.odd"];
    expect((await from(theirs, ...unknown)).status).toBe(1);
    expect((await from(theirs, ...unknown, "--allow-unsupported", "auto_approve")).status).toBe(0);
    // Neither stands for the other, and a name that is not there is a mistake.
    expect((await from(theirs, ...unknown, "--allow-unknown", "auto_approve")).status).toBe(2);
    expect((await from({ daily_limit: 5 }, "--allow-unsupported", "auto_approve")).status).toBe(2);
  });

  it("asks for a limit that binds", async () => {
    const refused = await from({ per_request_limit: 1 });
    expect([refused.status, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain("give --total 100.00");
    const { status, stdout } = await from({ per_request_limit: 1 }, "--total", "20");
    expect([status, JSON.parse(stdout)]).toEqual([0, { version: 1, perCallMax: "1.00", totalMax: "20.00" }]);
    expect((await from({ per_request_limit: 1 }, "--total", "much")).status).toBe(2);
  });

  it("reads the other predecessor, from stdin too", async () => {
    const rules = { rules: { maxSpendPerDay: { amount: "5", currency: "USD" } } };
    const { status, stdout } = await run(
      ["--from", "qbt", "--timezone", "Asia/Tokyo", "-"],
      JSON.stringify(rules),
    );
    expect([status, JSON.parse(stdout)]).toEqual([
      0,
      { version: 1, timezone: "Asia/Tokyo", perDayMax: "5.00" },
    ]);
  });

  it("says what is wrong, status 2", async () => {
    for (const [content, said] of [
      ["{", "the file is not JSON"],
      ["", "the file is not JSON"],
      ["[]", "must be an object"],
      ['{"daily_limit":1,"daily_limit":2}', "duplicate key"],
      ['{"daily_limit":"\u202e"}', "daily_limit: must be an amount"],
      ['{"allowed_categories":["\u001b[2J"]}', "not JSON"],
      [{ x402: { allowed_chains: ["Base"] } }, "x402.allowed_chains: item 1 must be a network"],
    ] as const) {
      const { status, stdout, stderr } = await from(content);
      expect({ status, stdout }, said).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain(said);
      expect(stderr).toMatch(/^[ -~\n]*$/);
    }
    for (const args of [
      ["--from", "someone", file({})],
      [file({})],
      ["--from", "qbt"],
      ["--from", "qbt", home],
      ["--from", "qbt", join(home, "none")],
    ])
      expect((await run(args)).status, args.join(" ")).toBe(2);
    const large = file("");
    truncateSync(large, 100 * 1024 * 1024);
    expect((await run(["--from", "qbt", large])).stderr).toContain("more than 1048576 bytes");
  });

  it("is quiet when nobody reads", async () => {
    const { status } = await atShell(
      home,
      ["import", "--from", "letagentpay", file({ daily_limit: 5 })],
      "2>/dev/null | true",
    );
    expect(status).toBe(0);
  });
});
