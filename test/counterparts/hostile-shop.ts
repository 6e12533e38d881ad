// A server that answers whatever a test tells it to, and keeps what it was asked.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { listen } from "./listen.ts";

export interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** An answer: a status with headers and a body, or a function that writes to the socket as it likes. */
export type Answer =
  | { status: number; headers?: Record<string, string>; body?: string | Buffer }
  | ((response: ServerResponse, request: IncomingMessage) => void);

/** `script` gets each request and its number, from 0. */
export async function startHostileShop(script: (asked: Asked, index: number) => Answer) {
  const asked: Asked[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const one = { method, path: url, headers, body: await buffer(request) };
    const answer = script(one, asked.push(one) - 1);
    if (typeof answer === "function") answer(response, request);
    else response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  const server = await listen((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  return { asked, ...server };
}

/** Answers `start` and `bytes` zeros, as fast as they are read. `sent()` says how many went out before the reader left. */
export function flood(bytes: number) {
  const chunk = Buffer.alloc(64 * 1024, "0");
  let sent = 0;
  const pump = (response: ServerResponse): void => {
    while (sent < bytes && !response.destroyed) {
      sent += chunk.length;
      if (!response.write(chunk)) {
        response.once("drain", () => {
          pump(response);
        });
        return;
      }
    }
    response.end();
  };
  const answer = (status: number, start: string, headers?: Record<string, string>): Answer => {
    return (response) => {
      response.writeHead(status, headers).write(start);
      pump(response);
    };
  };
  return { answer, sent: () => sent };
}
