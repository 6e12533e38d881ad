// One at a time per key, in the order of asking.
export class Turns {
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Undefined when the turn was free and is taken now; otherwise resolves when it is. Give it back with `pass`. */
  take(key: string): Promise<void> | undefined {
    const waiting = this.#waiting.get(key);
    if (waiting) return new Promise((resolve) => waiting.push(resolve));
    this.#waiting.set(key, []);
    return undefined;
  }

  pass(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next) next();
    else this.#waiting.delete(key);
  }
}
