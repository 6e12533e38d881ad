// A connection to the signer: JSON-RPC over a Unix socket, many calls at once.
import { type Socket, createConnection } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { z } from "zod";
import { X402Error } from "../protocol/errors.ts";
import {
  AGENT_METHODS,
  type AgentMethod,
  OBSERVER_METHODS,
  type ObserverMethod,
  DESK_METHODS,
  type DeskMethod,
  OPERATOR_METHODS,
  type OperatorMethod,
} from "../protocol/methods.ts";
import { LineReader, MAX_REPLY_BYTES, decodeReply, encodeRequest } from "../protocol/rpc.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export interface SignerConnection {
  /** The result as it came; agentCall and operatorCall validate it. Rejects with X402Error. */
  call(method: string, params: object): Promise<unknown>;
  /** False once the socket is gone; calls then reject with SIGNER_UNREACHABLE. */
  readonly open: boolean;
  close(): void;
}

/** How long a full queue of connections is waited for, and how often it is tried meanwhile. */
const QUEUE_MS = 5_000;
const RETRY_MS = 25;

/**
 * Connects to a signer's socket. Rejects with SIGNER_UNREACHABLE when nobody listens there. `assertListener` gets the
 * socket's descriptor before anything is sent, and throws if who listens is not to be trusted.
 */
export async function connectSigner(
  path: string,
  assertListener?: (fd: number) => void,
): Promise<SignerConnection> {
  const deadline = Date.now() + QUEUE_MS;
  for (;;) {
    try {
      return await connectOnce(path, assertListener);
    } catch (error) {
      // Others wait to be let in, more than the kernel keeps: connect(2).
      const isFull = (error as NodeJS.ErrnoException).code === "EAGAIN" && Date.now() < deadline;
      if (!isFull)
        throw error instanceof X402Error ? error : unreachable(path, error as NodeJS.ErrnoException);
    }
    await setTimeout(RETRY_MS);
  }
}

const unreachable = (path: string, { code = "error" }: NodeJS.ErrnoException): X402Error =>
  code === "EACCES" || code === "EPERM"
    ? new X402Error("SIGNER_UNREACHABLE", `this user may not open ${path} (${code})`, { hint: NOT_A_MEMBER })
    : new X402Error("SIGNER_UNREACHABLE", `${path} (${code})`);

const NOT_A_MEMBER =
  "use the signer's own user; for a service, join the group of the role (x402-operators, x402-desk, ...) and log in again";

function connectOnce(path: string, assertListener?: (fd: number) => void): Promise<SignerConnection> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      try {
        // Node keeps the descriptor to itself, and has no other way to ask about it.
        assertListener?.((socket as unknown as { _handle: { fd: number } })._handle.fd);
        resolve(new Connection(socket));
      } catch (error) {
        socket.destroy();
        reject(error instanceof Error ? error : new X402Error("INTERNAL"));
      }
    });
  });
}

/** Calls an agent's method and validates the result. */
export async function agentCall<M extends AgentMethod>(
  connection: SignerConnection,
  method: M,
  params: z.input<(typeof AGENT_METHODS)[M]["params"]>,
): Promise<z.output<(typeof AGENT_METHODS)[M]["result"]>> {
  const result = AGENT_METHODS[method].result.safeParse(await connection.call(method, params));
  return validated(result, method) as z.output<(typeof AGENT_METHODS)[M]["result"]>;
}

/** Calls an operator's method and validates the result. */
export async function operatorCall<M extends OperatorMethod>(
  connection: SignerConnection,
  method: M,
  params: z.input<(typeof OPERATOR_METHODS)[M]["params"]>,
): Promise<z.output<(typeof OPERATOR_METHODS)[M]["result"]>> {
  const result = OPERATOR_METHODS[method].result.safeParse(await connection.call(method, params));
  return validated(result, method) as z.output<(typeof OPERATOR_METHODS)[M]["result"]>;
}

/** Calls a desk's method and validates the result. */
export async function deskCall<M extends DeskMethod>(
  connection: SignerConnection,
  method: M,
  params: z.input<(typeof DESK_METHODS)[M]["params"]>,
): Promise<z.output<(typeof DESK_METHODS)[M]["result"]>> {
  const result = DESK_METHODS[method].result.safeParse(await connection.call(method, params));
  return validated(result, method) as z.output<(typeof DESK_METHODS)[M]["result"]>;
}

/** Calls an observer's method and validates the result. */
export async function observerCall<M extends ObserverMethod>(
  connection: SignerConnection,
  method: M,
  params: z.input<(typeof OBSERVER_METHODS)[M]["params"]>,
): Promise<z.output<(typeof OBSERVER_METHODS)[M]["result"]>> {
  const result = OBSERVER_METHODS[method].result.safeParse(await connection.call(method, params));
  return validated(result, method) as z.output<(typeof OBSERVER_METHODS)[M]["result"]>;
}

function validated(result: { success: boolean; data?: unknown }, method: string): unknown {
  if (!result.success) throw new X402Error("INTERNAL", `the signer's answer to ${method} has another shape`);
  return result.data;
}

class Connection implements SignerConnection {
  readonly #socket: Socket;
  readonly #reader = new LineReader(MAX_REPLY_BYTES);
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #outbox = "";
  /** Why the connection ended, when the signer said so. */
  #reason: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on("error", () => undefined); // "close" follows and tells every caller
    socket.on("close", () => {
      this.#failAll(this.#gone());
    });
    // An idle connection keeps no process alive; a call in flight does.
    socket.unref();
  }

  get open(): boolean {
    return !this.#socket.destroyed;
  }

  call(method: string, params: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject(this.#gone());
        return;
      }
      const id = this.#nextId++;
      if (this.#waiting.size === 0) this.#socket.ref();
      this.#waiting.set(id, { resolve, reject });
      this.#send(encodeRequest(id, method, params));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Calls made in the same tick leave in one write. */
  #send(line: string): void {
    if (this.#outbox === "") {
      queueMicrotask(() => {
        this.#socket.write(this.#outbox);
        this.#outbox = "";
      });
    }
    this.#outbox += line;
  }

  #receive(chunk: Buffer): void {
    try {
      for (const line of this.#reader.push(chunk)) this.#settle(line);
    } catch (error) {
      this.#reason = error as Error;
      this.#failAll(this.#reason);
      this.#socket.destroy();
    }
  }

  #gone(): Error {
    return this.#reason ?? new X402Error("SIGNER_UNREACHABLE", "the connection was closed");
  }

  #settle(line: string): void {
    const reply = decodeReply(line);
    // A reply without an id answers a line that could not be read: no call of ours can be told apart any more.
    if (reply.id === null)
      throw "error" in reply ? reply.error : new X402Error("INTERNAL", "a reply without an id");
    const waiting = this.#waiting.get(Number(reply.id));
    if (!waiting) return;
    this.#waiting.delete(Number(reply.id));
    if (this.#waiting.size === 0) this.#socket.unref();
    if ("error" in reply) waiting.reject(reply.error);
    else waiting.resolve(reply.result);
  }

  #failAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
