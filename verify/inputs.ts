// The inputs that live payments spend: no two intents may have the same, or one of two payees is left unpaid. What is
// over is forgotten, so that memory is bounded by what can be alive at once.

const TIDY_AT = 1000;

export class Inputs {
  /** Until when, in unix seconds. */
  readonly #taken = new Map<string, number>();
  #tidyAt = TIDY_AT;

  /** True when a live payment spends one of them; `at` in unix ms. */
  areTaken(inputs: readonly string[], at: number): boolean {
    return inputs.some((input) => (this.#taken.get(input) ?? 0) * 1000 > at);
  }

  take(inputs: readonly string[], until: number, at: number): void {
    for (const input of inputs) this.#taken.set(input, until);
    if (this.#taken.size <= this.#tidyAt) return;
    for (const [input, end] of this.#taken) if (end * 1000 <= at) this.#taken.delete(input);
    this.#tidyAt = Math.max(TIDY_AT, this.#taken.size * 2);
  }
}
