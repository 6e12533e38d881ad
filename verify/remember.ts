// What is worked out again and again of the same text is kept for a while, in memory that does not grow.

const MOST = 4096;

/** The same function, which remembers what it last answered. */
export function remembering<T>(work: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    if (known.size >= MOST) known.clear();
    const made = work(text);
    known.set(text, made);
    return made;
  };
}
