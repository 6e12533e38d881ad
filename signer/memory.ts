// Memory is given back when the signer has nothing to do: V8 alone would keep what the start and the last burst of
// payments left, for as long as nothing more is allocated. `gc` is there because harden/flags.ts asks for it.
const INTERVAL_MS = 1000;
/** Microseconds of processor time in one interval, below which nobody waits for anything. */
const IDLE_US = 30_000;

export function tidyWhenIdle(): void {
  const { gc } = globalThis;
  if (!gc) return;
  let before = process.cpuUsage();
  let tidy = false;
  setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    const idle = user + system < IDLE_US;
    if (idle && !tidy) gc({ type: "major", execution: "sync", flavor: "last-resort" });
    tidy = idle;
    before = process.cpuUsage();
  }, INTERVAL_MS).unref();
}
