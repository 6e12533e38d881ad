// A client without manners: it sends any bytes, and keeps every byte that comes back.
import { once } from "node:events";
import { type Socket, createConnection } from "node:net";
import { X402Error } from "../../protocol/errors.ts";

export interface RawReply {
  id: string | number | null;
  result?: unknown;
  error?: { code: number; message: string; data: { code: string; retryable: boolean; hint: string } };
}

export class RawClient {
  readonly socket: Socket;
  /** Everything that was received. */
  text = "";
  readonly closed: Promise<void>;
  readonly #replies: RawReply[] = [];
  #wake: () => void = () => undefined;
  #rest = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        resolve();
        this.#wake();
      });
    });
    socket.on("error", () => undefined); // "close" follows
    socket.setEncoding("utf8");
  }

  /** Reads what comes, unless `deaf`. `halfOpen` keeps its own side open when the signer ends. */
  static async connect(path: string, { deaf = false, halfOpen = false } = {}): Promise<RawClient> {
    const socket = createConnection({ path, allowHalfOpen: halfOpen });
    const client = new RawClient(socket);
    await once(socket, "connect");
    if (deaf) socket.pause();
    else {
      socket.on("data", (text: string) => {
        client.#receive(text);
      });
    }
    return client;
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  send(id: RawReply["id"], method: string, params?: unknown): void {
    this.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  }

  /** The next reply. Throws SIGNER_UNREACHABLE when the connection closed before it came. */
  async reply(): Promise<RawReply> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply) return reply;
      if (this.socket.destroyed) throw new X402Error("SIGNER_UNREACHABLE");
      const { promise, resolve } = Promise.withResolvers<undefined>();
      this.#wake = () => {
        resolve(undefined);
      };
      await promise;
    }
  }

  /** What the signer answers to one line, which must not hold a line break. */
  async ask(line: string | Uint8Array): Promise<RawReply> {
    this.write(line);
    this.write("\n");
    return await this.reply();
  }

  /** Everything from here to the end of the connection. */
  async rest(): Promise<RawReply[]> {
    await this.closed;
    return this.#replies.splice(0);
  }

  close(): void {
    this.socket.destroy();
  }

  #receive(text: string): void {
    this.text += text;
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#replies.push(JSON.parse(line) as RawReply);
    this.#wake();
  }
}
