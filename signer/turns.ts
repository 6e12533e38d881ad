// One at a time per key, in the order of asking.
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves when every earlier holder of this key is done; dispose of the result to hand the turn on. */
  async take(key: string): Promise<Disposable> {
    const before = this.#last.get(key);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const done = promise as Promise<void>;
    this.#last.set(key, done);
    if (before) await before;
    return {
      [Symbol.dispose]: () => {
        if (this.#last.get(key) === done) this.#last.delete(key);
        resolve(undefined);
      },
    };
  }
}
