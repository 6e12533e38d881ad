// The log: JSON lines on stderr, one for each decision and each change of state. No secret, and no text that an agent
// or a seller chose, but for the intent's id: addresses, URLs and symbols of unknown tokens are in the audit log, not
// here.

export interface Log {
  event(event: string, fields?: object): void;
  /** Writes what waits; for an end that comes before the event loop turns. */
  flush(): void;
}

/** `write` gets whole lines; those of one turn of the event loop come together. `clock` in unix milliseconds. */
export function createLog(write: (lines: string) => void, clock: () => number): Log {
  let pending = "";
  const flush = (): void => {
    if (pending !== "") write(pending);
    pending = "";
  };
  return {
    flush,
    event: (event, fields = {}) => {
      if (pending === "") setImmediate(flush);
      pending += `${JSON.stringify({ at: new Date(clock()).toISOString(), event, ...fields })}\n`;
    },
  };
}

/** An unexpected error's kind and place in our code; never its message, which may repeat what a client sent. */
export function placeOf(error: unknown): { name: string; at?: string } {
  if (!(error instanceof Error)) return { name: typeof error };
  const frame = /^\s+at (.*)$/m.exec(error.stack ?? "")?.[1];
  return { name: error.name, ...(frame !== undefined && { at: frame.slice(0, 200) }) };
}
