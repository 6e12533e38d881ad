// Opening a role's socket in a folder that this process has locked, and closing it again.
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { type Server, type Socket, createConnection, createServer } from "node:net";
import { X402Error } from "../../protocol/errors.ts";
import { Connection } from "./connection.ts";
import type { Caller, Peer, Role } from "./role.ts";
import { Share } from "./share.ts";

const MAX_CONNECTIONS = 256;
const SWEEP_MS = 5_000;
/** How long a signer that stops waits for clients to read their replies. */
const DRAIN_MS = 2_000;

export interface ListenOptions {
  readonly path: string;
  readonly role: Role;
  /** A connection that finishes no line for so long, and waits for nothing, is closed. */
  readonly idleMs: number;
  /** Asks the kernel who is at the other end of a connected socket's descriptor. */
  readonly peerOf?: ((fd: number) => Peer) | undefined;
}

export interface Listener {
  /** Stops accepting, answers what was accepted, and resolves when every connection is closed: soon, whatever clients do. */
  close(): Promise<void>;
}

/** Listens with mode 0600. Removes a socket that nobody answers on; throws SOCKET_IN_USE for a live one. */
export async function listen({ path, role, idleMs, peerOf }: ListenOptions): Promise<Listener> {
  await removeStale(path);
  const connections = new Set<Connection>();
  const share = new Share();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accept(socket, { role, caller: callerOf(socket, peerOf), share }, connections);
  });
  await listening(server, path);
  chmodSync(path, 0o600);
  const sweep = setInterval(() => {
    for (const connection of connections) connection.closeIfIdleSince(Date.now() - idleMs);
  }, SWEEP_MS).unref();
  return {
    close: () => {
      clearInterval(sweep);
      return closed(server, connections);
    },
  };
}

interface Accepted {
  readonly role: Role;
  readonly caller: Caller;
  readonly share: Share;
}

/** Node keeps the descriptor to itself, and has no other way to ask about it. */
function callerOf(socket: Socket, peerOf: ListenOptions["peerOf"]): Caller {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  return peerOf ? { peer: peerOf(fd) } : {};
}

function accept(socket: Socket, { role, caller, share }: Accepted, connections: Set<Connection>): void {
  if (connections.size >= MAX_CONNECTIONS && !makeRoom(connections)) {
    socket.destroy();
    return;
  }
  const connection = new Connection(socket, role, caller, share, Date.now(), () => {
    connections.delete(connection);
  });
  connections.add(connection);
}

/** Closes the connection that has been idle longest: who only holds connections open must not keep others out. */
function makeRoom(connections: Set<Connection>): boolean {
  let oldest: Connection | undefined;
  for (const other of connections) {
    if (other.isIdle && (!oldest || other.lastActive < oldest.lastActive)) oldest = other;
  }
  if (!oldest) return false;
  connections.delete(oldest); // at once: its "close" comes after others that are accepted in this turn
  oldest.destroy();
  return true;
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays for life: a connection that cannot be accepted (no descriptors left) is not the end of the others.
    server.on("error", (error: NodeJS.ErrnoException) => {
      reject(notListening(path, error.code ?? ""));
    });
    server.listen(path, resolve);
  });
}

function notListening(path: string, code: string): X402Error {
  if (code === "EADDRINUSE") return new X402Error("SOCKET_IN_USE", path);
  // What the kernel says of a path that does not fit into sockaddr_un.
  if (code === "EINVAL" || code === "ENAMETOOLONG")
    return new X402Error("USAGE", `${path} is too long for a socket`);
  return new X402Error("INTERNAL", `${path} (${code})`);
}

function closed(server: Server, connections: Set<Connection>): Promise<void> {
  return new Promise((resolve) => {
    const drained = setTimeout(() => {
      for (const connection of connections) connection.destroy();
    }, DRAIN_MS);
    // Node removes the socket's file with the server.
    server.close(() => {
      clearTimeout(drained);
      resolve();
    });
    for (const connection of connections) connection.finish();
  });
}

/**
 * Whoever holds the folder's lock is the only signer that binds here, so a socket on which nobody listens is a dead
 * one's. Anything that is not a socket is somebody's file and stays.
 */
async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isSocket()) throw new X402Error("SOCKET_IN_USE", `${path} is not a socket`);
  if (!(await isDead(path))) throw new X402Error("SOCKET_IN_USE", path);
  unlinkSync(path);
}

/** Only a refusal says that nobody listens; one that is busy (EAGAIN) or not ours (EACCES) is alive. */
function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "ECONNREFUSED");
    });
  });
}
