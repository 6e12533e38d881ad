// Rules that read what only a signer has: its clock, the prices on its record, and when an agent's permission ends.
import { afterEach, beforeEach, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const pay = (name: string | number, agent = "default", session?: string): Promise<string> =>
  outcomeOf(signer.sign(intent(name), { agent, ...(session === undefined ? {} : { session }) }));

it("pays within the schedule by its own clock, and says when it opens", async () => {
  await signer.apply(document({ timezone: "Europe/Athens", schedule: [{ allow: "08:00-20:00" }] }));
  now = Date.parse("2026-11-20T17:59:59.999Z");
  expect(await pay(1)).toBe("signed");
  now += 1;
  const declined = await signer.sign(intent(2));
  expect(declined).toMatchObject({
    outcome: "declined",
    check: { code: "OUTSIDE_SCHEDULE", claimed: false, reopensAt: "2026-11-21T06:00:00.000Z" },
  });
  const { scopes } = await agentCall(await signer.agent(), "budget.get", {});
  expect(scopes[0]?.left).toContainEqual(
    expect.objectContaining({ rule: "schedule", ok: false, reopensAt: "2026-11-21T06:00:00.000Z" }),
  );
  // What was signed in time is answered again: it is alive whatever the clock says.
  expect(await pay(1)).toBe("signed");
  now = Date.parse("2026-11-21T06:00:00.000Z");
  expect(await pay(2)).toBe("signed");
});

it("keeps a session's schedule in the household's time zone, also after a restart", async () => {
  await signer.apply(document({ timezone: "Asia/Tokyo" }));
  const { session } = await agentCall(await signer.agent(), "session.open", {
    policy: { schedule: [{ allow: "21:00-22:00" }] },
  });
  expect(await pay(1, "default", session)).toBe("signed");
  now += 59 * MINUTE;
  await signer.close();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
  expect(await pay(2, "default", session)).toBe("signed");
  now += MINUTE;
  expect(await pay(3, "default", session)).toBe("OUTSIDE_SCHEDULE");
  expect(await pay(4)).toBe("signed");
});

it("pays with a stablecoin while its newest price is young and near a dollar", async () => {
  const price = (usd: string) =>
    operatorCall(signer.operator, "price.set", { symbol: "USDC", usd, maxAge: 3600 });
  await signer.apply(document({ depeg: { max: "0.01", maxAge: "5m" } }));
  expect(await pay(1)).toBe("PRICE_STALE");
  await price("0.99");
  expect(await pay(2)).toBe("signed");
  now += 5 * MINUTE;
  expect(await pay(3)).toBe("signed");
  now += 1;
  expect(await pay(4)).toBe("PRICE_STALE");
  await price("0.989999999999");
  expect(await pay(5)).toBe("STABLECOIN_DEPEG");
  await price("1.01");
  expect(await pay(6)).toBe("signed");
  await signer.close();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
  expect(await pay(7)).toBe("signed");
});

it("ends an agent's permission, in what it may ask for, what it is told and what may be lost", async () => {
  const expires = new Date(now + MINUTE / 2).toISOString();
  await signer.apply(document({ agents: { default: { expires, perDayMax: "1.00" } } }));
  expect(await pay(1)).toBe("signed");
  const agent = await signer.agent();
  const told = async () => {
    const { scopes } = await agentCall(agent, "budget.get", {});
    const { maxLoss, scopes: states } = await agentCall(agent, "signer.status", {});
    const ends = [scopes, states].map((all) => all.find(({ kind }) => kind === "agent")?.endsAt);
    return [...ends, maxLoss.total];
  };
  expect(await told()).toEqual([expires, expires, "1.00"]);
  now += MINUTE / 2 - 1;
  expect(await pay(2)).toBe("signed");
  now += 1;
  expect(await pay(3)).toBe("AGENT_EXPIRED");
  // What it has is alive, and it gets no second copy of it.
  expect(await pay(2)).toBe("AGENT_EXPIRED");
  expect(await told()).toEqual([expires, expires, "0.02"]);
  await signer.apply(document());
  expect(await pay(2)).toBe("signed");
});
