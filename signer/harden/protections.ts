// The protections by name, what each is good for, and how it is known to hold: by trying what it forbids, or by asking the
// kernel. The names are part of the protocol (signer.status).
import type { Status } from "../../protocol/shapes.ts";
import type { Attempt } from "./attempts.ts";
import type { MemoryState } from "./dumpable.ts";
import type { KernelFacts } from "./kernel.ts";

export type Protections = Status["protections"];
type State = Protections[string];

export interface Evidence {
  /** What was tried after the rights were dropped: true is refused. */
  readonly refused: Readonly<Record<Attempt, boolean>>;
  readonly memory: MemoryState | undefined;
  readonly kernel: KernelFacts | undefined;
  /** Started with the signer's own flags and variables, and no others. */
  readonly cleanStart: boolean;
  readonly knowsCallers: boolean;
  /** Bytes. */
  readonly secureHeap: number;
}

interface Protection {
  /** What holds while it is on. */
  readonly means: string;
  /** What to do where it is off. */
  readonly remedy: string;
  readonly state: (evidence: Evidence) => State;
}

const onIf = (holds: boolean): State => (holds ? "on" : "off");
/** For what the kernel does: elsewhere there is no such thing. */
const byKernel = (kernel: KernelFacts | undefined, holds: (facts: KernelFacts) => boolean): State =>
  kernel ? onIf(holds(kernel)) : "impossible";
const isAlone = (kernel: KernelFacts): boolean => !kernel.neighbours && !kernel.capabilities;
/** For what only a service has: on a person's own account nothing can make it so. */
const ofService = ({ kernel }: Evidence, holds: (facts: KernelFacts) => boolean | undefined): State => {
  const held = kernel && holds(kernel);
  if (held === undefined) return "impossible";
  return held ? "on" : kernel && isAlone(kernel) ? "off" : "impossible";
};

const RESTART = "start it as x402-signer, without options for node";
const FFI = "use a Node.js with FFI on Linux (x64, arm64, riscv64)";
const SERVICE = "run it as a system service of its own user: docs/deployment.md";

export const PROTECTIONS: Readonly<Record<string, Protection>> = {
  "clean-start": {
    means: "no option or variable made Node load anything else first",
    remedy: RESTART,
    state: ({ cleanStart }) => onIf(cleanStart),
  },
  "own-files-only": {
    means: "Node's file functions reach the state folder only, and the code cannot be read again",
    remedy: RESTART,
    state: ({ refused }) => onIf(refused.readFile && refused.writeFile),
  },
  "no-connections": {
    means: "Node opens no connection, to the network or to a Unix socket",
    remedy: RESTART,
    state: ({ refused }) => onIf(refused.connect),
  },
  "no-new-sockets": {
    means: "Node listens on nothing beside the sockets that it has",
    remedy: RESTART,
    state: ({ refused }) => onIf(refused.listen),
  },
  "no-child-processes": {
    means: "Node starts no process and replaces itself with none",
    remedy: RESTART,
    state: ({ refused }) => onIf(refused.spawn),
  },
  "no-workers": {
    means: "Node starts no other thread with code in it",
    remedy: RESTART,
    state: ({ refused }) => onIf(refused.thread),
  },
  "no-addons": {
    means: "Node loads no native code from files",
    remedy: RESTART,
    state: ({ refused }) => onIf(refused.addon),
  },
  "no-ffi": {
    means: "no function of the C library can be bound any more",
    remedy: RESTART,
    state: ({ refused }) => onIf(refused.ffi),
  },
  "no-eval": {
    means: "eval and new Function run nothing",
    remedy: RESTART,
    state: ({ refused }) => onIf(refused.evaluate),
  },
  "no-inspector": {
    means: "no debugger is let in, not even by SIGUSR1",
    remedy: RESTART,
    state: ({ refused, kernel }) => onIf(refused.inspect && kernel?.catchesSigusr1 !== true),
  },
  "attach-closed": {
    means: "a statement on the ledger's connection can name no other file",
    remedy: "report it: this version of SQLite does otherwise",
    state: ({ refused }) => onIf(refused.attach),
  },
  "secure-heap": {
    means: "what OpenSSL holds of keys is locked in memory and left out of dumps",
    remedy: "let the process lock 64 KiB of memory (ulimit -l)",
    state: ({ secureHeap }) => onIf(secureHeap > 0),
  },
  "not-dumpable": {
    means: "another program of this user can neither read its memory nor attach to it",
    remedy: FFI,
    state: ({ memory }) => onIf(memory?.dumpable === false),
  },
  "no-core-dumps": {
    means: "a crash writes no memory to disk",
    remedy: FFI,
    state: ({ memory }) => onIf(memory?.dumpable === false && memory.coreLimit === 0n),
  },
  "peer-credentials": {
    means: "the kernel tells which user calls",
    remedy: FFI,
    state: ({ knowsCallers }) => onIf(knowsCallers),
  },
  "no-new-privileges": {
    means: "no program that it might start could be more than it is",
    remedy: FFI,
    state: ({ kernel }) => byKernel(kernel, (facts) => facts.noNewPrivileges),
  },
  "no-capabilities": {
    means: "the kernel gives it nothing that other users do not have",
    remedy: "do not run it as root",
    state: ({ kernel }) => byKernel(kernel, (facts) => !facts.capabilities),
  },
  "no-swap": {
    means: "its memory is not written to a swap device",
    remedy: "set MemorySwapMax=0 in its unit, or turn swap off",
    state: ({ kernel }) => byKernel(kernel, (facts) => !facts.mayBeSwapped),
  },
  "own-user": {
    means: "no other program runs as its user",
    remedy: SERVICE,
    state: ({ kernel }) => byKernel(kernel, (facts) => !facts.neighbours),
  },
  "kernel-no-network": {
    means: "the kernel gives it no network, whatever runs in it",
    remedy: "set PrivateNetwork=yes or RestrictAddressFamilies=AF_UNIX in its unit",
    state: (evidence) => ofService(evidence, ({ network }) => (network === undefined ? undefined : !network)),
  },
  "kernel-read-only": {
    means: "the kernel lets it write to its own folders only, whatever runs in it",
    remedy: "set ProtectSystem=strict and its like in its unit",
    state: (evidence) => ofService(evidence, ({ writable }) => writable && writable.length === 0),
  },
};

export const statesOf = (evidence: Evidence): Protections =>
  Object.fromEntries(Object.entries(PROTECTIONS).map(([name, { state }]) => [name, state(evidence)]));
