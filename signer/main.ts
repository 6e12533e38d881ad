// x402-signer: options, hardening, then the daemon, in the foreground until SIGTERM, SIGINT or SIGHUP.
import { X402Error } from "../protocol/errors.ts";
import { VERSION } from "../protocol/version.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { diagnosis, missing } from "./doctor.ts";
import { fail, failOnUncaught, stderr } from "./fault.ts";
import { type Hardening, harden } from "./harden/harden.ts";
import { tidyWhenIdle } from "./memory.ts";
import { type Asked, FLAGS_HELP } from "./options.ts";
import { asked, restartHardened } from "./restart.ts";
import { LISTEN_VARIABLES } from "./sockets/inherited.ts";

const HELP = `x402-signer ${VERSION}: decides, records and signs payments for agents; runs in the foreground.
${FLAGS_HELP}
  x402-signer doctor  starts nothing: lists each protection of the process as on, off or impossible here;
                      exits with 0 when all that are possible are on, else with 1
  x402-signer restore FILE
                      makes the ledger of an empty home from a backup; restore --help tells more

It starts locked: unlock it with x402-vault unlock. Stop it with Ctrl-C or SIGTERM; a closed terminal stops it, too.
`;

/** How long an end waits for a reader of the log. */
const DRAIN_MS = 500;

type Wanted = Extract<Asked, { options: unknown }>;

async function main(): Promise<void> {
  process.umask(0o077);
  const wanted = asked();
  if (!("options" in wanted)) {
    process.stdout.write(wanted.is === "help" ? HELP : `${VERSION}\n`);
    return;
  }
  restartHardened();
  failOnUncaught();
  for (const name of LISTEN_VARIABLES) Reflect.deleteProperty(process.env, name);
  const hardening = harden(wanted.options.home);
  if (wanted.is === "doctor") examine(hardening);
  else await run(wanted, hardening);
}

function examine(hardening: Hardening): void {
  hardening.seal();
  const found = hardening.protections();
  process.stdout.write(diagnosis(found));
  process.exitCode = missing(found).length === 0 ? 0 : 1;
}

async function run({ options, quiet, requireHardened }: Wanted, hardening: Hardening): Promise<void> {
  const { peerOf, protections } = hardening;
  const seal = (): void => {
    hardening.seal();
    const off = missing(protections());
    if (requireHardened && off.length > 0) throw new X402Error("NOT_HARDENED", off.join(", "));
  };
  const log = quiet
    ? {}
    : {
        log: (lines: string) => {
          stderr.write(lines);
        },
        droppedLogLines: () => stderr.dropped,
      };
  const daemon = await startDaemon({ ...options, ...log, peerOf, protections, seal, onFault: fail });
  // Before it says that it is ready: who reads that may stop it at once.
  const stop = (): void => {
    daemon
      .close()
      .then(() => stderr.drain(DRAIN_MS))
      .then(() => process.exit(0), fail);
  };
  tidyWhenIdle();
  // The terminal that is closed is an end like the others.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, stop);
  welcome(daemon, protections()["own-user"] === "on");
}

function welcome({ agents, unlocked, frozenBy }: Daemon, ownUser: boolean): void {
  const state = unlocked ? "unlocked" : "locked";
  stderr.write(`x402-signer ${VERSION}: ${state}, listening for ${[...agents.keys()].join(", ")}\n`);
  if (!ownUser)
    stderr.write(
      "  It runs under your own user: programs of this user can reach it, so its limits are advice to them.\n",
    );
  stderr.write(`  agents: ${[...agents.values()].join(" ")}\n`);
  if (frozenBy) stderr.write(`  frozen, ${frozenBy}: it signs nothing\n  next: x402-policy ledger\n`);
  else if (!unlocked) stderr.write("  next: x402-vault unlock\n");
}

await main().catch(fail);
