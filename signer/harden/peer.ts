// Who is at the other end of a Unix socket: SO_PEERCRED, unix(7). The kernel noted it when the connection was made.
import { closeSync } from "node:fs";
import { X402Error } from "../../protocol/errors.ts";
import type { Peer } from "../sockets/role.ts";
import { bindLibc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid. */
const UCRED_BYTES = 12;
/** (uid_t) -1: the kernel does not know. */
const NOBODY = 0xffff_ffff;

/**
 * Asks the kernel about the descriptor of a connected Unix socket; throws INTERNAL when it does not say, and then the
 * connection must be refused. Undefined where it cannot be asked: proved by asking about ourselves.
 */
export function peerCredentials(): ((fd: number) => Peer) | undefined {
  const libc = bindLibc({
    getsockopt: { return: "i32", arguments: ["i32", "i32", "i32", "pointer", "pointer"] },
    socketpair: { return: "i32", arguments: ["i32", "i32", "i32", "pointer"] },
  });
  if (!libc) return undefined;
  const { getsockopt, socketpair } = libc.functions;
  const { words, address } = libc.allocate(24);
  const lengthAddress = address + 16n;
  const peerOf = (fd: number): Peer => {
    words.set([0, NOBODY, NOBODY, 0, UCRED_BYTES]);
    const failed = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, address, lengthAddress);
    const [pid = 0, uid = NOBODY, gid = NOBODY, , length] = words;
    if (failed !== 0 || length !== UCRED_BYTES || uid === NOBODY)
      throw new X402Error("INTERNAL", "the kernel does not say who calls");
    return { pid, uid, gid };
  };
  if (socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, address) !== 0) return undefined;
  return isOurselves(peerOf, words.slice(0, 2)) ? peerOf : undefined;
}

function isOurselves(peerOf: (fd: number) => Peer, pair: Uint32Array): boolean {
  try {
    const { pid, uid, gid } = peerOf(pair[0] ?? NOBODY);
    return pid === process.pid && uid === process.geteuid?.() && gid === process.getegid?.();
  } catch {
    return false;
  } finally {
    for (const fd of pair) closeSync(fd);
  }
}
