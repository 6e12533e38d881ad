// This process's memory is nobody's: no debugger, no /proc/<pid>/mem, no core file. prctl(2), ptrace(2), core(5).
import { bindLibc } from "./libc.ts";

const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const RLIMIT_CORE = 4;

export interface MemoryState {
  /** False: not even a process of the same user may read this one's memory. */
  readonly dumpable: boolean;
  /** Bytes that a core file may have, and that its limit may be raised to. */
  readonly coreLimit: bigint;
}

/**
 * Shuts the memory, for good: an unprivileged process cannot open it again from outside, and cannot raise the limit.
 * Returns what asks the kernel how it is, or undefined where nothing can be done.
 */
export function shutMemory(): (() => MemoryState) | undefined {
  const libc = bindLibc({
    prctl: { return: "i32", arguments: ["i32", "u64", "u64", "u64", "u64"] },
    setrlimit: { return: "i32", arguments: ["i32", "pointer"] },
    getrlimit: { return: "i32", arguments: ["i32", "pointer"] },
  });
  if (!libc) return undefined;
  const { prctl, setrlimit, getrlimit } = libc.functions;
  const { longs, address } = libc.allocate(16);
  prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);
  prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n);
  longs.fill(0n);
  setrlimit(RLIMIT_CORE, address);
  return () => {
    longs.fill(~0n);
    getrlimit(RLIMIT_CORE, address);
    return { dumpable: prctl(PR_GET_DUMPABLE, 0n, 0n, 0n, 0n) !== 0, coreLimit: longs[1] ?? ~0n };
  };
}
