#!/usr/bin/env node
import "./node-version.ts";

// The signer lives on somebody's machine beside everything else; these halve its memory under load and cost no speed.
// V8 and the allocator take them only at their start, so the process starts itself once more, in place, under its pid.
const flags = [
  "--max-semi-space-size=2",
  "--heap-growing-percent=10",
  "--no-maglev",
  "--no-sparkplug",
  "--expose-gc",
];
const [node = "", command = "", ...args] = process.argv;
if (!flags.every((flag) => process.execArgv.includes(flag))) {
  const environment = { ...process.env, MALLOC_ARENA_MAX: "1" };
  process.execve?.(process.execPath, [node, ...flags, ...process.execArgv, command, ...args], environment);
}

await import("../signer/main.ts");
