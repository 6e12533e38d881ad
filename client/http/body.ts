// Bodies that must be bounded: a request's, because a paid call sends it twice, and a 402's, because a seller writes it.
import { X402Error } from "../../protocol/errors.ts";
import { abortable } from "./abort.ts";

/** A one-shot request body is kept for the second sending up to here. */
export const MAX_KEPT_BODY = 1024 * 1024;

type Chunks = ReadableStream<Uint8Array>;

/** The first `max` bytes of a stream, or all of it. The rest is not asked for. */
export async function readAtMost(stream: Chunks, max: number, signal?: AbortSignal): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (length < max) {
      const { done, value } = await abortable(() => reader.read(), signal);
      if (done) break;
      chunks.push(value);
      length += value.byteLength;
    }
  } finally {
    // Not awaited: one branch of a cloned response is cancelled only when the other one is.
    void reader.cancel().catch(() => undefined);
  }
  return Buffer.concat(chunks).subarray(0, max);
}

/** Says that nobody will read this answer any further, so that its connection is free again. */
export function discard(response: Response): void {
  void response.body?.cancel().catch(() => undefined);
}

/** Strings, buffers, blobs and forms can be sent as often as wanted. */
const isReplayable = (body: NonNullable<RequestInit["body"]>): boolean =>
  !(body instanceof ReadableStream || (typeof body === "object" && Symbol.asyncIterator in body));

/** The body in a form that can be sent twice. Throws BODY_NOT_REPLAYABLE for a stream that is too long. */
export async function keepBody(
  body: RequestInit["body"],
  signal?: AbortSignal,
): Promise<RequestInit["body"]> {
  if (body === undefined || body === null || isReplayable(body)) return body;
  const stream = body instanceof ReadableStream ? body : ReadableStream.from(body as AsyncIterable<unknown>);
  const kept = await readAtMost(stream as Chunks, MAX_KEPT_BODY + 1, signal);
  if (kept.byteLength > MAX_KEPT_BODY) throw new X402Error("BODY_NOT_REPLAYABLE");
  return kept as Uint8Array<ArrayBuffer>;
}
