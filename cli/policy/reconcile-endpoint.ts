// One JSON-RPC endpoint of a chain, which may be slow, down, or lie: every request has an end and every answer a size, and an
// endpoint that fails once is not asked again.
import { z } from "zod";
import { X402Error } from "../../protocol/errors.ts";
import type { Caip2 } from "../../protocol/networks.ts";

/** Of all requests that are made to one endpoint together, in milliseconds. */
const DEADLINE_MS = 10 * 60_000;
/** A block of a busy chain lists its transactions. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

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

export class Endpoint {
  readonly network: Caip2;
  /** Scheme, host and port: the path may hold a key, and is not told to anyone. */
  readonly origin: string;
  readonly #url: string;
  readonly #timeout: number;
  readonly #deadline = AbortSignal.timeout(DEADLINE_MS);
  #nextId = 1;

  /** `timeout` of one request, in milliseconds. Throws USAGE for a URL that is neither https nor of this machine. */
  constructor(network: Caip2, text: string, timeout: number) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.test(url.hostname));
    if (!url || !isSafe || url.username !== "" || url.password !== "") {
      const hint = "https, or http on this machine; a user and password go into no URL";
      throw new X402Error("USAGE", `the URL for ${network} cannot be used`, { hint });
    }
    this.#timeout = timeout;
    this.network = network;
    this.origin = url.origin;
    this.#url = url.href;
  }

  /** The result, unchecked. Throws EndpointFailed, and EndpointRefused for an error in its place. */
  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: this.#nextId++, method, params });
    const answer = answerSchema.safeParse(await this.#post(method, body));
    if (!answer.success) throw new EndpointFailed(`answers ${method} with something else`);
    const { result, error } = answer.data;
    if (error !== undefined || result === undefined || result === null)
      throw new EndpointRefused(`has no answer to ${method}`);
    return result;
  }

  async #post(method: string, body: string): Promise<unknown> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.#timeout), this.#deadline]);
    const headers = { "content-type": "application/json" };
    try {
      // A redirect would be another endpoint than the one that was named.
      const response = await fetch(this.#url, { method: "POST", headers, body, signal, redirect: "error" });
      if (!response.ok) throw new EndpointFailed(`answers ${method} with HTTP ${response.status}`);
      return JSON.parse(await readText(response, method)) as unknown;
    } catch (error) {
      if (error instanceof EndpointFailed) throw error;
      const late = error instanceof Error && error.name === "TimeoutError";
      throw new EndpointFailed(late ? `is too slow (${method})` : `cannot be read (${method})`);
    }
  }
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
