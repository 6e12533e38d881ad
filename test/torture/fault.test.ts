// The shim itself: it counts what it should, and each fault is what its name says.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Action, Fault, type Plan, faultsImpossible } from "./fault.ts";

const impossible = faultsImpossible();
if (impossible !== undefined) console.warn(`SKIPPED: ${impossible}`);

let folder: string;
let file: string;
let fault: Fault;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "x402-fault-test-"));
  file = join(folder, "data.db");
});

afterEach(() => {
  fault.remove();
  rmSync(folder, { recursive: true });
});

const SCRIPT = `
  const fs = require("fs");
  const fd = fs.openSync(process.argv[1], "w+");
  const results = [];
  for (const act of [
    () => fs.writeSync(fd, "AAAAAAAAAA", 0), () => fs.fsyncSync(fd), () => fs.writeSync(fd, "BBBBBBBBBB", 10),
    () => fs.ftruncateSync(fd, 15), () => fs.writeFileSync(process.argv[1] + ".other.txt", "not counted"),
    () => fs.renameSync(process.argv[1], process.argv[1] + ".new"), () => fs.unlinkSync(process.argv[1] + ".new"),
  ]) try { results.push(act() ?? "done"); } catch (error) { results.push(error.code); }
  console.log(JSON.stringify(results));
`;

function run(plan?: Plan): { results?: (string | number)[]; signal: string | null } {
  fault = new Fault("data.db");
  if (plan) fault.arm(plan);
  const { stdout, signal } = spawnSync(process.execPath, ["-e", SCRIPT, file], {
    env: { ...process.env, ...fault.env },
    encoding: "utf8",
  });
  return { signal, ...(stdout === "" ? {} : { results: JSON.parse(stdout) as (string | number)[] }) };
}

it.skipIf(impossible !== undefined)("counts and names every call on files that match", () => {
  const { results } = run();
  expect(results).toEqual([10, "done", 10, "done", "done", "done", "done"]);
  expect(fault.calls().map(({ op, file: name, bytes }) => `${op} ${name} ${bytes}`)).toEqual([
    ...["open data.db 0", "write data.db 10", "sync data.db 0", "write data.db 10", "truncate data.db 0"],
    ...[
      "open data.db.other.txt 0",
      "write data.db.other.txt 11",
      "rename data.db.new 0",
      "unlink data.db.new 0",
    ],
  ]);
  expect(fault.fired).toBe(0);
});

it.skipIf(impossible !== undefined).each<[string, Plan, (string | number)[]]>([
  ["a write", { at: 2, action: "fail", error: "EIO" }, ["EIO", "done", 10, "done", "done", "done", "done"]],
  ["a sync", { at: 3, action: "fail", error: "ENOSPC" }, [10, "ENOSPC", 10, "done", "done", "done", "done"]],
  [
    "a write, and all after it",
    { at: 4, action: "fail", error: "EROFS", andAfter: true },
    [10, "done", "EROFS", "EROFS", "EROFS", "EROFS", "EROFS"],
  ],
  [
    "a rename",
    { at: 8, action: "fail", error: "EFBIG" },
    [10, "done", 10, "done", "done", "EFBIG", "ENOENT"],
  ],
])("fails %s", (_what, plan, expected) => {
  expect(run(plan).results).toEqual(expected);
  expect(fault.fired).toBe(plan.at);
});

it.skipIf(impossible !== undefined).each<[Action, string]>([
  ["killBefore", "AAAAAAAAAA"],
  ["killAfter", "AAAAAAAAAABBBBBBBBBB"],
  ["tearAndKill", "AAAAAAAAAABBBB"],
])("%s", (action, left) => {
  expect(run({ at: 4, action, place: 4 })).toEqual({ signal: "SIGKILL" });
  expect(readFileSync(file, "utf8")).toBe(left);
});

const WRITE = `fs = require("fs"); fd = fs.openSync(process.argv[1], "w");
  console.log(fs.writeSync(fd, "AAAAAAAAAA", 0))`;

it.skipIf(impossible !== undefined).each<[Action, string, string]>([
  ["loseTail", "10", "AAAA"],
  ["short", "10", "AAAAAAAAAA"], // Node writes the rest

  ["flip", "10", "QAAAAAAAAA"],
])("%s", (action, said, left) => {
  fault = new Fault("data.db");
  fault.arm({ at: 2, action, place: 4 });
  const env = { ...process.env, ...fault.env };
  expect(execFileSync(process.execPath, ["-e", WRITE, file], { env, encoding: "utf8" }).trim()).toBe(said);
  expect(readFileSync(file, "utf8")).toBe(left);
});
