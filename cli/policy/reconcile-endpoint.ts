// One endpoint of a chain, by JSON-RPC or REST, which may be slow, down, or lie: every request has an end and every answer a size, and an
// endpoint that fails once is not asked again.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { X402Error } from "../../protocol/errors.ts";
import type { Caip2 } from "../../protocol/networks.ts";
import { type Keys, headerOf } from "./reconcile-key.ts";

/** Of all requests that are made to one endpoint together, in milliseconds. */
const DEADLINE_MS = 10 * 60_000;
/** A block of a busy chain lists its transactions. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const NOT_FOUND = 404;

const TOO_MANY_REQUESTS = 429;
/** How often one request waits for an endpoint that is asked too much, and how long at a time. */
const MOST_WAITS = 10;
const MOST_SECONDS_WAITED = 10;

const missingSchema = z.object({ status_code: z.literal(NOT_FOUND) });
const answerSchema = z.object({
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});

/** Why an endpoint says nothing more. Its texts are ours, never the endpoint's. */
export class EndpointFailed extends Error {
  override readonly name = "EndpointFailed";
}

/** An answer that is an error: the endpoint is there, and does not do this. */
export class EndpointRefused extends EndpointFailed {}

export interface EndpointOptions {
  /** Of one request, in milliseconds. */
  readonly timeout: number;
  /** By host. */
  readonly keys: Keys;
}

export class Endpoint {
  readonly network: Caip2;
  /** What it speaks, where a network has several: "koios". */
  readonly api: string | undefined;
  /** Scheme, host and port: the path may hold a key, and is not told to anyone. */
  readonly origin: string;
  readonly host: string;
  readonly #url: string;
  readonly #timeout: number;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #deadline = AbortSignal.timeout(DEADLINE_MS);
  #nextId = 1;

  /** `text`: "api+https://…" or without an api. Throws USAGE for a URL that is neither https nor of this machine. */
  constructor(network: Caip2, text: string, { timeout, keys }: EndpointOptions) {
    const [, api, address = text] = /^([a-z]+)\+(.*)$/.exec(text) ?? [];
    const url = URL.canParse(address) ? new URL(address) : undefined;
    const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.test(url.hostname));
    if (!url || !isSafe || url.username !== "" || url.password !== "") {
      const hint = "https, or http on this machine; a user and password go into no URL";
      throw new X402Error("USAGE", `the URL for ${network} cannot be used`, { hint });
    }
    const key = keys.get(url.host);
    this.host = url.host;
    this.#headers = key === undefined ? {} : headerOf(key, api);
    this.#timeout = timeout;
    this.network = network;
    this.api = api;
    this.origin = url.origin;
    this.#url = url.href;
  }

  /** JSON-RPC 2.0. The result, unchecked. Throws EndpointFailed, and EndpointRefused for an error in its place. */
  async call(method: string, params: object): Promise<unknown> {
    const body = { jsonrpc: "2.0", id: this.#nextId++, method, params };
    const answer = answerSchema.safeParse(await this.#request(method, this.#url, body));
    if (!answer.success) throw new EndpointFailed(`answers ${method} with something else`);
    const { result, error } = answer.data;
    if (error !== undefined || result === undefined || result === null)
      throw new EndpointRefused(`has no answer to ${method}`);
    return result;
  }

  /** A path below the URL, by GET or, with a body, by POST. Undefined when there is no such thing (HTTP 404). */
  async read(what: string, path: string, body?: object): Promise<unknown> {
    return await this.#request(what, this.#url.replace(/\/?$/, path), body, true);
  }

  async #request(what: string, url: string, body: object | undefined, mayMiss = false): Promise<unknown> {
    const content = body && {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...this.#headers },
    };
    try {
      const response = await this.#patient(url, { headers: this.#headers, ...content });
      if (!response.ok && !(mayMiss && response.status === NOT_FOUND))
        throw new EndpointFailed(`answers ${what} with HTTP ${response.status}`);
      const answer = JSON.parse(await readText(response, what)) as unknown;
      if (!response.ok) assertMissing(answer, what);
      return response.ok ? answer : undefined;
    } catch (error) {
      if (error instanceof EndpointFailed) throw error;
      const late = error instanceof Error && ["TimeoutError", "AbortError"].includes(error.name);
      throw new EndpointFailed(late ? `is too slow (${what})` : `cannot be read (${what})`);
    }
  }

  /** Public endpoints bound how often they are asked, and say so. */
  async #patient(url: string, request: RequestInit): Promise<Response> {
    for (let waits = 0; ; waits++) {
      const signal = AbortSignal.any([AbortSignal.timeout(this.#timeout), this.#deadline]);
      // A redirect would be another endpoint than the one that was named.
      const response = await fetch(url, { ...request, signal, redirect: "error" });
      if (response.status !== TOO_MANY_REQUESTS || waits === MOST_WAITS) return response;
      await response.body?.cancel();
      await wait(waitAsked(response), undefined, { signal: this.#deadline });
    }
  }
}

/** In milliseconds, as an endpoint asks for it with a number of seconds. */
function waitAsked(response: Response): number {
  const asked = response.headers.get("retry-after") ?? "1";
  return Math.min(/^[0-9]{1,4}$/.test(asked) ? Number(asked) : 1, MOST_SECONDS_WAITED) * 1000;
}

/** A proxy on the way says 404 of what it does not know either: it must be the endpoint's own word. */
function assertMissing(answer: unknown, what: string): void {
  if (!missingSchema.safeParse(answer).success)
    throw new EndpointFailed(`answers ${what} with HTTP ${NOT_FOUND}`);
}

/** Throws EndpointFailed for an answer of another shape. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw new EndpointFailed(`answers ${what} with something else`);
  return result.data;
}

async function readText(response: Response, method: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_ANSWER_BYTES) throw new EndpointFailed(`answers ${method} without end`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
