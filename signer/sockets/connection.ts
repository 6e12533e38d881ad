// One client. It gets what it asks for in its own time, and harms no other: lines are bounded, so are its requests in
// flight and the replies it leaves unread; past a bound it is not read from until it catches up.
import type { Socket } from "node:net";
import { X402Error } from "../../protocol/errors.ts";
import {
  LineReader,
  MAX_REQUEST_BYTES,
  decodeRequest,
  encodeError,
  encodeNotification,
  encodeResult,
} from "../../protocol/rpc.ts";
import type { RpcId } from "../../protocol/rpc.ts";
import { knownError } from "../ledger/database.ts";
import type { Member } from "./crowd.ts";
import { type Caller, type Peer, type Role, dispatch } from "./role.ts";
import type { Share } from "./share.ts";

// One commit's worth: more of them begun would only be memory.
export const MAX_IN_FLIGHT = 64;
const MAX_UNREAD_BYTES = 256 * 1024;
const MAX_WAITING_LINES = 4096;

const ASCII = /^[\x00-\x7f]*$/;

/** What the connections of one socket have in common. */
export interface Shared {
  readonly role: Role;
  readonly share: Share;
  /** Told of every request that ends in an error, with what was thrown. */
  readonly failed: (error: unknown) => void;
}

export class Connection implements Member {
  readonly peer: Peer | undefined;
  readonly #socket: Socket;
  readonly #shared: Shared;
  readonly #caller: Caller;
  readonly #reader = new LineReader(MAX_REQUEST_BYTES);
  readonly #lines: string[] = [];
  #unsubscribe: (() => void) | undefined;
  #inFlight = 0;
  #outbox = "";
  #paused = false;
  #ended = false;
  #lastActive = Date.now();

  constructor(socket: Socket, peer: Peer | undefined, shared: Shared, done: () => void) {
    this.peer = peer;
    this.#socket = socket;
    this.#shared = shared;
    this.#caller = {
      ...(peer && { peer }),
      subscribe: (ended) => {
        if (this.#unsubscribe)
          throw new X402Error("INVALID_REQUEST", "this connection is subscribed already");
        this.#unsubscribe = ended;
      },
      notify: (method, params) => {
        this.#notify(encodeNotification(method, params));
      },
    };
    socket.on("data", (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on("drain", () => {
      this.#pump();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#closeIfDone();
    });
    socket.on("close", () => {
      // What nobody will hear the answer to is not begun: who comes and goes must not leave work behind.
      this.#lines.length = 0;
      this.#unsubscribe?.();
      done();
    });
  }

  get inFlight(): number {
    return this.#inFlight + this.#lines.length;
  }

  /** Unix ms of the last reply, or of the beginning; an unfinished line does not count. */
  get lastActive(): number {
    return this.#lastActive;
  }

  /** Waits for nothing from the signer. */
  get isIdle(): boolean {
    return this.inFlight === 0 && this.#outbox === "" && !this.#unsubscribe;
  }

  /** Closes a connection that has nothing in flight and has finished no line since `deadline` (unix ms). */
  closeIfIdleSince(deadline: number): void {
    const silent = this.inFlight === 0 && !this.#unsubscribe;
    if (silent && this.#lastActive < deadline) this.#socket.destroy();
    // Replies that nobody reads hold memory: the same deadline.
    if (this.#socket.writableLength > 0 && this.#lastActive < deadline) this.#socket.destroy();
  }

  /** No more requests; closes after the replies to those that were accepted. */
  finish(): void {
    this.#ended = true;
    this.#socket.pause();
    this.#closeIfDone();
  }

  /** Closes at once, with replies unread. */
  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      this.#lines.push(...this.#reader.push(chunk));
      if (this.#lines.length > MAX_WAITING_LINES) throw new X402Error("BUSY");
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#pump();
  }

  /** After this nothing on the connection can be trusted to be a line. */
  #refuse(error: unknown): void {
    this.#shared.failed(error);
    this.#ended = true;
    this.#lines.length = 0;
    this.#socket.pause();
    this.#send(encodeError(null, knownError(error)));
    this.#closeIfDone();
  }

  readonly #resume = (): void => {
    this.#pump();
  };

  #pump(): void {
    while (this.#lines.length > 0 && this.#inFlight < MAX_IN_FLIGHT && !this.#clogged()) {
      if (!this.#shared.share.hasRoom(this.#resume, this.peer?.pid)) break;
      const line = this.#lines.shift();
      if (line !== undefined) void this.#answer(line);
    }
    this.#setPaused(this.#lines.length > 0 || this.#clogged());
    this.#closeIfDone();
  }

  #clogged(): boolean {
    return this.#socket.writableLength + this.#outbox.length > MAX_UNREAD_BYTES;
  }

  #setPaused(paused: boolean): void {
    if (paused === this.#paused || this.#ended) return;
    this.#paused = paused;
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  async #answer(line: string): Promise<void> {
    let id: RpcId | null = null;
    this.#inFlight += 1;
    this.#shared.share.take();
    try {
      const request = decodeRequest(line);
      id = request.id;
      this.#send(encodeResult(id, await dispatch(this.#shared.role, request, this.#caller)));
    } catch (error) {
      this.#shared.failed(error);
      this.#send(encodeError(id, knownError(error)));
    }
    this.#inFlight -= 1;
    this.#shared.share.give();
    // Whoever waits for this reply alone need not wait for the event loop to turn.
    if (this.#inFlight === 0) this.#flush();
    if (this.#lines.length > 0 || this.#ended) this.#pump();
  }

  /** Replies that are ready in the same turn leave in one write. */
  #send(line: string): void {
    this.#lastActive = Date.now();
    if (this.#outbox === "")
      setImmediate(() => {
        this.#flush();
      });
    this.#outbox += line;
  }

  #notify(line: string): void {
    if (this.#clogged()) this.#socket.destroy();
    else if (!this.#socket.destroyed) this.#send(line);
  }

  #flush(): void {
    if (this.#outbox === "") return;
    // Nearly every reply is ASCII, which needs no conversion.
    const encoding = ASCII.test(this.#outbox) ? "latin1" : "utf8";
    if (!this.#socket.destroyed) this.#socket.write(this.#outbox, encoding);
    this.#outbox = "";
    this.#pump();
  }

  #closeIfDone(): void {
    // Not end(): a client that keeps its own side open would keep the connection, and a signer that wants to stop.
    if (this.#ended && this.inFlight === 0 && this.#outbox === "") this.#socket.destroySoon();
  }
}
