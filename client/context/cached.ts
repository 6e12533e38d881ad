// A value that is asked for again only when it is older than it may be. Callers at the same time share one question.
export class Cached<T> {
  readonly #maxAgeMs: number;
  readonly #load: () => Promise<T>;
  #known: { value: T; at: number } | undefined;
  #loading: Promise<T> | undefined;

  constructor(maxAgeMs: number, load: () => Promise<T>) {
    this.#maxAgeMs = maxAgeMs;
    this.#load = load;
  }

  /** The value, and whether it was known before. Its age counts from when it was asked for. */
  async get(): Promise<{ value: T; cached: boolean }> {
    const known = this.#known;
    if (known && performance.now() - known.at < this.#maxAgeMs) return { value: known.value, cached: true };
    const shared = this.#loading !== undefined;
    const loading = (this.#loading ??= this.#loadNow());
    return { value: await loading, cached: shared };
  }

  /** From now on nothing counts that was asked for before. */
  forget(): void {
    this.#known = undefined;
    this.#loading = undefined;
  }

  #loadNow(): Promise<T> {
    const at = performance.now();
    const loading = this.#load().then(
      (value) => {
        if (this.#loading === loading) {
          this.#known = { value, at };
          this.#loading = undefined;
        }
        return value;
      },
      (error: unknown) => {
        if (this.#loading === loading) this.#loading = undefined;
        throw error;
      },
    );
    return loading;
  }
}
