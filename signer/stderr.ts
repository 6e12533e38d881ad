// stderr, without ever waiting for whoever reads it: a paused terminal or a full pipe must not stop payments.
//
// Node writes to pipes and sockets without blocking, but keeps what they do not take, without bound; and it blocks on
// a terminal. So a terminal is told not to, and above a bound lines are dropped and counted.
import type { Writable } from "node:stream";

const MAX_WAITING_BYTES = 1024 * 1024;

export interface Sink {
  /** Takes whole lines, or drops them. Never blocks and never throws. */
  write(lines: string): void;
  /** Lines that were dropped so far. */
  readonly dropped: number;
  /** Resolves when everything is written, or after `ms`: then what is left is lost. */
  drain(ms: number): Promise<void>;
}

/** Asked for before the rights are given up: the first use of stderr opens it. */
export function openStderr(stream: Writable = process.stderr): Sink {
  // "Error" before "close": a reader who left is no reason to end.
  stream.on("error", () => undefined);
  (stream as { _handle?: { setBlocking?(on: boolean): void } })._handle?.setBlocking?.(false);
  return boundedSink(stream);
}

export function boundedSink(stream: Writable, maxBytes = MAX_WAITING_BYTES): Sink {
  let dropped = 0;
  let untold = 0;
  return {
    write(lines) {
      const all = untold === 0 ? lines : `${told(untold)}${lines}`;
      if (stream.writableLength + all.length > maxBytes) {
        const count = lines.split("\n").length - 1;
        dropped += count;
        untold += count;
        return;
      }
      untold = 0;
      stream.write(all);
    },
    get dropped() {
      return dropped;
    },
    drain: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        // Called when all before it is written.
        stream.write("", () => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

const told = (count: number): string => `${JSON.stringify({ event: "log.dropped", lines: count })}\n`;
