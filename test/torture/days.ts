// A day's budget against the calendar and the clock: midnight, time zones, leap days, both ends of daylight saving, and
// steps of the wall clock. Real signers whose clock and uptime are set; days are reckoned here by Intl, not by our code.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignResult } from "../../protocol/shapes.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { document, intent } from "../signer/intents.ts";
import { errorCode } from "./outcome.ts";
import { Random } from "./random.ts";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";

export const days: Row = {
  name: "days",
  what: "a day's budget across midnight, time zones, leap days, DST both ways, clock steps of -1 h .. +1 d",
  must: "never more than the stricter reading of the policy",
  run,
};

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** In payments of a cent. */
const PER_DAY = 10;
const PER_MONTH = 40;
/** How far the clock may be from the truth: what the signer takes for NTP. */
const TOLERANCE = 60_000;
const STEPS = 30;

// Changes at midnight, by half an hour, at odd offsets, and none.
const ZONES = [
  ...[
    "UTC",
    "Europe/Athens",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Santiago",
  ],
  ...["Africa/Cairo", "Asia/Beirut", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Casablanca"],
  ...["America/St_Johns", "Antarctica/Troll", "America/Havana", "Pacific/Chatham"],
] as const;

interface Paid {
  /** Unix ms by the signer's clock, to the second; and of the end of its validity. */
  readonly from: number;
  readonly to: number;
}

interface Counts {
  schedules: number;
  signed: number;
  declined: number;
  stopped: number;
  readonly worst: { ahead: number };
}

async function run(conditions: Conditions): Promise<Evidence> {
  const random = new Random(conditions.seed, "days");
  const counts: Counts = { schedules: 0, signed: 0, declined: 0, stopped: 0, worst: { ahead: 0 } };
  const empty = await Empty.make();
  const total = conditions.count(40, 3000);
  try {
    for (; counts.schedules < total; counts.schedules++) {
      const schedule = new Schedule(empty, random, counts);
      try {
        await schedule.run();
      } catch (error) {
        throw new Error(`${schedule.told()}: ${(error as Error).message}`, { cause: error });
      }
    }
  } finally {
    empty.remove();
  }
  return {
    done:
      `${grouped(total)} random schedules in ${ZONES.length} time zones around midnights, month ends, leap days and DST ` +
      `changes of 2026 to 2040, with restarts, changes of the zone and steps of the clock; ` +
      `${grouped(counts.signed + counts.declined)} payments`,
    held:
      `${grouped(counts.signed)} were signed: by no calendar day or month that a payment's validity touches more than the ` +
      `budget, and where the clock was right exactly what it allows; ${grouped(counts.stopped)} times the clock was wrong ` +
      `and nothing was decided; nothing was signed at a time more than ${Math.ceil(counts.worst.ahead / 1000)} s off`,
  };
}

/** A ledger that has a vault and nothing else, made long ago. */
class Empty {
  readonly home: SignerHome;
  readonly #folder: string;

  private constructor(home: SignerHome, folder: string) {
    this.home = home;
    this.#folder = folder;
  }

  static async make(): Promise<Empty> {
    const home = await SignerHome.make();
    const signer = await home.start({ clock: () => Date.UTC(2025, 0), boot: "long ago" });
    await signer.unlock();
    await signer.close();
    const folder = mkdtempSync(join(realpathSync(tmpdir()), "x402-empty-"));
    cpSync(home.state, folder, { recursive: true });
    return new Empty(home, folder);
  }

  restore(): void {
    rmSync(this.home.state, { recursive: true });
    cpSync(this.#folder, this.home.state, { recursive: true });
  }

  remove(): void {
    this.home.remove();
    rmSync(this.#folder, { recursive: true });
  }
}

class Schedule {
  readonly #empty: Empty;
  readonly #random: Random;
  readonly #counts: Counts;
  readonly #log: string[] = [];
  readonly #paid: Paid[] = [];
  #zone: string;
  /** Unix ms: what the time is, and what the clock says. */
  #truth: number;
  #wall: number;
  readonly #bootedAt: number;
  #signer!: Signer;
  #name = 0;

  constructor(empty: Empty, random: Random, counts: Counts) {
    this.#empty = empty;
    this.#random = random;
    this.#counts = counts;
    this.#zone = random.pick(ZONES);
    this.#truth = this.#wall = interesting(random, this.#zone) - random.below(6 * HOUR);
    this.#bootedAt = this.#truth - random.below(10 * DAY);
  }

  told(): string {
    return this.#log.join("; ");
  }

  async run(): Promise<void> {
    this.#empty.restore();
    await this.#start();
    try {
      await this.#apply();
      for (let step = 0; step < STEPS; step++) await this.#step();
    } finally {
      await this.#signer.close();
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const what = random.below(20);
    if (what < 9) this.#pass(random.pick([1000, MINUTE, 9 * MINUTE, HOUR, 5 * HOUR]) * random.between(1, 3));
    else if (what === 9) await this.#restart();
    else if (what === 10) await this.#changeZone();
    else if (what === 11) this.#wall = this.#truth + random.between(-30, 30) * 1000;
    else if (what === 12) await this.#stepOfTheClock();
    else if (what === 13 && random.oneIn(3)) await this.#creep();
    await this.#pay(random.between(1, 6));
  }

  #pass(ms: number): void {
    this.#log.push(`${ms / 1000} s pass`);
    this.#truth += ms;
    this.#wall += ms;
  }

  async #start(): Promise<void> {
    this.#log.push(`start at ${new Date(this.#wall).toISOString()}`);
    this.#signer = await this.#empty.home.start({
      clock: () => this.#wall,
      uptime: () => (this.#truth - this.#bootedAt) / 1000,
      boot: "this one",
    });
    await this.#signer.unlock();
  }

  async #restart(): Promise<void> {
    await this.#signer.close();
    await this.#start();
  }

  async #changeZone(): Promise<void> {
    this.#zone = this.#random.pick(ZONES);
    await this.#apply();
  }

  async #apply(): Promise<void> {
    this.#log.push(this.#zone);
    const limits = { perDayMax: `0.${PER_DAY}`, perMonthMax: `0.${PER_MONTH}` };
    await this.#signer.apply(document({ ...limits, timezone: this.#zone }));
  }

  /** A jump of the wall clock alone and back: nothing may be signed while it is wrong by more than the tolerance. */
  async #stepOfTheClock(): Promise<void> {
    const step = this.#random.pick([-HOUR, -10 * MINUTE, -2 * MINUTE, 2 * MINUTE, HOUR, 6 * HOUR, DAY]);
    this.#log.push(`the clock steps by ${step / 1000} s`);
    this.#wall += step;
    await this.#pay(3);
    this.#wall -= step;
    await this.#pay(1);
  }

  /** Many small steps ahead: together they may not gain more than one. */
  async #creep(): Promise<void> {
    this.#log.push("the clock creeps ahead");
    for (let n = 0; n < 10; n++) {
      this.#wall += 40_000;
      await this.#pay(1);
    }
    this.#wall = this.#truth;
  }

  async #pay(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const seconds = this.#random.pick([1, 60, 600]);
      const asked = intent(this.#name++, { maxTimeoutSeconds: seconds });
      let result: SignResult;
      try {
        result = await this.#signer.sign(asked);
      } catch (error) {
        this.#expectWrongClock(errorCode(error));
        return;
      }
      if (result.outcome === "signed") this.#signed(Date.parse(result.expiresAt), seconds);
      else this.#declined(result, seconds);
    }
  }

  #signed(to: number, seconds: number): void {
    const paid = { from: to - seconds * 1000, to };
    const off = Math.abs(paid.from - this.#truth);
    // What is held still for NTP may lag, and the clock is cut to seconds.
    assert.ok(off <= TOLERANCE + 1000, `signed at a time that is ${off / 1000} s off`);
    this.#counts.worst.ahead = Math.max(this.#counts.worst.ahead, off);
    const full = this.#fullPeriods(paid);
    assert.deepEqual(full, [], `signed beyond the budget of ${full.join(", ")}`);
    this.#paid.push(paid);
    this.#counts.signed += 1;
    this.#log.push(`signed until ${new Date(to).toISOString()}`);
  }

  /** Only when a budget is full; the last second of a validity may count for the day after it. */
  #declined(result: Exclude<SignResult, { outcome: "signed" }>, seconds: number): void {
    this.#counts.declined += 1;
    assert.match(result.check.code, /^(DAILY|MONTHLY)_BUDGET_EXCEEDED$/);
    const latest = Math.max(this.#wall, ...this.#paid.map(({ from }) => from));
    const would = { from: this.#wall - 1000, to: latest + (seconds + 1) * 1000 };
    assert.notDeepEqual(this.#fullPeriods(would), [], "declined what the budget allows");
  }

  /** The days and months that this payment's validity touches and that have no room for it. */
  #fullPeriods(paid: Paid): string[] {
    const limits = [
      { of: dayOf, limit: PER_DAY },
      { of: monthOf, limit: PER_MONTH },
    ];
    return limits.flatMap(({ of, limit }) =>
      touched(of, paid, this.#zone).filter((period) => {
        const used = this.#paid.filter((other) => touched(of, other, this.#zone).includes(period));
        return used.length >= limit;
      }),
    );
  }

  #expectWrongClock(code: string): void {
    const off = this.#wall - this.#truth;
    const latest = Math.max(0, ...this.#paid.map(({ from }) => from));
    this.#log.push(code);
    this.#counts.stopped += 1;
    if (code === "CLOCK_BEHIND") assert.ok(this.#wall < latest || off < 0, "the clock was not behind");
    else {
      assert.equal(code, "CLOCK_AHEAD");
      assert.ok(off > 0, "the clock was not ahead");
    }
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The local date, as Intl reckons it: 2026-11-20. */
function dayOf(ms: number, zone: string): string {
  let format = formats.get(zone);
  if (!format) {
    const parts = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
    formats.set(zone, (format = new Intl.DateTimeFormat("en-CA", { timeZone: zone, ...parts })));
  }
  return format.format(ms);
}

const monthOf = (ms: number, zone: string): string => dayOf(ms, zone).slice(0, 7);

/** A validity is at most ten minutes: it touches one period or two. Its end is not part of it. */
const touched = (of: typeof dayOf, { from, to }: Paid, zone: string): string[] => [
  ...new Set([of(from, zone), of(to - 1, zone)]),
];

/** An instant at which the calendar does something: a midnight, a month's end, a leap day, a change of the offset. */
function interesting(random: Random, zone: string): number {
  const year = random.between(2026, 2040);
  switch (random.below(5)) {
    case 0:
      return Date.UTC(year, random.below(12), random.between(1, 28));
    case 1:
      return Date.UTC(year, random.below(12) + 1, 1);
    case 2:
      return Date.UTC(random.pick([2028, 2032, 2036, 2040]), 1, random.pick([28, 29, 30]));
    default:
      return changeOfOffset(zone, year, random) ?? Date.UTC(year + 1, 0, 1);
  }
}

/** An hour in which the zone's offset changes. */
function changeOfOffset(zone: string, year: number, random: Random): number | undefined {
  const hourOf = (ms: number): number => {
    const local = new Date(ms).toLocaleString("sv-SE", { timeZone: zone });
    return Date.parse(`${local.replace(" ", "T")}Z`) - ms;
  };
  const changes: number[] = [];
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += DAY) {
    if (hourOf(at) !== hourOf(at + DAY)) changes.push(at);
  }
  const day = changes.length > 0 ? random.pick(changes) : undefined;
  if (day === undefined) return undefined;
  for (let at = day; at < day + DAY; at += HOUR / 2)
    if (hourOf(at) !== hourOf(at + HOUR / 2)) return at + HOUR / 2;
  return day;
}
