// Tries what this process must not be able to do. Each attempt is harmless where it succeeds, and is taken back.
import { closeSync, openSync, readFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tryToAttach } from "../ledger/sqlite.ts";

/** Abstract names (unix(7)): no file is made, and nobody listens there. */
const NOWHERE = "\0x402-signer tries what it must not do";

/** What is tried, and the codes of the errors that refuse it. */
const ATTEMPTS = {
  readFile: [() => readFileSync(import.meta.filename), "ERR_ACCESS_DENIED"],
  writeFile: [
    () => {
      closeSync(openSync("/dev/null", "r+"));
    },
    "ERR_ACCESS_DENIED",
  ],
  connect: [tryToConnect, "ERR_ACCESS_DENIED"],
  listen: [
    () => {
      createServer().listen(NOWHERE).close();
    },
    "ERR_ACCESS_DENIED",
  ],
  spawn: [
    () => process.getBuiltinModule("node:child_process").spawnSync("/nonexistent"),
    "ERR_ACCESS_DENIED",
  ],
  thread: [tryAThread, "ERR_ACCESS_DENIED"],
  addon: [
    () => {
      process.dlopen({ exports: {} }, "/nonexistent");
    },
    "ERR_DLOPEN_DISABLED",
  ],
  ffi: [
    () => {
      process.getBuiltinModule("node:ffi").dlopen(null).lib.close();
    },
    "ERR_ACCESS_DENIED",
  ],
  evaluate: [() => Reflect.construct(Function, ["return 1"]), "EvalError"],
  inspect: [tryToInspect, "ERR_ACCESS_DENIED"],
  attach: [tryToAttach, "ERR_SQLITE_ERROR"],
} as const;

export type Attempt = keyof typeof ATTEMPTS;

/** Which attempts were refused. */
export function attemptAll(): Record<Attempt, boolean> {
  const outcomes = Object.entries(ATTEMPTS).map(([name, [act, code]]) => [name, isRefused(act, code)]);
  return Object.fromEntries(outcomes) as Record<Attempt, boolean>;
}

function isRefused(act: () => unknown, expected: string): boolean {
  try {
    act();
    return false;
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    return (code ?? name) === expected;
  }
}

/** Node refuses a connection by an event, but destroys it at once. */
function tryToConnect(): void {
  const connection = createConnection(NOWHERE).on("error", () => undefined);
  const { errored } = connection;
  connection.destroy();
  if (errored) throw errored;
}

function tryAThread(): void {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const thread = new Worker("", { eval: true }).on("error", () => undefined);
  void thread.terminate();
}

function tryToInspect(): void {
  const { Session } = process.getBuiltinModule("node:inspector");
  const session = new Session();
  session.connect();
  session.disconnect();
}
