// How much of the event loop the clients of one socket may have before everyone else has a turn.
//
// A request is answered as it is read, and some take milliseconds. Without this a client that pipelines thousands of
// them holds up the other agents, and the operator who wants to lock.

/** Milliseconds of one turn. Longer than reading all that one commit can take. */
const SLICE_MS = 20;

export class Share {
  readonly #waiting = new Set<() => void>();
  #endsAt = 0;
  #running = false;

  /** True while there is time in this turn. Otherwise `resume` is called in a later one, after those that wait. */
  hasTime(resume: () => void): boolean {
    if (!this.#running) this.#begin();
    if (performance.now() < this.#endsAt) return true;
    this.#waiting.add(resume);
    return false;
  }

  #begin(): void {
    this.#running = true;
    this.#endsAt = performance.now() + SLICE_MS;
    setImmediate(() => {
      this.#running = false;
      if (this.#waiting.size > 0) this.#next();
    });
  }

  #next(): void {
    this.#begin();
    for (const resume of this.#waiting) {
      if (performance.now() >= this.#endsAt) return;
      this.#waiting.delete(resume);
      resume();
    }
  }
}
