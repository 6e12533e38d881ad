// A request as it can be sent again: with a payment, to exactly the place that asked for one.
//
// Redirects are followed here and not by fetch, because fetch does not tell what it made of the request on the way: a
// 303 turns a POST into a GET, and another origin loses the credentials. What is paid for is the last request, as it was.
import { discard, keepBody } from "./body.ts";

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export interface Outgoing {
  url: URL;
  method: string;
  headers: Headers;
  body: RequestInit["body"];
  redirect: NonNullable<RequestInit["redirect"]>;
  signal: AbortSignal | undefined;
  /** Everything else that the caller said about the request. */
  rest: RequestInit;
}

/** The request of a call of fetch(). Throws what fetch throws on a bad one, and BODY_NOT_REPLAYABLE. */
export async function outgoing(input: string | URL | Request, init: RequestInit = {}): Promise<Outgoing> {
  const given = input instanceof Request ? input : undefined;
  const url = new URL(input instanceof Request ? input.url : input);
  // Bodies are left out: a Request is here only for what it checks and how it spells methods.
  const checked = new Request(url, { method: init.method ?? given?.method ?? "GET" });
  const signal = (init.signal === undefined ? given?.signal : init.signal) ?? undefined;
  signal?.throwIfAborted();
  return {
    url,
    method: checked.method,
    headers: new Headers(init.headers ?? given?.headers),
    body: await keepBody(init.body === undefined ? bodyOf(given) : init.body, signal),
    redirect: init.redirect ?? given?.redirect ?? "follow",
    signal,
    rest: { ...(given && settingsOf(given)), ...init },
  };
}

function bodyOf(request: Request | undefined): RequestInit["body"] {
  if (request?.bodyUsed) throw new TypeError("the body of this Request was used before");
  return request?.body ?? undefined;
}

const settingsOf = ({ cache, credentials, integrity, keepalive }: Request): RequestInit => ({
  cache,
  credentials,
  integrity,
  keepalive,
});

/** Sends it once. `redirect` says what to do about a redirect. */
export function send(fetch: Fetch, request: Outgoing, redirect: RequestInit["redirect"]): Promise<Response> {
  const { url, method, headers, body, signal, rest } = request;
  const init = { ...rest, method, headers, body: body ?? null, signal: signal ?? null };
  return fetch(url.href, { ...init, ...(redirect && { redirect }) });
}

const MAX_REDIRECTS = 20;

/** Sends it and follows redirects as asked. Gives the answer, and the request that it answers. */
export async function follow(
  fetch: Fetch,
  first: Outgoing,
): Promise<{ response: Response; request: Outgoing }> {
  if (first.redirect !== "follow")
    return { response: await send(fetch, first, first.redirect), request: first };
  let request = first;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await send(fetch, request, "manual");
    const next = redirected(request, response);
    if (next === undefined) {
      if (hops > 0) Object.defineProperty(response, "redirected", { value: true });
      return { response, request };
    }
    discard(response);
    request = next;
  }
  throw new TypeError("fetch failed: too many redirects");
}

/** The next request, or undefined when the answer is no redirect. Source: Fetch standard, "HTTP-redirect fetch". */
function redirected(request: Outgoing, response: Response): Outgoing | undefined {
  const location = response.headers.get("location");
  if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return undefined;
  const url = URL.parse(location, request.url);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new TypeError("fetch failed: redirect to something that is not a web address");
  }
  const next = { ...request, url, headers: new Headers(request.headers) };
  if (url.origin !== request.url.origin) dropHeaders(next, CREDENTIALS);
  return becomesGet(request.method, response.status) ? withoutBody(next) : next;
}

// A payment that the caller brought is bearer money until it settles: it is for the origin that it was made out to.
const CREDENTIALS = [
  "authorization",
  "proxy-authorization",
  "cookie",
  "host",
  "payment-signature",
  "x-payment",
];
const ABOUT_BODY = [
  "content-encoding",
  "content-language",
  "content-location",
  "content-type",
  "content-length",
];

const becomesGet = (method: string, status: number): boolean =>
  status === 303 ? method !== "GET" && method !== "HEAD" : status < 303 && method === "POST";

function withoutBody(request: Outgoing): Outgoing {
  dropHeaders(request, ABOUT_BODY);
  return { ...request, method: "GET", body: undefined };
}

function dropHeaders(request: Outgoing, names: readonly string[]): void {
  for (const name of names) request.headers.delete(name);
}
