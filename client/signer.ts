// A connection to the signer: JSON-RPC over a Unix socket, many calls at once.
import { type Socket, createConnection } from "node:net";
import type { z } from "zod";
import { X402Error } from "../protocol/errors.ts";
import {
  AGENT_METHODS,
  type AgentMethod,
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

/** Connects to a signer's socket. Rejects with SIGNER_UNREACHABLE when nobody listens there. */
export function connectSigner(path: string): Promise<SignerConnection> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once("error", (error: NodeJS.ErrnoException) => {
      reject(new X402Error("SIGNER_UNREACHABLE", `${path} (${error.code ?? "error"})`));
    });
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(new Connection(socket));
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

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on("error", () => undefined); // "close" follows and tells every caller
    socket.on("close", () => {
      this.#failAll(new X402Error("SIGNER_UNREACHABLE", "the connection was closed"));
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
        reject(new X402Error("SIGNER_UNREACHABLE", "the connection was closed"));
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
      this.#failAll(error as Error);
      this.#socket.destroy();
    }
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
