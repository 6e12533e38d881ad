// The log: one JSON line per decision on stderr. No secret, and no text that an agent or a seller chose, but for the
// intent's id: addresses, URLs and symbols of unknown tokens are in the audit log, not here.
import type { PaymentIntent } from "../protocol/intent.ts";
import type { SignResult } from "../protocol/shapes.ts";

export interface DecisionLog {
  decision(agent: string, intent: PaymentIntent, result: SignResult): void;
  event(event: string, fields?: object): void;
  /** Writes what waits; for an end that comes before the event loop turns. */
  flush(): void;
}

/** `write` gets whole lines; those of one turn of the event loop come together. `clock` in unix milliseconds. */
export function createLog(write: (lines: string) => void, clock: () => number): DecisionLog {
  let pending = "";
  const flush = (): void => {
    if (pending !== "") write(pending);
    pending = "";
  };
  const add = (fields: object): void => {
    if (pending === "") setImmediate(flush);
    pending += `${JSON.stringify({ at: new Date(clock()).toISOString(), ...fields })}\n`;
  };
  return {
    flush,
    event: (event, fields = {}) => {
      add({ event, ...fields });
    },
    decision: (agent, { id, network, amount }, result) => {
      const { outcome } = result;
      const code = outcome === "signed" ? {} : { code: result.check.code, rule: result.check.rule };
      const seq = outcome === "signed" ? { replayed: result.replayed, seq: result.head.seq } : {};
      add({ event: "payment", agent, id, network, amount: amount.toString(), outcome, ...code, ...seq });
    },
  };
}
