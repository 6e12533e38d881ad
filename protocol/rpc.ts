// JSON-RPC 2.0, UTF-8, one message a line. Pure: bytes in, messages out.
import { isUtf8 } from "node:buffer";
import { z } from "zod";
import { type Code, X402Error, entryOf, isCode } from "./errors.ts";
import { type Json, parseJson } from "./json.ts";

/** A request line longer than this ends the connection: nothing after it can be trusted to be a boundary. */
export const MAX_REQUEST_BYTES = 64 * 1024;
/**
 * Replies may be longer: a page of history, an audit page. The last of those carries every counter, and an agent that
 * pays thousands of payees makes thousands of them: it must not make the record unreadable.
 */
export const MAX_REPLY_BYTES = 64 * 1024 * 1024;

export type RpcId = string | number;

const idSchema = z.union([z.string().max(64), z.int()]);

const requestSchema = z.strictObject({
  jsonrpc: z.literal("2.0"),
  id: idSchema,
  method: z.string().max(64),
  params: z.record(z.string(), z.unknown()).optional(),
});

export interface RpcRequest {
  id: RpcId;
  method: string;
  params: unknown;
}

/** One request from one line. Throws INVALID_REQUEST; a batch (an array) and a notification (no id) are refused. */
export function decodeRequest(line: string): RpcRequest {
  const parsed = requestSchema.safeParse(parseJson(line));
  if (!parsed.success) throw new X402Error("INVALID_REQUEST", "not a JSON-RPC 2.0 request with an id");
  const { id, method, params } = parsed.data;
  return { id, method, params: params ?? {} };
}

export const encodeRequest = (id: RpcId, method: string, params: unknown): string =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;

export const encodeResult = (id: RpcId, result: unknown): string =>
  `${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`;

/** From the signer to a subscriber: JSON-RPC 2.0, section 4.1. */
export const encodeNotification = (method: string, params: object): string =>
  `${JSON.stringify({ jsonrpc: "2.0", method, params })}\n`;

/** JSON-RPC's own numbers for its own failures (specification, section 5.1), -32000 for everything else. */
function rpcNumber(code: Code): number {
  if (code === "METHOD_NOT_FOUND") return -32601;
  if (code === "INVALID_REQUEST" || code === "LINE_TOO_LONG") return -32600;
  return -32000;
}

export function encodeError(id: RpcId | null, error: X402Error): string {
  const { code, retryable, hint, message } = error;
  return `${JSON.stringify({ jsonrpc: "2.0", id, error: { code: rpcNumber(code), message, data: { code, retryable, hint } } })}\n`;
}

const replySchema = z.object({
  jsonrpc: z.literal("2.0"),
  id: idSchema.nullable(),
  result: z.unknown().optional(),
  error: z
    .object({
      code: z.number(),
      message: z.string(),
      data: z.object({ code: z.string(), hint: z.string().optional() }).optional(),
    })
    .optional(),
});

export type RpcReply = { id: RpcId | null; result: Json } | { id: RpcId | null; error: X402Error };

/** One reply from one line; an unknown error code, from a newer signer, becomes INTERNAL with its message. */
export function decodeReply(line: string): RpcReply {
  const parsed = replySchema.safeParse(parseJson(line, "reply", 64));
  if (!parsed.success) throw new X402Error("INTERNAL", "the reply is not JSON-RPC 2.0");
  const { id, result, error } = parsed.data;
  if (!error) return { id, result: (result ?? null) as Json };
  const code = isCode(error.data?.code) ? error.data.code : "INTERNAL";
  return { id, error: remoteError(code, error.message, error.data?.hint) };
}

function remoteError(code: Code, message: string, hint: string | undefined): X402Error {
  const error = new X402Error(code, undefined, hint === undefined ? {} : { hint });
  // The signer's message says more than the table's text, and is not a seller's.
  if (message.startsWith(entryOf(code).text)) error.message = message;
  return error;
}

/** Cuts a byte stream into lines of at most `max` bytes. Throws LINE_TOO_LONG, and INVALID_REQUEST on bad UTF-8. */
export class LineReader {
  // One buffer that grows: a line that comes byte by byte must not cost an object for each byte.
  #pending = Buffer.alloc(0);
  #length = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes of an unfinished line that are kept. */
  get pendingBytes(): number {
    return this.#length;
  }

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      lines.push(this.#line(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  #line(tail: Buffer): string {
    if (this.#length === 0 && tail.length <= this.#max) return decodeUtf8(tail);
    this.#keep(tail);
    const bytes = this.#pending.subarray(0, this.#length);
    this.#pending = Buffer.alloc(0);
    this.#length = 0;
    return decodeUtf8(bytes);
  }

  #keep(part: Buffer): void {
    const length = this.#length + part.length;
    if (length > this.#max) throw new X402Error("LINE_TOO_LONG");
    if (length > this.#pending.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#pending.length));
      this.#pending.copy(larger, 0, 0, this.#length);
      this.#pending = larger;
    }
    part.copy(this.#pending, this.#length);
    this.#length = length;
  }
}

function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new X402Error("INVALID_REQUEST", "not UTF-8");
  return bytes.toString("utf8");
}
