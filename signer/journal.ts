// What happens in the signer, told to all who keep track of it: the log, the metrics and the observers. The record is
// the ledger; nothing here decides or proves anything.
import { X402Error } from "../protocol/errors.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import type { SignerEvent } from "../protocol/observed.ts";
import type { SignResult } from "../protocol/shapes.ts";
import type { Feed } from "./feed.ts";
import { type Log, placeOf } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Watch } from "./sockets/listen.ts";
import type { Caller, Peer } from "./sockets/role.ts";

/** Of each kind of row, what the log and the observers are told; other kinds (sessions) are in the record alone. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  "ledger.created": [],
  "ledger.accepted": ["code"],
  "ledger.migrated": ["from", "to"],
  "vault.unlocked": ["generation", "credential"],
  "vault.resumed": ["unlock", "credential"],
  "vault.locked": ["reason"],
  "policy.applied": ["version", "hash"],
  "price.set": ["symbol", "usd", "maxAge"],
  "payment.approved": ["agent", "approval"],
  "payment.denied": ["agent", "approval"],
  "payment.lapsed": ["agent", "approval"],
  "agent.frozen": ["agent"],
  "agent.unfrozen": ["agent"],
};

const REFUSALS_PER_LINE_MS = 60_000;

interface Parts {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly feed: Feed;
  /** Unix milliseconds. */
  readonly clock: () => number;
}

export class Journal {
  readonly #parts: Parts;
  /** Refused callers by socket and uid: since when, and how many. */
  readonly #refused = new Map<string, { since: number; count: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  decision(agent: string, intent: PaymentIntent, result: SignResult, { peer }: Caller): void {
    const { log, metrics, feed } = this.#parts;
    const { id, network } = intent;
    const amount = intent.amount.toString();
    const outcome = outcomeOf(result);
    if (result.outcome === "declined") metrics.decline(result.check.code);
    else metrics.payment(result.outcome === "signed" && result.replayed ? "replayed" : result.outcome);
    log.event("payment", { agent, id, network, amount, ...outcome, ...(peer && { peer }) });
    feed.tell({ event: "payment", at: this.#now(), agent, network, amount, ...outcome });
  }

  /** A row that is no payment. */
  recorded(kind: string, fields: object): void {
    const names = TOLD[kind];
    if (!names) return;
    const said = Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
    const { peer } = fields as { peer?: Peer };
    this.#parts.log.event(kind, { ...said, ...(peer && { peer }) });
    this.#parts.feed.tell({ event: kind, at: this.#now(), ...said });
  }

  /** Keeps track of one socket. */
  watch(socket: string): Watch {
    const counts = this.#parts.metrics.socket(socket);
    return {
      opened: () => {
        counts.open += 1;
      },
      closed: () => {
        counts.open -= 1;
      },
      crowded: () => {
        counts.crowded += 1;
      },
      refused: (peer) => {
        counts.refused += 1;
        this.#refusal(socket, peer);
      },
      failed: (error) => {
        this.#failure(socket, error);
      },
    };
  }

  #failure(socket: string, error: unknown): void {
    const { log, metrics } = this.#parts;
    if (error instanceof X402Error && error.code !== "INTERNAL") {
      metrics.error(error.code);
      return;
    }
    metrics.error("INTERNAL");
    log.event("error", { socket, ...placeOf(error instanceof X402Error ? (error.cause ?? error) : error) });
  }

  /** One line for the first, and then one a minute for as long as they come: a stranger must not fill the log. */
  #refusal(socket: string, peer: Peer | undefined): void {
    const { log, clock } = this.#parts;
    const key = `${socket} ${peer?.uid ?? ""}`;
    const known = this.#refused.get(key);
    const now = clock();
    if (known && now - known.since < REFUSALS_PER_LINE_MS) {
      known.count += 1;
      return;
    }
    log.event("refused", { socket, ...(peer && { peer }), ...(known && { since: known.count }) });
    if (this.#refused.size >= MAX_REFUSED) this.#refused.clear();
    this.#refused.set(key, { since: now, count: 0 });
  }

  #now(): string {
    return new Date(this.#parts.clock()).toISOString();
  }
}

const MAX_REFUSED = 1000;

function outcomeOf(result: SignResult): Pick<SignerEvent, "outcome" | "code" | "rule" | "replayed" | "seq"> {
  const { outcome } = result;
  if (outcome === "signed") return { outcome, replayed: result.replayed, seq: result.head.seq };
  const { code, rule } = result.check;
  return { outcome, code, rule };
}
