// A clock that leaps ahead of the machine's uptime, a reboot, and what the operator's word on a clock does to budgets.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import type { Code } from "../../protocol/errors.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let home: SignerHome;
let signer: Signer;
/** The wall clock, and the machine's: what a person does to the one does nothing to the other. */
let now: number;
let up: number;
let boot: string;

const start = async (): Promise<void> => {
  signer = await home.start({ clock: () => now, uptime: () => up / 1000, boot });
};

async function restart(): Promise<void> {
  await signer.close();
  await start();
  if ((await signer.status()).state !== "frozen") await signer.unlock();
}

/** Time goes by. */
function pass(ms: number): void {
  now += ms;
  up += ms;
}

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  up = 5 * DAY;
  boot = "first";
  home = await SignerHome.make();
  await start();
  await signer.unlock();
  await signer.apply(document({ perDayMax: "0.02" }));
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const pay = (name: string | number): Promise<string> => outcomeOf(signer.sign(intent(name)));
const accept = (code: Code, assume?: string) =>
  operatorCall(signer.operator, "ledger.accept", { code, ...(assume === undefined ? {} : { assume }) });
const frozenBy = async (): Promise<string | undefined> => (await signer.status()).frozenBy;

async function spendTheDay(): Promise<void> {
  expect(await pay(`${now}-1`)).toBe("signed");
  expect(await pay(`${now}-2`)).toBe("signed");
  expect(await pay(`${now}-3`)).toBe("DAILY_BUDGET_EXCEEDED");
}

describe("a clock that leaps ahead", () => {
  it("by a minute is believed, by more stops every decision until it is right again", async () => {
    await spendTheDay();
    now += MINUTE;
    expect(await pay("believed")).toBe("DAILY_BUDGET_EXCEEDED");
    now += DAY;
    for (const again of [false, true]) {
      if (again) await restart();
      expect(await frozenBy()).toBe("CLOCK_AHEAD");
      const agent = await signer.agent();
      expect(await pay("leapt")).toBe("CLOCK_AHEAD");
      expect(await codeOf(() => agentCall(agent, "session.open", { policy: {} }))).toBe("CLOCK_AHEAD");
      expect(await codeOf(() => agentCall(agent, "payment.quote", { intents: [intent(1)] }))).toBe(
        "CLOCK_AHEAD",
      );
      expect(await codeOf(() => signer.unlock())).toBe("CLOCK_AHEAD");
      expect(await codeOf(() => signer.apply(document()))).toBe("CLOCK_AHEAD");
    }
    // Rows of a signer that is frozen bear the last time that was right.
    const { rows } = await LedgerRecord.read(signer.operator);
    expect(Math.max(...rows.map(({ at }) => at))).toBeLessThan(now - DAY + MINUTE);
    now -= DAY;
    expect((await signer.status()).state).not.toBe("frozen");
    await signer.unlock();
    expect(await pay("right-again")).toBe("DAILY_BUDGET_EXCEEDED");
    pass(DAY);
    expect(await pay("tomorrow")).toBe("signed");
  });

  it.each([
    [-HOUR, "CLOCK_BEHIND"],
    [-2 * MINUTE, "CLOCK_BEHIND"],
    [-50 * SECOND, undefined],
    [50 * SECOND, undefined],
    [2 * MINUTE, "CLOCK_AHEAD"],
    [HOUR, "CLOCK_AHEAD"],
    [12 * HOUR, "CLOCK_AHEAD"],
    [DAY, "CLOCK_AHEAD"],
  ])("or back: by %i ms it is %s, also when the signer was down meanwhile", async (step, code) => {
    await spendTheDay();
    await signer.close();
    now += step;
    await start();
    expect(await frozenBy()).toBe(code);
    if (code === undefined) await signer.unlock();
    expect(await pay("after")).toBe(code ?? "DAILY_BUDGET_EXCEEDED");
    now -= step;
    if (code !== undefined) await signer.unlock();
    expect(await pay("after")).toBe("DAILY_BUDGET_EXCEEDED");
  });

  it("a little at a time gets no further", async () => {
    await spendTheDay();
    for (let n = 0; n < 3; n++) {
      now += 19 * SECOND;
      expect(await pay(`creep-${n}`)).toBe("DAILY_BUDGET_EXCEEDED");
      if (n === 1) await restart();
    }
    now += 19 * SECOND;
    expect(await pay("crept")).toBe("CLOCK_AHEAD");
  });

  it("back and ahead again by less than a minute is the same clock", async () => {
    expect(await pay(1)).toBe("signed");
    now -= 50 * SECOND;
    expect(await pay(2)).toBe("signed");
    now += 50 * SECOND;
    expect(await pay(3)).toBe("DAILY_BUDGET_EXCEEDED");
    now += 50 * SECOND;
    expect(await frozenBy()).toBe("CLOCK_AHEAD");
  });

  it("with the uptime, as after a night's sleep of the machine, is time that went by", async () => {
    await spendTheDay();
    pass(DAY);
    expect(await pay("next-day")).toBe("signed");
    await restart();
    expect(await pay("next-day-2")).toBe("signed");
  });

  it("over a reboot is believed: nothing else is known then", async () => {
    await spendTheDay();
    await signer.close();
    [boot, up] = ["second", 30 * SECOND];
    now += DAY;
    await start();
    await signer.unlock();
    expect(await pay("after")).toBe("signed");
    now += 2 * MINUTE;
    expect(await pay("leapt")).toBe("CLOCK_AHEAD");
  });

  it("whose uptime runs backwards in one boot is ahead, too", async () => {
    expect(await pay(1)).toBe("signed");
    up -= HOUR;
    now += 2 * SECOND;
    expect(await pay(2)).toBe("CLOCK_AHEAD");
  });
});

