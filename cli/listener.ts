// Who listens on the operator's socket? Asked before anything is sent there or believed.
//
// A personal signer's socket is ours: no link in the path, no folder above it that others may write, and the file made
// by us. A service's is root's from the root down, because systemd makes it. And on the connected socket the kernel
// names the listener: ourselves, root, or the service's user. Of two processes of the same user nobody can tell which
// is the signer; unlock says so.
import { lstatSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { X402Error } from "../protocol/errors.ts";
import { SERVICE_USER } from "../protocol/places.ts";
import { assertOurs, assertOwnPath, chain, ownUid } from "../vault/path.ts";
import { listenerUid } from "./peer.ts";

const ROOT = 0;

/**
 * Throws LISTENER_UNTRUSTED, or SIGNER_UNREACHABLE when there is no socket at all. Returns what to ask about the
 * descriptor of the connected socket; it throws LISTENER_UNTRUSTED.
 */
export function assertListener(socket: string): (fd: number) => void {
  try {
    assertOwnPath(socket, "LISTENER_UNTRUSTED");
    const stats = lstatSync(socket);
    if (!stats.isSocket()) throw new X402Error("LISTENER_UNTRUSTED", `${socket} is not a socket`);
    const isService = stats.uid === ROOT;
    if (isService) assertRootsPath(socket);
    else assertOurs(socket, stats, "LISTENER_UNTRUSTED");
    return (fd) => {
      assertUid(socket, listenerUid(fd), isService);
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new X402Error("SIGNER_UNREACHABLE", socket);
  }
}

function assertRootsPath(socket: string): void {
  const foreign = chain(dirname(socket)).find((folder) => lstatSync(folder).uid !== ROOT);
  if (foreign !== undefined)
    throw new X402Error("LISTENER_UNTRUSTED", `${socket} is root's and ${foreign} is not`);
}

/** Where the kernel cannot be asked, the file system's word has to do. */
function assertUid(socket: string, uid: number | undefined, isService: boolean): void {
  if (uid === undefined || uid === ROOT || uid === (isService ? serviceUid() : ownUid())) return;
  const who = isService ? `which is not ${SERVICE_USER}` : `not ${ownUid()}`;
  throw new X402Error("LISTENER_UNTRUSTED", `user ${uid} listens on ${socket}, ${who}`);
}

/** sysusers.d makes it a user of this machine, so that no directory on the network has a say in who it is. */
function serviceUid(): number | undefined {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const fields = lines.map((line) => line.split(":")).find(([name]) => name === SERVICE_USER);
  return fields && Number(fields[2]);
}
