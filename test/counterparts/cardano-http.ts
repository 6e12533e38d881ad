// A small JSON server for the three kinds of endpoint that tell of a Cardano ledger, honest or not.
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { listen } from "./listen.ts";

export interface Asked {
  readonly method: string;
  /** Below the API's own prefix: "/txs/ab12.../utxos". */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Thrown for an answer with a status of its own. */
export class HttpError extends Error {
  readonly status: number;
  readonly answer: unknown;
  constructor(status: number, answer: unknown) {
    super(`HTTP ${status}`);
    this.status = status;
    this.answer = answer;
  }
}

/** Changes what an endpoint answers, or throws an HttpError in its place. `what`: "GET /genesis", or a method of Ogmios. */
export type Lie = (what: string, asked: Asked, honest: () => unknown) => unknown;

export const honestly: Lie = (_what, _asked, honest) => honest();

export type Route = (asked: Asked) => unknown;

/** Serves on a free port of 127.0.0.1, below `prefix`. bigint is written as the number that it is. */
export async function serveJson(prefix: string, route: Route) {
  const server = await listen((request, response) => {
    void answer(prefix, route, request).then(({ status, text }) => {
      response.writeHead(status, { "content-type": "application/json" }).end(text);
    });
  });
  return { ...server, url: server.url + prefix };
}

async function answer(prefix: string, route: Route, request: IncomingMessage) {
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://localhost");
  const body = await buffer(request);
  const { method = "GET", headers } = request;
  const asked = { method, path: pathname.slice(prefix.length), query, headers, body };
  try {
    if (!pathname.startsWith(prefix)) throw new HttpError(404, {});
    return { status: 200, text: toJson(await route(asked)) };
  } catch (error) {
    const known = error instanceof HttpError ? error : new HttpError(500, { error: String(error) });
    return { status: known.status, text: toJson(known.answer) };
  }
}

const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };
const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "bigint" ? rawJSON(part.toString()) : part,
  );

/** A string in a JSON body, or a list of them. */
export const jsonOf = (asked: Asked): Record<string, unknown> =>
  JSON.parse(asked.body.toString() || "{}") as Record<string, unknown>;

/** Matches "/txs/{}/utxos" against a path, and gives what stands for the braces. */
export function match(pattern: string, path: string): string[] | undefined {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  const fits =
    wanted.length === given.length && wanted.every((part, at) => part === "{}" || part === given[at]);
  return fits ? given.filter((_, at) => wanted[at] === "{}") : undefined;
}