describe("the operator's word on a clock", () => {
  it("that is ahead opens only what time opens", async () => {
    await spendTheDay();
    now += 2 * HOUR;
    expect(await codeOf(() => accept("CLOCK_BEHIND"))).toBe("NOTHING_TO_ACCEPT");
    const { seq } = await accept("CLOCK_AHEAD");
    expect((await LedgerRecord.read(signer.operator)).rows.find((row) => row.seq === seq)).toMatchObject({
      kind: "ledger.accepted",
      code: "CLOCK_AHEAD",
      at: now,
      assume: "0",
    });
    await signer.unlock();
    expect(await pay("same-day")).toBe("DAILY_BUDGET_EXCEEDED");
    now += 59 * SECOND;
    expect(await pay("same-day")).toBe("DAILY_BUDGET_EXCEEDED");
    now += 2 * SECOND;
    expect(await frozenBy()).toBe("CLOCK_AHEAD");
  });

  it("that is behind reopens no window that is still counted", async () => {
    await spendTheDay();
    now -= 2 * HOUR;
    expect(await frozenBy()).toBe("CLOCK_BEHIND");
    await accept("CLOCK_BEHIND");
    await restart();
    expect(await pay("same-day")).toBe("DAILY_BUDGET_EXCEEDED");
    pass(DAY);
    expect(await pay("tomorrow")).toBe("signed");
    await LedgerRecord.read(signer.operator);
  });

  it.each([2, 10, 400])(
    "that was %i days ahead over a reboot finds windows full that were forgotten",
    async (days) => {
      await signer.apply(
        document({
          perDayMax: "0.02",
          perMonthMax: "0.10",
          budgets: [
            { name: "hour", limit: "0.03", window: "1h" },
            { name: "payee", limit: "0.02", window: "day", per: "recipient" },
          ],
        }),
      );
      await spendTheDay();
      await signer.close();
      [boot, up] = ["second", 30 * SECOND];
      now += days * DAY;
      await start();
      await signer.unlock(); // and with it a checkpoint, which forgets what is over
      await signer.close();
      now -= days * DAY;
      await start();
      expect(await frozenBy()).toBe("CLOCK_BEHIND");
      await accept("CLOCK_BEHIND");
      await signer.unlock();
      const full = days > 30 ? "MONTHLY_BUDGET_EXCEEDED" : "DAILY_BUDGET_EXCEEDED";
      expect(await pay("again")).toBe(full);
      pass(2 * DAY);
      expect(await pay("later")).toBe(days > 30 ? "MONTHLY_BUDGET_EXCEEDED" : "signed");
      await LedgerRecord.read(signer.operator);
    },
  );

  it("ends an unlock, and what is signed is on record", async () => {
    expect(await pay(1)).toBe("signed");
    now += HOUR;
    await accept("CLOCK_AHEAD");
    expect((await signer.status()).state).toBe("locked");
    expect(await pay(2)).toBe("SIGNER_LOCKED");
    await signer.unlock();
    expect(await pay(2)).toBe("signed");
  });
});

describe("daylight saving", () => {
  it.each([
    ["into winter time", Date.UTC(2026, 9, 24, 21, 30)],
    ["into summer time", Date.UTC(2026, 2, 28, 22, 30)],
  ])("%s moves no clock here, and opens a day once", async (_what, evening) => {
    await signer.close();
    home.remove();
    home = await SignerHome.make();
    now = evening;
    await start();
    await signer.unlock();
    await signer.apply(document({ perDayMax: "0.02", timezone: "Europe/Athens" }));
    let signed = 0;
    for (let hour = 0; hour < 30; hour++) {
      if ((await pay(`${hour}`)) === "signed") signed += 1;
      pass(HOUR);
      expect(await frozenBy()).toBeUndefined();
    }
    // Parts of two days: each has its own two cents.
    expect(signed).toBe(4);
  });
});
