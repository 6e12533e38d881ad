// Private files that are whole or not there: the vault, and the newest head beside it.
//
// Written under the lock to a new file in the same folder, fsynced, renamed over the old one, and the folder fsynced:
// whenever the machine stops, the name leads to the old bytes or to the new ones.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { X402Error } from "../protocol/errors.ts";
import { removeFile, withLock } from "./lock.ts";
import { assertOurs, assertPrivateFolder } from "./path.ts";

const UNSAFE = "VAULT_UNSAFE_FILE";
const GROUP_OR_OTHERS = 0o077;

/**
 * The bytes of a 0600 file of ours in a 0700 folder of ours, or undefined when it is not there; of a file larger than
 * `limit` only `limit + 1` bytes. Throws VAULT_UNSAFE_FILE.
 */
export function readPrivate(path: string, limit: number): Uint8Array | undefined {
  const absolute = resolve(path);
  try {
    assertPrivateFolder(dirname(absolute), UNSAFE);
    if (lstatSync(absolute).isSymbolicLink()) throw new X402Error(UNSAFE, `${absolute} is a link`);
    // NOFOLLOW: it may have become a link since. NONBLOCK: opening a pipe must not wait.
    const fd = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return using(fd, () => readChecked(fd, absolute, limit));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw unsafe(error, absolute);
  }
}

/**
 * Replaces the file by what `make` returns of its present bytes (undefined when it is not there), in turn with every
 * other writer; when `make` throws nothing is written. Makes the folder if need be.
 * Throws VAULT_BUSY, VAULT_UNSAFE_FILE, VAULT_WRITE.
 */
export function replacePrivate(
  path: string,
  limit: number,
  make: (old: Uint8Array | undefined) => Uint8Array,
): void {
  const absolute = resolve(path);
  const folder = dirname(absolute);
  attempt(() => mkdirSync(folder, { recursive: true, mode: 0o700 }), `${folder} cannot be made, `);
  assertPrivateFolder(folder, UNSAFE);
  attempt(() => {
    withLock(absolute, () => {
      writeWhole(absolute, make(readPrivate(absolute, limit)));
    });
  });
}

function writeWhole(path: string, bytes: Uint8Array): void {
  const fresh = `${path}.new`;
  removeFile(fresh); // left by a writer that was killed; we hold the lock
  const fd = openSync(fresh, "wx", 0o600);
  try {
    using(fd, () => {
      writeFileSync(fd, bytes);
      fsyncSync(fd);
    });
    assertWritten(fresh, bytes);
    renameSync(fresh, path);
  } catch (error) {
    removeFile(fresh);
    throw error;
  }
  syncFolder(dirname(path));
}

/** Nothing takes the place of a good file that does not read as it was written. */
function assertWritten(path: string, bytes: Uint8Array): void {
  const written = readPrivate(path, bytes.length);
  if (written === undefined || Buffer.compare(written, bytes) !== 0) {
    throw new X402Error("VAULT_WRITE", "the disk gave back something else than was written");
  }
}

/** From here on the new file is in its place: who is told of a failure must not believe in the old one. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    using(folder, () => {
      fsyncSync(folder);
    });
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw new X402Error("VAULT_WRITE", `${code}, after it took its place`, {
      hint: UNCONFIRMED,
      cause: error,
    });
  }
}

const UNCONFIRMED =
  "the new one is in its place, but the disk did not confirm it: check it, and the disk, before you rely on it";

function readChecked(fd: number, path: string, limit: number): Uint8Array {
  const stats = fstatSync(fd);
  if (!stats.isFile()) throw new X402Error(UNSAFE, `${path} is not a regular file`);
  assertOurs(path, stats, UNSAFE);
  const mode = stats.mode & 0o777;
  if ((mode & GROUP_OR_OTHERS) !== 0) {
    throw new X402Error(UNSAFE, `${path} has mode ${mode.toString(8)}, not 600`);
  }
  const bytes = new Uint8Array(Math.min(stats.size, limit) + 1);
  let length = 0;
  for (let got = -1; got !== 0 && length < bytes.length; length += got) {
    got = readSync(fd, bytes, length, bytes.length - length, null);
  }
  return bytes.subarray(0, length);
}

function using<T>(fd: number, fn: () => T): T {
  try {
    return fn();
  } finally {
    closeSync(fd);
  }
}

/** What the file system refuses while writing is VAULT_WRITE; our own errors stay what they are. */
function attempt(fn: () => unknown, what = ""): void {
  try {
    fn();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof X402Error || code === undefined) throw error;
    throw new X402Error("VAULT_WRITE", what + code, { cause: error });
  }
}

function unsafe(error: unknown, path: string): unknown {
  const code = codeOf(error);
  if (error instanceof X402Error || code === undefined) return error;
  return new X402Error(UNSAFE, `${path} (${code})`, { cause: error });
}

/** The system's name of an error, such as ENOENT. */
const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : undefined;
