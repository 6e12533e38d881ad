// Opening a role's socket, in a folder that this process has locked or as it was handed to it, and closing it again.
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { type Server, type Socket, createConnection, createServer } from "node:net";
import { X402Error } from "../../protocol/errors.ts";
import { encodeError } from "../../protocol/rpc.ts";
import { Connection, type Shared } from "./connection.ts";
import { Crowd, MAX_HELD } from "./crowd.ts";
import type { Peer, Role } from "./role.ts";
import { Share } from "./share.ts";

const BACKLOG = 4096;
const SWEEP_MS = 5_000;
/** How long a connection that is not let in stays open. */
const HELD_MS = 1_000;
/** How long a signer that stops waits for clients to read their replies. */
const DRAIN_MS = 2_000;

export interface ListenOptions {
  /** Of the socket to make, with mode 0600; or the descriptor of one that somebody else listens on for us. */
  readonly on: { readonly path: string } | { readonly fd: number };
  readonly role: Role;
  /** A connection that finishes no line for so long, and waits for nothing, is closed. */
  readonly idleMs: number;
  readonly maxConnections: number;
  /** Asks the kernel who is at the other end of a connected socket's descriptor. */
  readonly peerOf?: ((fd: number) => Peer) | undefined;
  readonly watch: Watch;
}

/** Told of what happens on one socket, to log and to count it. */
export interface Watch {
  opened(): void;
  closed(): void;
  /** A connection that the role does not admit was closed. */
  refused(peer: Peer | undefined): void;
  /** A connection was closed because there are too many. */
  crowded(): void;
  /** A request ended in an error: what was thrown. */
  failed(error: unknown): void;
}

export interface Listener {
  /** Stops accepting, answers what was accepted, and resolves when every connection is closed: soon, whatever clients do. */
  close(): Promise<void>;
}

/** Removes a socket that nobody answers on; throws SOCKET_IN_USE for a live one. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { on, role, idleMs, maxConnections, watch } = options;
  if ("path" in on) await removeStale(on.path);
  const crowd = new Crowd<Connection>(maxConnections);
  const shared = {
    role,
    share: new Share(() => crowd.isDense),
    failed: (error: unknown) => {
      watch.failed(error);
    },
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accept(socket, options, shared, crowd);
  });
  await listening(server, on);
  if ("path" in on) chmodSync(on.path, 0o600);
  const sweep = setInterval(() => {
    for (const connection of crowd) connection.closeIfIdleSince(Date.now() - idleMs);
  }, SWEEP_MS).unref();
  return {
    close: () => {
      clearInterval(sweep);
      return closed(server, crowd);
    },
  };
}

function accept(
  socket: Socket,
  { peerOf, watch }: ListenOptions,
  shared: Shared,
  crowd: Crowd<Connection>,
): void {
  socket.on("error", () => undefined); // "close" follows
  const caller = peerOf && peerOfSocket(socket, peerOf);
  if (peerOf && !caller) {
    socket.destroy(); // gone already, or the kernel does not say: nobody
    return;
  }
  if (shared.role.admits?.(caller) === false) {
    watch.refused(caller);
    refuse(socket, crowd);
    return;
  }
  if (!crowd.hasRoomFor(caller)) {
    watch.crowded();
    hold(socket, crowd);
    return;
  }
  const connection = new Connection(socket, caller, shared, () => {
    crowd.delete(connection);
    watch.closed();
  });
  crowd.add(connection);
  watch.opened();
}

/**
 * Says why, and reads what comes until the caller has heard it: closed with something unread, the kernel would drop the
 * answer.
 */
function refuse(socket: Socket, crowd: Crowd<Connection>): void {
  hold(socket, crowd);
  socket.resume();
  socket.end(encodeError(null, new X402Error("CALLER_NOT_ALLOWED")));
}

/** Closes it in a while, so that who comes back at once does not keep the door busy; the many that come, at once. */
function hold(socket: Socket, crowd: Crowd<Connection>): void {
  if (crowd.held >= MAX_HELD) {
    socket.destroy();
    return;
  }
  crowd.held += 1;
  const patience = setTimeout(() => socket.destroy(), HELD_MS);
  socket.once("close", () => {
    clearTimeout(patience);
    crowd.held -= 1;
  });
}

/** Node keeps the descriptor to itself, and has no other way to ask about it. */
function peerOfSocket(socket: Socket, peerOf: (fd: number) => Peer): Peer | undefined {
  try {
    return peerOf((socket as unknown as { _handle: { fd: number } })._handle.fd);
  } catch {
    return undefined;
  }
}

function listening(server: Server, on: ListenOptions["on"]): Promise<void> {
  const name = "path" in on ? on.path : `descriptor ${on.fd}`;
  return new Promise((resolve, reject) => {
    // Stays for life: a connection that cannot be accepted (no descriptors left) is not the end of the others.
    server.on("error", (error: NodeJS.ErrnoException) => {
      reject(notListening(name, error.code ?? ""));
    });
    server.listen({ ...on, backlog: BACKLOG }, resolve);
  });
}

function notListening(path: string, code: string): X402Error {
  if (code === "EADDRINUSE") return new X402Error("SOCKET_IN_USE", path);
  // What the kernel says of a path that does not fit into sockaddr_un.
  if (code === "EINVAL" || code === "ENAMETOOLONG")
    return new X402Error("USAGE", `${path} is too long for a socket`);
  return new X402Error("INTERNAL", `${path} (${code})`);
}

function closed(server: Server, connections: Iterable<Connection>): Promise<void> {
  return new Promise((resolve) => {
    const drained = setTimeout(() => {
      for (const connection of connections) connection.destroy();
    }, DRAIN_MS);
    // Node removes the file of a socket that it has made with the server.
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
