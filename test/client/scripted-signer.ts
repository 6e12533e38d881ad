// A signer's socket that answers as a test says, for what the real one cannot be made to do: to lose a reply, to hold a
// payment, to stay silent.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X402Error } from "../../protocol/errors.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import { decodeRequest, encodeError, encodeResult, LineReader, type RpcRequest } from "../../protocol/rpc.ts";

export const SILENCE = Symbol("no answer");
export const HANG_UP = Symbol("the connection ends instead of an answer");
export type Reply = object | X402Error | typeof SILENCE | typeof HANG_UP;

export interface Call {
  method: string;
  /** Each method has some of these. */
  params: { intent: WireIntent; intents: WireIntent[]; session: string; policy: object };
}

function reply(socket: Socket, { id }: RpcRequest, answer: Reply): void {
  if (answer === SILENCE) return;
  if (answer === HANG_UP) socket.destroy();
  else if (answer instanceof X402Error) socket.write(encodeError(id, answer));
  else socket.write(encodeResult(id, answer));
}

/** `script` gets each call and its number, from 0. */
export async function startScriptedSigner(script: (call: Call, index: number) => Reply) {
  const folder = await mkdtemp(join(tmpdir(), "scripted-"));
  const endpoint = join(folder, "agent.sock");
  const calls: Call[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const lines = new LineReader(1 << 20);
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      for (const line of lines.push(chunk)) {
        const request = decodeRequest(line);
        // As a signer that is older than receipts.
        if (request.method.startsWith("receipt.")) {
          reply(socket, request, new X402Error("METHOD_NOT_FOUND"));
          continue;
        }
        const call = { method: request.method, params: request.params as Call["params"] };
        reply(socket, request, script(call, calls.push(call) - 1));
      }
    });
  }).listen(endpoint);
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await rm(folder, { recursive: true });
  };
  return { endpoint, calls, close };
}

const head = { ledger: "00", seq: 1, hash: "00" };
const check = { scope: "household", rule: "a rule", ok: false, claimed: false } as const;

/** A signature that no chain would take; enough for a server that does not look. */
export const signed = {
  outcome: "signed",
  payload: { signature: "0x00", authorization: {} },
  from: "0x0000000000000000000000000000000000000001",
  expiresAt: "2030-01-01T00:00:00Z",
  replayed: false,
  head,
};
export const declined = {
  outcome: "declined",
  check: { ...check, code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT" },
};
export const held = {
  outcome: "held",
  approval: "a17",
  check: { ...check, code: "APPROVAL_AMOUNT", holds: true },
  expiresAt: "2030-01-01T00:00:00Z",
};
