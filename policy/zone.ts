// A time zone as stretches of time in which its clocks run evenly, so that what recurs by local time is arithmetic.

const KEPT = 4;

/** Local time is unix time plus `offset` (ms), from `from` until before `until` (unix ms; Infinity: for ever). */
export interface Stretch {
  readonly from: number;
  readonly until: number;
  readonly offset: number;
}

export class Zone {
  readonly timezone: string;
  // The newest first. Looking one up anew costs more than a whole decision.
  #stretches: readonly Stretch[] = [];

  /** `timezone`: a name that canonicalTimezone returned. */
  constructor(timezone: string) {
    this.timezone = timezone;
  }

  /** The stretch that holds this instant (unix ms), from there on at least. */
  at(ms: number): Stretch {
    const known = this.#stretches.find(({ from, until }) => ms >= from && ms < until);
    if (known) return known;
    const found = this.#find(ms);
    this.#stretches = [found, ...this.#stretches].slice(0, KEPT);
    return found;
  }

  #find(ms: number): Stretch {
    const zoned = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(this.timezone);
    const until = zoned.getTimeZoneTransition("next")?.epochMilliseconds ?? Infinity;
    return { from: ms, until, offset: zoned.offsetNanoseconds / 1_000_000 };
  }
}
