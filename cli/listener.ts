// Who listens on the operator's socket? Asked of the file system before anything is sent there or believed.
//
// No link in the path, no folder above it that others may write, a socket, and ours. It says who made the socket's
// file, not which process answers: that is the kernel's to say (SO_PEERCRED). And of two processes of the same user
// neither this nor the kernel can tell which is the signer; unlock says so.
import { lstatSync } from "node:fs";
import { X402Error } from "../protocol/errors.ts";
import { assertOurs, assertOwnPath } from "../vault/path.ts";

/** Throws LISTENER_UNTRUSTED, or SIGNER_UNREACHABLE when there is no socket at all. */
export function assertOwnListener(socket: string): void {
  try {
    assertOwnPath(socket, "LISTENER_UNTRUSTED");
    const stats = lstatSync(socket);
    if (!stats.isSocket()) throw new X402Error("LISTENER_UNTRUSTED", `${socket} is not a socket`);
    assertOurs(socket, stats, "LISTENER_UNTRUSTED");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new X402Error("SIGNER_UNREACHABLE", socket);
  }
}
