// x402-signer: options, then the daemon, in the foreground until SIGTERM or SIGINT.
import { homedir } from "node:os";
import { writeSync } from "node:fs";
import { type Code, X402Error, entryOf } from "../protocol/errors.ts";
import { VERSION } from "../protocol/version.ts";
import { type DaemonOptions, startDaemon } from "./daemon.ts";
import { tidyWhenIdle } from "./memory.ts";
import { FLAGS_HELP, readOptions } from "./options.ts";
import { LISTEN_VARIABLES } from "./sockets/inherited.ts";

const HELP = `x402-signer ${VERSION}: decides, records and signs payments for agents; runs in the foreground.
${FLAGS_HELP}
It starts locked: unlock it with x402-vault unlock. Stop it with Ctrl-C or SIGTERM.
`;

const say = (text: string): void => {
  process.stderr.write(text);
};

function asked(): DaemonOptions | undefined {
  const { env, pid } = process;
  const wanted = readOptions({ args: process.argv.slice(2), env, pid, homeDirectory: homedir() });
  for (const name of LISTEN_VARIABLES) Reflect.deleteProperty(env, name);
  if (wanted.is !== "start") {
    process.stdout.write(wanted.is === "help" ? HELP : `${VERSION}\n`);
    return undefined;
  }
  return { ...wanted.options, ...(wanted.quiet ? {} : { log: writeAll }) };
}

/** A log that nobody reads any more (a closed pipe) must not stop payments that are on record. */
function writeAll(lines: string): void {
  try {
    writeSync(2, lines);
  } catch {
    // Nothing can be said about it on the same pipe.
  }
}

/** Of what others throw: parseArgs, the file system (a folder that cannot be made), or a fault of our own. */
function kindOf(error: unknown): Code {
  const { code = "", syscall } = error as NodeJS.ErrnoException;
  if (code.startsWith("ERR_PARSE_ARGS")) return "USAGE";
  return syscall === undefined ? "INTERNAL" : "LEDGER_WRITE";
}

function fail(error: unknown): never {
  const known = error instanceof X402Error ? error : new X402Error(kindOf(error), (error as Error).message);
  say(`x402-signer: ${known.message}\n  ${known.hint}\n`);
  process.exit(entryOf(known.code).exit);
}

async function main(): Promise<void> {
  process.umask(0o077);
  const options = asked();
  if (!options) return;
  const daemon = await startDaemon({ ...options, onFault: fail });
  // Before it says that it is ready: who reads that may stop it at once.
  const stop = (): void => {
    daemon.close().then(() => process.exit(0), fail);
  };
  tidyWhenIdle();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  say(`x402-signer ${VERSION}: locked, listening for ${[...daemon.agents.keys()].join(", ")}\n`);
  say(
    "  It runs under your own user: programs of this user can reach it, so its limits are advice to them.\n",
  );
  say(`  agents: ${[...daemon.agents.values()].join(" ")}\n  next: x402-vault unlock\n`);
}

await main().catch(fail);
