// Who else can reach a path? The answer for the vault and for the signer's socket.
//
// Walked from the root, name by name: nothing is a link, no folder can be written by another user, unless it is sticky
// as /tmp is, where others cannot rename or remove what is ours. Not covered: access lists, and what root does.
import { type Stats, lstatSync } from "node:fs";
import { dirname, join, parse, relative, resolve, sep } from "node:path";
import { type Code, X402Error } from "../protocol/errors.ts";

const GROUP_OR_OTHERS_WRITE = 0o022;
const GROUP_OR_OTHERS = 0o077;
const STICKY = 0o1000;

/** The user whose files we trust besides root's. */
export const ownUid = (): number => process.geteuid?.() ?? -1;

/** `path` and the folders above it, from the root on. */
export function chain(path: string): string[] {
  const absolute = resolve(path);
  const { root } = parse(absolute);
  const names = relative(root, absolute).split(sep).filter(Boolean);
  return names.reduce((paths, name) => [...paths, join(paths.at(-1) ?? root, name)], [root]);
}

/** No link in `path`, and no folder above it that others could change. Throws `code`; ENOENT passes through. */
export function assertOwnPath(path: string, code: Code): void {
  const folders = chain(dirname(resolve(path)));
  for (const folder of folders) assertFolder(folder, lstatSync(folder), code);
  if (lstatSync(path).isSymbolicLink()) throw new X402Error(code, `${path} is a link`);
}

/**
 * No link above `path` and no folder above it that others could change, as far as they are there: for a path that is
 * still to be made. Throws `code`.
 */
export function assertOwnWay(path: string, code: Code): void {
  for (const folder of chain(dirname(resolve(path)))) {
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (stats === undefined) return;
    assertFolder(folder, stats, code);
  }
}

/** A folder of ours that no one else may even list. Throws `code`; ENOENT passes through. */
export function assertPrivateFolder(folder: string, code: Code): void {
  assertOwnPath(folder, code);
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw new X402Error(code, `${folder} is not a folder`);
  assertOurs(folder, stats, code);
  const mode = stats.mode & 0o777;
  if ((mode & GROUP_OR_OTHERS) !== 0)
    throw new X402Error(code, `${folder} has mode ${mode.toString(8)}, not 700`);
}

export function assertOurs(path: string, stats: Stats, code: Code): void {
  if (stats.uid !== ownUid())
    throw new X402Error(code, `${path} belongs to user ${stats.uid}, not to ${ownUid()}`);
}

function assertFolder(folder: string, stats: Stats, code: Code): void {
  if (stats.isSymbolicLink()) throw new X402Error(code, `${folder} is a link`);
  if (!stats.isDirectory()) throw new X402Error(code, `${folder} is not a folder`);
  if (stats.uid !== 0) assertOurs(folder, stats, code);
  if ((stats.mode & GROUP_OR_OTHERS_WRITE) !== 0 && (stats.mode & STICKY) === 0) {
    throw new X402Error(code, `others may write to ${folder}`);
  }
}
