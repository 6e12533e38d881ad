// How much of the signer the clients of one socket may have before everyone else has a turn: time, and requests in flight.
//
// A request is answered as it is read, and some take milliseconds. Without this a client that pipelines thousands of
// them holds up the other agents, and the operator who wants to lock. A payment waits for its commit and costs a few
// kilobytes until then: hundreds of connections must not make that hundreds of megabytes.

/** Milliseconds of one turn. */
const SLICE_MS = 5;
/** The same while a socket is crowded: one connection is accepted in a turn, and hundreds wait before an honest one. */
const CROWDED_SLICE_MS = 1;
/** Requests of one socket that are worked on at once: more do not make it faster, and whoever comes waits behind them. */
export const MAX_IN_FLIGHT_IN_ALL = 64;
/** Requests that one connection may begin before the next one that waits. */
const QUANTUM = 4;

/** Connections of one process wait in one line: many of them get no more turns than one. */
type Line = Set<() => void>;

export class Share {
  readonly #waiting = new Map<number | undefined, Line>();
  readonly #isCrowded: () => boolean;
  #inFlight = 0;
  #endsAt = 0;
  #running = false;
  /** What the connection that is resumed just now may still begin while others wait. */
  #left = 0;

  constructor(isCrowded: () => boolean = () => false) {
    this.#isCrowded = isCrowded;
  }

  /**
   * True while there is room in this turn. Otherwise `resume` is called in a later one, after those that wait; `pid`
   * is the caller's.
   */
  hasRoom(resume: () => void, pid: number | undefined): boolean {
    if (!this.#running) this.#beginTurn();
    if (this.#isOpen && (this.#waiting.size === 0 || this.#left > 0)) {
      this.#left -= 1;
      return true;
    }
    const line = this.#waiting.get(pid);
    if (line) line.add(resume);
    else this.#waiting.set(pid, new Set([resume]));
    return false;
  }

  /** One more request is worked on. */
  take(): void {
    this.#inFlight += 1;
  }

  /** One request is answered. */
  give(): void {
    this.#inFlight -= 1;
    if (this.#waiting.size > 0 && !this.#running) this.#beginTurn();
  }

  get #isOpen(): boolean {
    return this.#inFlight < MAX_IN_FLIGHT_IN_ALL && performance.now() < this.#endsAt;
  }

  #beginTurn(): void {
    this.#running = true;
    this.#endsAt = performance.now() + (this.#isCrowded() ? CROWDED_SLICE_MS : SLICE_MS);
    setImmediate(() => {
      this.#running = false;
      // When all are in flight, the first answer begins the next turn.
      if (this.#waiting.size > 0 && this.#inFlight < MAX_IN_FLIGHT_IN_ALL) this.#next();
    });
  }

  #next(): void {
    this.#beginTurn();
    for (const [pid, line] of this.#waiting) {
      if (!this.#isOpen) return;
      const [resume] = line;
      // Back to the end, behind the other processes; what it resumes may wait again.
      this.#waiting.delete(pid);
      if (resume) line.delete(resume);
      if (line.size > 0) this.#waiting.set(pid, line);
      this.#left = QUANTUM;
      resume?.();
      this.#left = 0;
    }
  }
}
