// The demo is what a new user runs first: it must tell its story to the end, and leave nothing behind.

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { blocksOf, readPage } from "../docs/page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

async function tell(chain?: string): Promise<{ stdout: string; lines: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "demo-test-"));
  const env = {
    PATH: process.env["PATH"],
    TMPDIR: folder,
    XDG_RUNTIME_DIR: folder,
    X402_HOME: join(folder, "mine"),
  };
  const args = ["examples/demo.ts", ...(chain === undefined ? [] : ["--chain", chain])];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
  const lines = stdout.trimEnd().split("\n");
  expect(stderr).toBe("");
  expect(lines.length).toBeLessThan(30);
  expect(stdout).toContain("declined, AMOUNT_EXCEEDS_PER_REQUEST_LIMIT");
  expect(stdout).toContain("declined, DAILY_BUDGET_EXCEEDED");
  expect(lines.at(-1)).toMatch(/^Done in /);
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
  return { stdout, lines };
}

it("npm run demo -- --chain solana", async () => {
  const { stdout } = await tell("solana");
  expect(stdout.match(/200 clear skies, for 0\.10 USDC in [1-9A-HJ-NP-Za-km-z]{18}/g)).toHaveLength(3);
  expect(stdout).toContain("On the chain the wallet has 4.70 USDC left, and the shop earned 0.30 USDC.");
});

it("npm run demo -- --chain cardano", async () => {
  const { stdout } = await tell("cardano");
  expect(stdout.match(/200 clear skies, for 2\.00 ADA in [0-9a-f]{18}/g)).toHaveLength(3);
  expect(stdout).toMatch(/the shop earned 6\.00 ADA, 0\.50\d+ ADA went to the network\./);
});

it("npm run demo -- --chain, with a name that is none", async () => {
  await expect(tell("doge")).rejects.toMatchObject({ code: 2 });
});

it("npm run demo", async () => {
  const { stdout, lines } = await tell();
  expect(lines.filter((line) => line.includes("200 clear skies, for 0.10 USDC in 0x"))).toHaveLength(3);
  expect(stdout).toMatch(/used 0\.30 +left 0\.05/);
  expect(stdout).toContain("On the chain the wallet has 4.70 USDC left, and the shop earned 0.30 USDC.");

  // README shows it shortened: each of its lines is one that was said, but for what differs from run to run.
  const shown = blocksOf(readPage("README.md")).find(({ info }) => info === "console")!.text;
  const said = new Set(lines.map(likeAnyRun));
  expect(
    shown
      .trimEnd()
      .split("\n")
      .map(likeAnyRun)
      .filter((line) => !said.has(line)),
  ).toEqual([]);
});

const likeAnyRun = (line: string): string =>
  line
    .replace(/0x[0-9a-fA-F]+/, "0x")
    .replace(/Process \d+/, "Process")
    .replace(/until [\d-]+ [\d:]+/, "until")
    .replace(/127\.0\.0\.1:\d+/, "127.0.0.1");
