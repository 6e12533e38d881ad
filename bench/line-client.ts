// The least that speaks to the signer: one line out, one line back, matched by order of id. It costs little enough to
// leave the signer's own time in the figures; the client's is another matter.
import { type Socket, createConnection } from "node:net";
import { encodeRequest } from "../protocol/rpc.ts";

export class LineClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (line: string) => void>();
  #next = 1;
  #rest = "";
  #outbox = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      this.#receive(chunk);
    });
  }

  static connect(path: string): Promise<LineClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path, () => {
        resolve(new LineClient(socket));
      }).once("error", reject);
    });
  }

  /** The reply's line. */
  call(method: string, params: object): Promise<string> {
    const id = this.#next++;
    if (this.#outbox === "") {
      queueMicrotask(() => {
        this.#socket.write(this.#outbox);
        this.#outbox = "";
      });
    }
    this.#outbox += encodeRequest(id, method, params);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: string): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const id = Number(/^\{"jsonrpc":"2.0","id":(\d+)/.exec(line)?.[1]);
      this.#waiting.get(id)?.(line);
      this.#waiting.delete(id);
    }
  }
}
