// Giving up, for good, what the permission model granted for the start: nodejs.org/api/permissions.html.
import { folderGrants } from "./flags.ts";

const SCOPES = ["net", "child", "worker", "addon", "wasi", "inspector", "ffi", "openssl.store"];

/** Leaves reading and writing in the state folder. What is open stays open: sockets, the database, bound functions. */
export function dropRights(home: string): void {
  const { permission } = process as Partial<Pick<NodeJS.Process, "permission">>;
  if (!permission) return;
  for (const scope of SCOPES) permission.drop(scope);
  const kept = folderGrants(home);
  for (const flag of process.execArgv.filter((given) => !kept.includes(given))) {
    const [, act, path] = /^--allow-fs-(read|write)=(.*)$/s.exec(flag) ?? [];
    // By the very words that it was granted by.
    if (act !== undefined && path !== undefined) permission.drop(`fs.${act}`, path);
  }
}
