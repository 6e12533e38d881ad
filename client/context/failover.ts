// Several endpoints for the same question: asked in order, twice at most, until one has an answer that can be used.
import { setTimeout as sleep } from "node:timers/promises";
import { abortable } from "../http/abort.ts";
import { EndpointFailed } from "./endpoint.ts";

export interface Provider {
  /** For messages. */
  readonly origin: string;
  readonly timeoutMs: number;
  /** Throws EndpointFailed when it serves another network than it was named for. Asked once. */
  readonly assertNetwork: () => Promise<void>;
}

const ROUNDS = 2;
const PAUSE_MS = 200;
/** One that failed is asked after the others for so long. */
const REST_MS = 30_000;

/** No endpoint had an answer. The message names each by its origin, and why. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export class Failover<P extends Provider> {
  readonly #providers: readonly P[];
  readonly #failedAt = new Map<P, number>();

  constructor(providers: readonly P[]) {
    this.#providers = providers;
  }

  /** The first answer. Throws NoAnswer, after three times the time of one request at most. */
  async first<T>(ask: (provider: P) => Promise<T>, rounds = ROUNDS): Promise<T> {
    const failures = new Map<P, EndpointFailed>();
    const start = performance.now();
    for (let round = 0; round < rounds; round++) {
      if (round > 0) {
        if (![...failures.values()].some(({ passing }) => passing)) break;
        await sleep(PAUSE_MS * (1 + Math.random()));
      }
      for (const provider of this.#inOrder()) {
        const left = 3 * provider.timeoutMs - (performance.now() - start);
        if (left <= 0 || failures.get(provider)?.passing === false) continue;
        const outcome = await attempt(provider, ask, Math.min(left, 2 * provider.timeoutMs));
        if (!(outcome instanceof EndpointFailed)) {
          this.#failedAt.delete(provider);
          return outcome.answer;
        }
        failures.set(provider, outcome);
        this.#failedAt.set(provider, performance.now());
      }
    }
    throw new NoAnswer([...failures].map(([{ origin }, { message }]) => `${origin} ${message}`).join("; "));
  }

  #inOrder(): P[] {
    const since = performance.now() - REST_MS;
    const rests = (provider: P): number => Number((this.#failedAt.get(provider) ?? -Infinity) > since);
    return this.#providers.toSorted((a, b) => rests(a) - rests(b));
  }
}

/** What it answered, or why it did not. An attempt may be many requests, which have an end together. */
async function attempt<P extends Provider, T>(
  provider: P,
  ask: (provider: P) => Promise<T>,
  ms: number,
): Promise<{ answer: T } | EndpointFailed> {
  const work = async (): Promise<T> => {
    await provider.assertNetwork();
    return ask(provider);
  };
  try {
    return { answer: await abortable(work, AbortSignal.timeout(Math.ceil(ms))) };
  } catch (error) {
    if (error instanceof EndpointFailed) return error;
    if (error instanceof DOMException && error.name === "TimeoutError")
      return new EndpointFailed("is too slow");
    throw error;
  }
}

/** Checks which network an endpoint serves: again only when it could not be found out. */
export function checkedOnce(isRight: () => Promise<boolean>): () => Promise<void> {
  let verdict: Promise<boolean> | undefined;
  return async () => {
    verdict ??= isRight();
    const right = await verdict.catch((error: unknown) => {
      verdict = undefined;
      throw error;
    });
    if (!right) throw new EndpointFailed("serves another network", false);
  };
}
