// What main.ts does to its own process: shuts its memory at once, and gives up its rights when all is open.
import { secureHeapUsed } from "node:crypto";
import type { Peer } from "../sockets/role.ts";
import { attemptAll } from "./attempts.ts";
import { shutMemory } from "./dumpable.ts";
import { isClean } from "./environment.ts";
import { hasOnlyOurFlags } from "./flags.ts";
import { askKernel } from "./kernel.ts";
import { peerCredentials } from "./peer.ts";
import { type Protections, statesOf } from "./protections.ts";
import { dropRights } from "./rights.ts";

export interface Hardening {
  readonly peerOf: ((fd: number) => Peer) | undefined;
  /** Gives up every right but the use of what is open and of the state folder; then finds out what holds. Once. */
  readonly seal: () => void;
  /** As they were found by `seal`; none before. */
  readonly protections: () => Protections;
}

/** `home` is the state folder. */
export function harden(home: string): Hardening {
  const memoryState = shutMemory();
  const peerOf = peerCredentials();
  const cleanStart = isClean(process.env) && hasOnlyOurFlags();
  let found: Protections = {};
  return {
    peerOf,
    seal: () => {
      const kernel = askKernel(home);
      dropRights(home);
      const evidence = { kernel, memory: memoryState?.(), cleanStart, knowsCallers: peerOf !== undefined };
      found = statesOf({ ...evidence, refused: attemptAll(), secureHeap: secureHeapUsed().total });
    },
    protections: () => found,
  };
}
