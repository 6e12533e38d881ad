// What the kernel holds this process to, whatever runs in it: asked before the files are given up.
import { closeSync, readFileSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { bindLibc } from "./libc.ts";

export interface KernelFacts {
  /** proc_pid_status(5). */
  readonly noNewPrivileges: boolean;
  readonly capabilities: boolean;
  readonly catchesSigusr1: boolean;
  /** Memory of this process may be written to a swap device. */
  readonly mayBeSwapped: boolean;
  /** Other processes of this user. */
  readonly neighbours: boolean;
  /** A socket that reaches beyond this machine can be made; undefined where it cannot be tried. */
  readonly network: boolean | undefined;
  /** Places beside state and sockets that this user may write to, by SQLite or by whatever else; undefined likewise. */
  readonly writable: readonly string[] | undefined;
}

/** `home`: the state folder. Undefined where there is no /proc. */
export function askKernel(home: string): KernelFacts | undefined {
  try {
    const status = new Map(
      linesOf("/proc/self/status").map((line) => line.split(/:\s+/) as [string, string]),
    );
    const bits = (name: string): bigint => BigInt(`0x${status.get(name) ?? "ff"}`);
    return {
      noNewPrivileges: status.get("NoNewPrivs") === "1",
      capabilities: (bits("CapPrm") | bits("CapEff")) !== 0n,
      catchesSigusr1: (bits("SigCgt") & SIGUSR1) !== 0n,
      mayBeSwapped: linesOf("/proc/swaps").length > 1 && !isSwapForbidden(),
      neighbours: hasNeighbours(),
      ...askLibc(home),
    };
  } catch {
    return undefined;
  }
}

/** Signal 10, as a bit of a mask. */
const SIGUSR1 = 1n << 9n;

const linesOf = (file: string): string[] => readFileSync(file, "utf8").trim().split("\n");

/** cgroups(7): a limit of a group holds for those below it. */
function isSwapForbidden(): boolean {
  const line = linesOf("/proc/self/cgroup").find((text) => text.startsWith("0::"));
  for (let group = line?.slice("0::".length) ?? "/"; group !== "/"; group = dirname(group)) {
    if (contentOf(join("/sys/fs/cgroup", group, "memory.swap.max")) === "0") return true;
  }
  return false;
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}

function hasNeighbours(): boolean {
  const own = process.geteuid?.();
  const others = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name) && name !== String(process.pid));
  return others.some((pid) => statSync(join("/proc", pid), { throwIfNoEntry: false })?.uid === own);
}

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const AT_FDCWD = -100;
const W_OK = 2;
const AT_EACCESS = 0x200;

/** Places that a user can usually write to, where what is written outlives the process. */
const USUAL = ["/tmp", "/var/tmp", "/dev/shm"];

function askLibc(home: string): Pick<KernelFacts, "network" | "writable"> {
  const libc = bindLibc({
    socket: { return: "i32", arguments: ["i32", "i32", "i32"] },
    faccessat: { return: "i32", arguments: ["i32", "string", "i32", "i32"] },
  });
  if (!libc) return { network: undefined, writable: undefined };
  const { socket, faccessat } = libc.functions;
  const fd = socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
  if (fd >= 0) closeSync(fd);
  const outside = [...new Set([homedir(), process.cwd(), dirname(import.meta.dirname), ...USUAL])];
  return {
    network: fd >= 0 && hasInterface(),
    writable: outside.filter(
      (path) => path !== resolve(home) && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) === 0,
    ),
  };
}

/** One that is not the loopback. */
const hasInterface = (): boolean =>
  linesOf("/proc/net/dev").some((line) => /^\s*[^\s:]+:/.test(line) && !/^\s*lo:/.test(line));
