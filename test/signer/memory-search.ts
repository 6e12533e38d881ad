// Looking for secrets in the memory of a running process, as root can on Linux.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const CHUNK = 1 << 24;
/** No secret is found twice because it lies across two chunks; none is missed, since they overlap. */
const OVERLAP = 64;

/** How often each needle is in the writable memory of a process. */
export function countInMemory(pid: number, needles: readonly Buffer[]): number[] {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const found = needles.map(() => new Set<bigint>());
  for (const [, from, to] of readFileSync(`/proc/${pid}/maps`, "utf8").matchAll(/^(\w+)-(\w+) rw/gm)) {
    const end = BigInt(`0x${to!}`);
    for (let at = BigInt(`0x${from!}`); at < end; at += BigInt(CHUNK)) {
      const bytes = Buffer.alloc(Math.min(CHUNK + OVERLAP, Number(end - at)));
      let length: number;
      try {
        length = readSync(memory, bytes, 0, bytes.length, at);
      } catch {
        continue; // a guard page
      }
      needles.forEach((needle, i) => {
        const text = bytes.subarray(0, length);
        for (let p = text.indexOf(needle); p !== -1; p = text.indexOf(needle, p + 1))
          found[i]!.add(at + BigInt(p));
      });
    }
  }
  closeSync(memory);
  return found.map((places) => places.size);
}

/** True where the memory of that process can be read at all. */
export function canSearch(pid: number): boolean {
  try {
    closeSync(openSync(`/proc/${pid}/mem`, "r"));
    return true;
  } catch {
    return false;
  }
}
