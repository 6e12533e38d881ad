// Rows whose attack is a test of npm test already, in full: the long form runs it again and counts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

type Tested = Pick<Row, "name" | "what" | "must"> & {
  readonly files: readonly string[];
  /** What the tests do and what they hold it to. */
  readonly done: string;
  readonly held: string;
};

const tested = ({ files, done, held, ...row }: Tested): Row => ({
  ...row,
  run: (conditions) => Promise.resolve(runTests(conditions, { files, done, held })),
});

function runTests(
  { long }: Conditions,
  { files, done, held }: Pick<Tested, "files" | "done" | "held">,
): Evidence {
  for (const file of files) assert.ok(existsSync(join(ROOT, file)), `${file} is missing`);
  const names = files.map((file) => `\`${file}\``).join(", ");
  if (!long) return { done: `${done}: ${names}`, held };
  const { passed, skipped } = vitest(files);
  return {
    done: `${done}: ${grouped(passed)} tests in ${names}`,
    held,
    ...(skipped.length > 0 ? { skipped } : {}),
  };
}

function vitest(files: readonly string[]): { passed: number; skipped: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "x402-tested-"));
  try {
    const output = join(folder, "results.json");
    const args = ["run", ...files, "--reporter=json", `--outputFile=${output}`];
    const command = join(ROOT, "node_modules/vitest/vitest.mjs");
    const { stderr } = spawnSync(process.execPath, [command, ...args], { cwd: ROOT, encoding: "utf8" });
    assert.ok(existsSync(output), `no test ran: ${stderr}`);
    const results = JSON.parse(readFileSync(output, "utf8")) as Results;
    const all = results.testResults.flatMap(({ assertionResults }) => assertionResults);
    const named = (status: string): string[] =>
      all.filter((test) => test.status === status).map(({ fullName }) => fullName);
    assert.deepEqual(named("failed"), []);
    assert.ok(results.numPassedTests > 0 && results.numFailedTests === 0, "no test passed");
    return { passed: results.numPassedTests, skipped: [...named("pending"), ...named("skipped")] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const roles = tested({
  name: "roles",
  what: "signer, agent, desk and stranger as four uids in CI",
  must: "each can call its role's methods and reach nothing else",
  files: ["test/signer/roles.test.ts"],
  done: "every method of every role asked at every socket by users of the system's own",
  held: "each got its role's methods and nothing else",
});

export const rollback = tested({
  name: "rollback",
  what: "roll back, delete, swap, copy: each of vault, ledger, head, in all combinations",
  must: "frozen, except the combination that SECURITY.md names",
  files: ["test/signer/rollback.test.ts", "test/signer/accept.test.ts"],
  done:
    "vault, ledger, `head` and `head.json` each as it is, as it was, away or another signer's: all 256 combinations " +
    "with a budget that is spent; then each way to accept a loss",
  held:
    "none signed again but those in which all that remembers the spending is older than it (ledger, `head` and " +
    "`head.json` together; the vault does not remember it)",
});
