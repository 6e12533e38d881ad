// The inputs that live payments spend: no two intents may have the same, or one of two payees is left unpaid. What is
// over is forgotten, so that memory is bounded by what can be alive at once.

interface Lock {
  /** Of the intent. */
  readonly intent: string;
  /** Unix seconds. */
  readonly until: number;
}

const TIDY_AT = 1000;

export class Inputs {
  readonly #locks = new Map<string, Lock>();
  #tidyAt = TIDY_AT;

  /** True when another intent's live payment spends one of them; `at` in unix ms. */
  areTaken(inputs: readonly string[], intent: string, at: number): boolean {
    return inputs.some((input) => {
      const lock = this.#locks.get(input);
      return lock !== undefined && lock.intent !== intent && lock.until * 1000 > at;
    });
  }

  take(inputs: readonly string[], lock: Lock, at: number): void {
    for (const input of inputs) this.#locks.set(input, lock);
    if (this.#locks.size <= this.#tidyAt) return;
    for (const [input, { until }] of this.#locks) if (until * 1000 <= at) this.#locks.delete(input);
    this.#tidyAt = Math.max(TIDY_AT, this.#locks.size * 2);
  }
}
