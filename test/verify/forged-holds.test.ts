// What the rows tell of a signer that asks nobody, or does not wait for the answer.
import { beforeAll, describe, expect, it } from "vitest";
import { operatorCall } from "../../client/signer.ts";
import { SignerHome } from "../counterparts/signer.ts";
import { intent } from "../signer/intents.ts";
import { type Body, another, bodiesOf, forge } from "./forge.ts";
import { type Life, exported, rules } from "./life.ts";
import { verdict } from "./verdict.ts";

let life: Life;
beforeAll(async () => {
  const home = await SignerHome.make();
  let now = Date.parse("2026-11-20T12:00:00Z");
  const signer = await home.start({ clock: () => now });
  await signer.apply(rules({ approve: { above: "0.02", deskMax: "0.01" } }));
  await signer.unlock();
  const hold = async (name: string): Promise<string> => {
    const held = await signer.sign(intent(name, { amount: "50000" }));
    return held.outcome === "held" ? held.approval : "";
  };
  await signer.sign(intent("small"));
  await operatorCall(signer.operator, "approval.deny", { approval: await hold("denied") });
  await hold("late");
  now += 31 * 60_000;
  await operatorCall(signer.operator, "approval.approve", { approval: await hold("one") });
  await hold("one");
  const { auditKey: key = "", head } = await signer.status();
  life = { text: await exported(home), key, seed: home.secrets()[3]!, receipts: [], head };
  await signer.close();
  home.remove();
});

const rows = (): Body[] => bodiesOf(life.text);
const forged = (bodies: readonly Body[]) => verdict(forge(life, bodies), { keys: [life.key] });
const no = (why: string) => ({ true: false, why: expect.stringContaining(why) as string });
const changed = (kind: string, change: (body: Body) => Body | undefined) => {
  const all = rows();
  const at = all.findLastIndex((body) => body["kind"] === kind);
  const next = change(structuredClone(all[at]!));
  return forged(next ? all.with(at, next) : all.toSpliced(at, 1));
};
const small = (): Body => rows().find((body) => body["kind"] === "payment.reserved")!;

describe("a signer that does not wait", () => {
  it("and changes nothing is believed", () => {
    expect(forged(rows())).toMatchObject({
      true: true,
      kinds: { "payment.held": 3, "payment.approved": 1, "payment.denied": 1, "payment.lapsed": 1 },
    });
  });

  it("pays above the amount without asking", () => {
    const add = (small()["add"] as [string, number, string][]).map(([key, bucket, old]) => [
      ...[key, bucket],
      key.split("|")[1] === "count" ? old : "20001",
    ]);
    const at = rows().at(-1)!["at"];
    expect(
      forged([
        ...rows(),
        another({ ...small(), at, expires: Math.floor(Number(at) / 1000) + 60 }, "x", {
          amount: "20001",
          usd: "20001",
          add,
        }),
      ]),
    ).toMatchObject(no("without a person's word"));
  });

  it("signs what nobody approved, approves twice, or approves what is over", () => {
    const all = rows();
    const at = all.findIndex(({ kind }) => kind === "payment.approved");
    expect(forged(all.toSpliced(at, 1))).toMatchObject(no("nobody has approved"));
    expect(forged(all.toSpliced(at, 0, all[at]!))).toMatchObject(no("a second time"));
    const late = all.find(({ kind }) => kind === "payment.lapsed")!["approval"];
    expect(changed("payment.approved", (body) => ({ ...body, approval: late }))).toMatchObject(
      no("nothing that waits"),
    );
  });

  it("signs more than was approved, or to somebody else", () => {
    expect(changed("payment.held", (body) => ({ ...body, payTo: `0x${"77".repeat(20)}` }))).toMatchObject(
      no("another payment"),
    );
    expect(changed("payment.approved", (body) => ({ ...body, usd: "1" }))).toMatchObject(
      no("another payment"),
    );
    expect(changed("payment.approved", (body) => ({ ...body, until: body["at"] }))).toMatchObject(
      no("for no time"),
    );
  });

  it("lets a desk approve more than it may", () => {
    expect(changed("payment.approved", (body) => ({ ...body, by: "desk" }))).toMatchObject(
      no("a desk may approve"),
    );
  });

  it("lets a hold lapse early, twice, or give back more or less than it took", () => {
    expect(changed("payment.lapsed", (body) => ({ ...body, kind: "payment.denied" }))).toMatchObject({
      true: true,
    });
    const all = rows();
    const lapsed = all.findIndex(({ kind }) => kind === "payment.lapsed");
    expect(forged(all.toSpliced(lapsed, 0, all[lapsed]!))).toMatchObject({ true: false });
    const denied = all.findIndex(({ kind }) => kind === "payment.denied");
    expect(forged(all.with(denied, { ...all[denied]!, kind: "payment.lapsed" }))).toMatchObject(
      no("before its time"),
    );
    for (const amount of ["-50001", "-1", "50000"])
      expect(
        changed("payment.denied", (body) => ({
          ...body,
          add: (body["add"] as [string, number, string][]).map(([key, bucket]) => [key, bucket, amount]),
        })),
        amount,
      ).toMatchObject({ true: false });
  });

  it("holds for no reason, uncounted, or an intent twice", () => {
    expect(changed("payment.held", (body) => ({ ...body, checks: [] }))).toMatchObject(no("no reason"));
    const without = (body: Body) => ({
      ...body,
      add: (body["add"] as [string][]).filter(([key]) => !key.includes("|held|")),
    });
    expect(changed("payment.held", without)).toMatchObject(no("not counted as held"));
    const all = rows();
    const held = all.findIndex(({ kind }) => kind === "payment.held");
    expect(forged(all.toSpliced(held, 0, all[held]!))).toMatchObject(no("a second time"));
  });
});
