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

it("npm run demo", async () => {
  const folder = mkdtempSync(join(tmpdir(), "demo-test-"));
  const env = {
    PATH: process.env["PATH"],
    TMPDIR: folder,
    XDG_RUNTIME_DIR: folder,
    X402_HOME: join(folder, "mine"),
  };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["examples/demo.ts"], {
    cwd: root,
    env,
  });
  const lines = stdout.trimEnd().split("\n");
  expect(stderr).toBe("");
  expect(lines.length).toBeLessThan(30);
  expect(lines.filter((line) => line.includes("200 clear skies, for 0.10 USDC in 0x"))).toHaveLength(3);
  expect(stdout).toContain("declined, AMOUNT_EXCEEDS_PER_REQUEST_LIMIT");
  expect(stdout).toContain("declined, DAILY_BUDGET_EXCEEDED");
  expect(stdout).toMatch(/used 0\.30 +left 0\.05/);
  expect(stdout).toContain("On the chain the wallet has 4.70 USDC left, and the shop earned 0.30 USDC.");
  expect(lines.at(-1)).toMatch(/^Done in /);
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });

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
