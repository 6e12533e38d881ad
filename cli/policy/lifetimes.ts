// Which unlocks and sessions are over, as the audit rows tell it: their counters are never read again.

/** What is read of a row's body. */
interface Body {
  readonly kind: string;
  readonly session?: string | undefined;
  readonly endsAt?: number | undefined;
}

export class Lifetimes {
  #unlock: number | undefined;
  readonly #sessions = new Map<string, number>();

  add(seq: number, { kind, session, endsAt }: Body): void {
    if (kind === "vault.unlocked") this.#unlock = seq;
    else if (kind === "vault.locked" || kind === "signer.started") this.#unlock = undefined;
    else if (kind === "session.opened" && session !== undefined) this.#sessions.set(session, endsAt ?? 0);
    else if (kind === "session.closed" && session !== undefined) this.#sessions.delete(session);
  }

  /** True for a counter of an unlock or session that is over at `now` (unix ms). */
  ended(key: string, bucket: number, now: number): boolean {
    const [scope = "", , window] = key.split("|", 3);
    if (scope.startsWith("unlock:")) return scope !== `unlock:${this.#unlock ?? ""}`;
    if (scope.startsWith("session:")) return (this.#sessions.get(scope.slice("session:".length)) ?? 0) <= now;
    return window === "session" && bucket !== this.#unlock;
  }
}
