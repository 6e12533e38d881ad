// One HTTP endpoint that tells of a chain, and may be slow, down, or lie: every request has an end, every answer a size, and
// nothing that it says gets into a message of ours.
import { z } from "zod";
import { X402Error } from "../../protocol/errors.ts";
import { discard, readAtMost } from "../http/body.ts";

/** A wallet with some ten thousand outputs has a longer list than this. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Why an endpoint gave nothing that can be used. The text is ours, and holds no URL, key or answer. */
export class EndpointFailed extends Error {
  override readonly name = "EndpointFailed";
  /** False when the same question gets the same answer. */
  readonly passing: boolean;

  constructor(message: string, passing = true) {
    super(message);
    this.passing = passing;
  }
}

export interface EndpointOptions {
  timeoutMs: number;
  /** Where keys go: a header is not followed to another host, and in no message. */
  headers?: Readonly<Record<string, string>>;
}

export class Endpoint {
  /** Scheme, host and port: the path and the query may hold a key. */
  readonly origin: string;
  readonly timeoutMs: number;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** Throws USAGE for a URL that is neither https nor of this machine. */
  constructor(url: string, { timeoutMs, headers = {} }: EndpointOptions) {
    const parsed = URL.parse(url);
    const isSafe =
      parsed?.protocol === "https:" || (parsed?.protocol === "http:" && LOOPBACK.test(parsed.hostname));
    if (!parsed || !isSafe || parsed.username !== "" || parsed.password !== "") {
      const hint = "https, or http on this machine; a user and password go into no URL";
      throw new X402Error("USAGE", "context: a URL cannot be used", { hint });
    }
    this.origin = parsed.origin;
    this.timeoutMs = timeoutMs;
    this.#url = parsed.href;
    this.#headers = headers;
  }

  /** What it answers to a GET, or to a POST when there is a body; undefined when it knows no such thing (404). */
  async ask(path: string, { query = {}, body }: { query?: object; body?: object } = {}): Promise<unknown> {
    const url = new URL(this.#url);
    if (path !== "") url.pathname = url.pathname.replace(/\/+$/, "") + path;
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value));
    try {
      return await this.#request(url, body);
    } catch (error) {
      if (error instanceof EndpointFailed) throw error;
      const late = error instanceof Error && error.name === "TimeoutError";
      throw new EndpointFailed(late ? "is too slow" : "cannot be reached");
    }
  }

  async #request(url: URL, body: object | undefined): Promise<unknown> {
    const response = await fetch(url, {
      headers: { accept: "application/json", ...this.#headers, ...(body && JSON_BODY) },
      ...(body && { method: "POST", body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(this.timeoutMs),
      redirect: "error", // It would be another endpoint than the one that was named.
    });
    if (response.status === 200) return readJson(response);
    discard(response);
    if (response.status === 404) return undefined;
    const { status } = response;
    throw new EndpointFailed(
      `answers with HTTP ${status}`,
      status >= 500 || status === 429 || status === 408,
    );
  }
}

const JSON_BODY = { "content-type": "application/json" };

async function readJson({ body }: Response): Promise<unknown> {
  const bytes = body === null ? new Uint8Array() : await readAtMost(body, MAX_ANSWER_BYTES + 1);
  if (bytes.byteLength > MAX_ANSWER_BYTES) throw new EndpointFailed("answers without end", false);
  try {
    return parseExactly(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new EndpointFailed("answers with something that is not JSON");
  }
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** An integer that a number cannot hold exactly, as its decimal text: quantities go up to 2^64. */
const exactly: Reviver = (_, value, { source }) =>
  typeof value === "number" && !Number.isSafeInteger(value) && source !== undefined && /^[0-9]+$/.test(source)
    ? source
    : value;

const parseExactly = (text: string): unknown =>
  /[0-9]{16}/.test(text) ? JSON.parse(text, exactly as Parameters<typeof JSON.parse>[1]) : JSON.parse(text);

const rpcSchema = z.object({ result: z.unknown(), error: z.unknown().optional() });

/** The result of a JSON-RPC 2.0 method, unread. */
export async function rpc(endpoint: Endpoint, method: string, params: unknown): Promise<unknown> {
  const answer = await endpoint.ask("", { body: { jsonrpc: "2.0", id: 1, method, params } });
  const read = rpcSchema.safeParse(answer);
  if (!read.success || read.data.error !== undefined || read.data.result === undefined)
    throw new EndpointFailed(`has no answer to ${method}`);
  return read.data.result;
}

/** A value in the shape it must have. The message names what was asked, not what came. */
export function readAs<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const read = schema.safeParse(value);
  if (!read.success) throw new EndpointFailed(`answers with something that is no ${what}`, false);
  return read.data;
}
