// The process starts itself once more, in place, under its pid: V8, the allocator and the permission model take their
// flags only at the start.
import { homedir } from "node:os";
import { resolve } from "node:path";
import { X402Error } from "../protocol/errors.ts";
import { assertOwnWay } from "../vault/path.ts";
import { cleanEnvironment } from "./harden/environment.ts";
import { keepAcrossExec } from "./harden/inherit.ts";
import { MAIN, isHardened, signerFlags } from "./harden/flags.ts";
import { type Asked, readOptions } from "./options.ts";

/** Throws USAGE, and what parseArgs throws. */
export function asked(): Asked {
  const { argv, env, pid } = process;
  return readOptions({ args: argv.slice(2), env, pid, homeDirectory: homedir });
}

/**
 * Does not return in a process that lacks the flags, unless nothing is to be started (--help) or sockets that it was
 * handed cannot be kept. Throws as asked and signerFlags do, and UNSAFE_HOME for a place behind a link or below a
 * folder that others can change.
 */
export function restartHardened(): void {
  if (isHardened()) return;
  const wanted = asked();
  if (!("options" in wanted)) return;
  if (Reflect.has(process, "permission"))
    throw new X402Error("USAGE", "node was started with some of the signer's flags: leave them all out");
  const { home, sockets, credential, inherited } = wanted.options;
  // Hardened but deaf would be no signer.
  if (inherited && !keepAcrossExec(inherited.values())) return;
  const places = { home: resolve(home), ...(inherited ? {} : { sockets: resolve(sockets) }) };
  // Here, where the folders above may still be looked at. The vault and its commands refuse the same.
  for (const folder of Object.values(places)) assertOwnWay(folder, "UNSAFE_HOME");
  const flags = signerFlags({ ...places, ...(credential !== undefined && { credential }) });
  // None of this process's own flags goes along: --import or --inspect would bring code or a debugger beside the keys.
  // Of an option that comes twice the last one counts.
  const options = [...process.argv.slice(2), "--home", places.home, "--sockets", resolve(sockets)];
  const args = [process.execPath, ...flags, MAIN, ...options];
  process.execve?.(process.execPath, args, cleanEnvironment(process.env));
}
