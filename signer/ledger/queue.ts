// Payments that wait for the next commit, one queue per agent.
import type { Decide, Recorded } from "./verdict.ts";

export interface Waiting {
  readonly agent: string;
  readonly decide: Decide;
  resolve(recorded: Recorded): void;
  reject(error: Error): void;
}

export class FairQueue {
  readonly #queues = new Map<string, Waiting[]>();

  get empty(): boolean {
    return this.#queues.size === 0;
  }

  push(waiting: Waiting): void {
    const queue = this.#queues.get(waiting.agent);
    if (queue) queue.push(waiting);
    else this.#queues.set(waiting.agent, [waiting]);
  }

  /** At most `max`, one from each agent in turn, so that an agent that floods waits for itself. */
  take(max: number): Waiting[] {
    const batch: Waiting[] = [];
    while (batch.length < max && this.#queues.size > 0) {
      for (const [agent, queue] of this.#queues) {
        const waiting = queue.shift();
        if (waiting) batch.push(waiting);
        if (queue.length === 0) this.#queues.delete(agent);
        if (batch.length === max) break;
      }
    }
    return batch;
  }
}
