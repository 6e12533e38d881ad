// One writer at a time: a lock file beside the file that is written, naming the process that holds it.
//
// link(2) makes the lock appear with its content or not at all. A process that died leaves its lock behind; the next
// one sees that it is dead (no such process, or another one under its number), moves the lock away and looks at what
// it moved: of several that clear the same lock only one gets it, and who moved a living one puts it back.
import { linkSync, readFileSync, readdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { X402Error } from "../protocol/errors.ts";

/** How the files beside the lock are called. */
const OWN = /^[0-9a-f]{12}(\.dead)?$/;
const START_TIME_FIELD = 19; // field 22 of proc(5)'s stat, counted after the command's name

/** Runs `fn` while holding `<path>.lock`. Throws VAULT_BUSY at once when another living process holds it. */
export function withLock<T>(path: string, fn: () => T): T {
  const lock = `${path}.lock`;
  const id = randomBytes(6).toString("hex");
  const own = `${lock}.${id}`;
  try {
    writeFileSync(own, `${process.pid} ${startOf(process.pid)} ${id}`, { mode: 0o600, flag: "wx" });
    acquire(lock, own);
    try {
      sweep(lock);
      return fn();
    } finally {
      release(lock);
    }
  } finally {
    release(own);
  }
}

/** Not being able to remove a lock undoes nothing that was done under it: it is cleared when this process is gone. */
function release(path: string): void {
  try {
    removeFile(path);
  } catch {
    // told apart by the next writer
  }
}

/** Throws what the file system says, but for a file that is not there. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** What processes that were killed left while they waited for the lock or cleared it. */
function sweep(lock: string): void {
  const [folder, prefix] = [dirname(lock), `${basename(lock)}.`];
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix) || !OWN.test(name.slice(prefix.length))) continue;
    const path = join(folder, name);
    const holder = read(path);
    // An empty one may belong to a process that is about to write it.
    if (holder !== undefined && holder !== "" && !isAlive(holder)) release(path);
  }
}

function acquire(lock: string, own: string): void {
  if (tryLink(own, lock)) return;
  clearDead(lock, `${own}.dead`);
  if (!tryLink(own, lock)) throw new X402Error("VAULT_BUSY");
}

function clearDead(lock: string, aside: string): void {
  const holder = read(lock);
  if (holder === undefined || isAlive(holder)) return;
  try {
    renameSync(lock, aside);
  } catch {
    return; // another one was faster
  }
  if (read(aside) !== holder) tryLink(aside, lock);
  release(aside);
}

function isAlive(holder: string): boolean {
  const [pid, start] = holder.split(" ");
  const number = Number(pid);
  // A lock appears whole: one without a number is what a power cut left of it.
  if (!Number.isInteger(number) || number <= 0) return false;
  try {
    process.kill(number, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return startOf(number) === start;
}

/** When a process started, in ticks since boot; "-" where there is no /proc. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[START_TIME_FIELD] ?? "-";
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
