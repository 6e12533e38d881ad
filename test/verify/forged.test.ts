// What the rows tell of a signer that lies: everything here is chained, counted and signed as it should be.
import { beforeAll, describe, expect, it } from "vitest";
import { type JsonObject, canonical } from "../../verify/text.ts";
import { type Body, another, bodiesOf, forge, parse, redrawn, sha256 } from "./forge.ts";
import { BLOCKED, type Life, MINUTE, makeLife, rules } from "./life.ts";
import { verdict } from "./verdict.ts";

const DAY = 86_400;

let life: Life;
beforeAll(async () => {
  life = await makeLife();
});

const rows = (): Body[] => bodiesOf(life.text);
const last = (kind: string, of = rows()): Body => of.findLast((body) => body["kind"] === kind)!;
/** The newest payment of the default agent: valid, and unlocked. */
const model = (): Body => last("payment.reserved");
const forged = (bodies: readonly Body[]) => verdict(forge(life, bodies), { keys: [life.key] });
const appended = (...bodies: Body[]) => forged([...rows(), ...bodies]);
const replaced = (kind: string, change: (body: Body) => Body | undefined) => {
  const all = rows();
  const at = all.findLastIndex((body) => body["kind"] === kind);
  const changed = change(structuredClone(all[at]!));
  return forged(changed ? all.with(at, changed) : all.toSpliced(at, 1));
};
const no = (why: string) => ({ true: false, why: expect.stringContaining(why) as string });

/** The same payment with another amount in everything. */
const ofAmount = (id: string, amount: bigint, changed: Body = {}): Body => {
  const from = model();
  const add = (from["add"] as [string, number, string][]).map(([key, bucket, old]) => [
    ...[key, bucket],
    key.split("|")[1] === "count" ? old : amount.toString(),
  ]);
  return another(from, id, { amount: amount.toString(), usd: amount.toString(), add, ...changed });
};
const without = (add: unknown, part: string): unknown =>
  (add as [string][]).filter(([key]) => !key.includes(part));

describe("a forger", () => {
  it("who changes nothing is believed", () => {
    expect(parse(forge(life, rows())).rows).toEqual(parse(life.text).rows);
    expect(forged(rows())).toMatchObject({ true: true });
  });

  it("who adds what could have been is believed, too: the signer's word is what he has taken over", () => {
    expect(appended(another(model(), "one"), another(model(), "two"))).toMatchObject({ true: true });
  });

  it("is told that a kind of row is unknown", () => {
    expect(appended({ kind: "something.new", at: model()["at"] })).toMatchObject({
      true: true,
      kinds: { "unknown: something.new": 1 },
    });
  });
});

describe("a payment over a limit is found", () => {
  it("of one call", () => {
    expect(appended(ofAmount("a", 100_000n))).toMatchObject({ true: true });
    expect(appended(ofAmount("a", 100_001n))).toMatchObject(no("is over household's perCallMax"));
  });

  const many = (count: number, amount: bigint, rest: Body = {}): Body[] =>
    Array.from({ length: count }, (_, i) => ofAmount(`p${i}`, amount, rest));

  it("of what an unlock may spend", () => {
    expect(appended(...many(2, 100_000n))).toMatchObject({ true: true });
    expect(appended(...many(3, 100_000n))).toMatchObject(no("|usd|total over its limit"));
  });

  it("of how often an unlock may pay", () => {
    expect(appended(...many(18, 1n))).toMatchObject({ true: true });
    expect(appended(...many(19, 1n))).toMatchObject(no("|count|total over its limit"));
  });

  it.each([
    ["perSessionMax", "household|usd|session"],
    ["perDayMax", "household|usd|day@UTC"],
    ["perWeekMax", "household|usd|week@UTC"],
    ["perMonthMax", "household|usd|month@UTC"],
    ["totalMax", "household|usd|total"],
  ])("of %s, and a payment that is not counted there", (field, key) => {
    // The applied document says less than was paid under it.
    const document = { ...(last("policy.applied")["document"] as Body), [field]: "0.01" };
    expect(replaced("policy.applied", (body) => withDocument(body, document))).toMatchObject({ true: false });
    const uncounted = another(model(), "x", { add: without(model()["add"], key) });
    expect(appended(uncounted)).toMatchObject(no(`is not counted in ${key}`));
    const half = another(model(), "x", {
      add: (model()["add"] as [string, number, string][]).map(([name, bucket, amount]) => [
        ...[name, bucket],
        name === key ? "5000" : amount,
      ]),
    });
    expect(appended(half)).toMatchObject(no(`is not counted in ${key}`));
    for (const shift of [-DAY, -1, 1, DAY, 31 * DAY]) {
      const elsewhere = another(model(), "x", {
        add: (model()["add"] as [string, number, string][]).map(([name, bucket, amount]) => [
          ...[name, name === key ? bucket + shift : bucket],
          amount,
        ]),
      });
      expect(appended(elsewhere), `${shift}`).toMatchObject(no(`is not counted in ${key}`));
    }
  });

  it("of an agent's own", () => {
    const research = rows().find((body) => body["agent"] === "research")!;
    expect(appended(another(research, "x"))).toMatchObject({ true: true });
    const uncounted = { add: without(research["add"], "agent:research|usd|day") };
    expect(appended(another(research, "x", uncounted))).toMatchObject(
      no("is not counted in agent:research|usd|day@UTC"),
    );
  });

  it("across midnight, where it counts on both days", () => {
    const across = rows().find((body) => body["id"] === "intent-000000across")!;
    const days = (across["add"] as [string, number, string][]).filter(
      ([key]) => key === "household|usd|day@UTC",
    );
    expect(days.map(([, bucket]) => bucket % DAY)).toEqual([0, 0]);
    for (const dropped of days) {
      const all = rows();
      const at = all.findIndex((body) => body["id"] === across["id"]);
      const add = (across["add"] as unknown[]).filter(
        (entry) => JSON.stringify(entry) !== JSON.stringify(dropped),
      );
      expect(forged(all.with(at, { ...across, add }))).toMatchObject(
        no("is not counted in household|usd|day@UTC"),
      );
    }
  });
});

describe("a payment that may not be is found", () => {
  it("a second one of an intent", () => {
    expect(appended(another(model(), "x"), another(model(), "x"))).toMatchObject(no("a second time"));
    expect(appended({ ...model() })).toMatchObject(no("a second time"));
  });

  it("whose draft pays something else than its row says", () => {
    const pays = (changed: Body): Body => ({
      ...another(model(), "x"),
      draft: redrawn({ ...model(), ...changed }, "x"),
    });
    expect(appended(pays({}))).toMatchObject({ true: true });
    for (const changed of [
      { amount: "10001" },
      { payTo: BLOCKED },
      { from: BLOCKED },
      { expires: 2_000_000_000 },
    ])
      expect(appended(pays(changed))).toMatchObject(no("has a draft that pays something else"));
    const text = model()["draft"] as string;
    for (const draft of ["", text.slice(0, 40), `${text}AAAA`, text.replace(/^.{60}/, "A".repeat(60))])
      expect(appended({ ...another(model(), "x"), draft })).toMatchObject(no("has a draft"));
  });

  it.each([
    ["to a blocked payee", { payTo: BLOCKED }, "pays somebody who is blocked"],
    ["on another network", { network: "eip155:8453" }, "is on a network that is not allowed"],
    ["from another account", { from: BLOCKED }, "pays from an account of no vault"],
    ["by an agent of no policy", { agent: "nobody" }, "is by an agent of no policy"],
    ["in a session that is not open", { session: "s_abcdefghijkl" }, "names a session that is not open"],
    ["under another version", { policy: 1 }, "is not under the policy in force"],
    ["under another hash", { policyHash: "0".repeat(64) }, "names another policy by its hash"],
    ["under another unlock", { unlock: 3 }, "is signed while locked"],
    [
      "after the unlock's end",
      { at: Date.parse("2026-11-21T12:00:00Z") },
      "is signed after the unlock's end",
    ],
    ["before the row before it", { at: 1 }, "is older than the row before it"],
    ["of a negative value", { usd: "-1" }, "is not a payment"],
    ["of a negative amount", { amount: "-1" }, "has a draft that pays something else"],
  ])("%s", (_what, changed, why) => {
    expect(appended(another(model(), "x", changed))).toMatchObject(no(why));
  });

  it("while locked, or frozen", () => {
    const at = model()["at"] as number;
    const unlock = model()["unlock"] as number;
    const locked = { kind: "vault.locked", at, unlock, reason: "" };
    expect(appended(locked, another(model(), "x"))).toMatchObject(no("is signed while locked"));
    const restarted = { kind: "signer.started", at, version: "0.1.0" };
    expect(appended(restarted, another(model(), "x"))).toMatchObject(no("is signed while locked"));
    for (const agent of ["default", "*"]) {
      const frozen = { kind: "agent.frozen", at, agent };
      expect(appended(frozen, another(model(), "x"))).toMatchObject(no("is signed while frozen"));
      const lifted = { kind: "agent.unfrozen", at, agent };
      expect(appended(frozen, lifted, another(model(), "x"))).toMatchObject({ true: true });
    }
  });
});

describe("a new draft is found", () => {
  const later = (changed: Body = {}): Body => {
    const at = (model()["at"] as number) + 2 * MINUTE;
    const expires = (model()["expires"] as number) + 120;
    const body: Body = {
      ...model(),
      kind: "payment.redrafted",
      at,
      expires,
      add: [],
      booked: model()["add"],
      ...changed,
    };
    const first = Buffer.from(model()["draft"] as string, "base64");
    const draft = Buffer.from(redrawn(body, "other"), "base64");
    draft.set(first.subarray(224), 224);
    return { ...body, draft: changed["draft"] ?? draft.toString("base64") };
  };

  it("unless it is of the same payment, after the first has ended", () => {
    expect(appended(later())).toMatchObject({ true: true });
    expect(appended(later({ amount: "20000" }))).toMatchObject(no("drafts another payment"));
    expect(appended(later({ fingerprint: "0" }))).toMatchObject(no("drafts another payment"));
    expect(appended(later({ id: "another-intent-id" }))).toMatchObject(no("drafts another payment"));
    const early = later({ at: (model()["expires"] as number) * 1000 - 1 });
    expect(appended(early)).toMatchObject(no("drafts again what is still alive"));
  });

  it("with another nonce: the chain would take both", () => {
    const draft = redrawn(later(), "other nonce");
    expect(appended(later({ draft }))).toMatchObject(no("drafts another payment"));
  });

  it("of what was released", () => {
    const released = last("payment.released")["id"] as string;
    const first = rows().find((body) => body["id"] === released)!;
    const again = { ...first, kind: "payment.redrafted", at: model()["at"] as number, add: [] };
    expect(
      appended({ ...again, policy: 2, policyHash: model()["policyHash"], unlock: model()["unlock"] }),
    ).toMatchObject({
      true: false,
    });
  });
});

describe("an end that no proof allows is found", () => {
  it.each([
    ["a second time", (body: Body) => body, "ends what is not reserved"],
    ["of nothing", (body: Body) => ({ ...body, id: "no-such-intent-id" }), "ends what is not reserved"],
  ])("%s", (_what, change, why) => {
    expect(appended({ ...change(last("payment.released")), at: model()["at"] })).toMatchObject(no(why));
  });

  it.each([
    [
      "by one endpoint",
      (body: Body) => ({ ...body, findings: [(body["findings"] as unknown[])[0]] }),
      "fewer than two",
    ],
    ["of another amount", (body: Body) => ({ ...body, usd: "9999" }), "ends another amount"],
    ["while it is alive", (body: Body) => ({ ...body, at: (body["at"] as number) - 2 * MINUTE }), ""],
    [
      "that gives back more than it was",
      (body: Body) => ({ ...body, add: changed(body["add"], "household|usd|total", "-10001") }),
      "gives back more",
    ],
    [
      "that gives back more than once",
      (body: Body) => ({ ...body, add: [...(body["add"] as unknown[]), (body["add"] as unknown[])[0]] }),
      "gives back more",
    ],
    [
      "that is not counted as released",
      (body: Body) => ({ ...body, add: without(body["add"], "|released|") }),
      "is not counted in what was released",
    ],
  ])("%s", (_what, change, why) => {
    expect(replaced("payment.released", change)).toMatchObject(no(why));
  });

  it("over the day's bound", () => {
    const document = { ...(rows()[2]!["document"] as Body), maxReleasePerDay: "0.009999" };
    const all = rows();
    const at = all.findIndex((body) => body["kind"] === "policy.applied");
    const changed = all.with(at, withDocument(all[at]!, document));
    const hash = changed[at]!["hash"] as string;
    const old = all[at]!["hash"];
    const renamed = changed.map((body) => ({
      ...body,
      ...(body["policyHash"] === old ? { policyHash: hash } : {}),
      ...(body["base"] === old ? { base: hash } : {}),
    }));
    expect(forged(renamed)).toMatchObject(no("is over the day's maxReleasePerDay"));
  });

  const changed = (add: unknown, key: string, amount: string): unknown =>
    (add as [string, number, string][]).map(([name, bucket, old]) => [
      name,
      bucket,
      name === key ? amount : old,
    ]);
});

describe("a policy is found", () => {
  it.each([
    [
      "with another document",
      (body: Body) => ({ ...body, document: rules({ totalMax: "9.00" }) }),
      "another policy than its hash",
    ],
    ["that skips a version", (body: Body) => ({ ...body, version: 3 }), "does not follow"],
    ["that follows another", (body: Body) => ({ ...body, base: "0".repeat(64) }), "does not follow"],
    ["without a document", (body: Body) => ({ ...body, document: [] }), "applies no policy"],
    ["that was never applied", () => undefined, "is not under the policy in force"],
  ])("%s", (_what, change, why) => {
    expect(replaced("policy.applied", change)).toMatchObject(no(why));
  });
});

describe("a vault is found", () => {
  it.each([
    ["another one", { vault: "0".repeat(32) }, "unlocks another vault"],
    ["an older one", { generation: 0 }, "unlocks an older vault"],
    ["with another audit key", { auditKey: "A".repeat(43) }, "names another audit key"],
    ["without an audit key", { auditKey: undefined }, ""],
    ["with no accounts", { accounts: 1 }, "names no vault"],
  ])("%s", (_what, changed, why) => {
    expect(replaced("vault.unlocked", (body) => ({ ...body, ...changed }))).toMatchObject(no(why));
  });

  it("unlocked twice, or locked twice", () => {
    const unlocked = last("vault.unlocked");
    expect(appended({ ...unlocked, at: model()["at"] })).toMatchObject(no("unlocks what is unlocked"));
    const locked = { kind: "vault.locked", at: model()["at"] as number, unlock: 1, reason: "" };
    expect(appended(locked)).toMatchObject(no("locks what is not unlocked"));
  });
});

describe("a checkpoint is found", () => {
  it("without its signature while unlocked", () => {
    const all = rows();
    const at = all.findIndex((body) => body["kind"] === "checkpoint");
    const { sig, ...unsigned } = all[at]!;
    expect(sig).toBeDefined();
    expect(forged(all.with(at, unsigned))).toMatchObject(
      no("is not signed, although the signer was unlocked"),
    );
  });

  it("with the signature of another row, ledger or key", () => {
    const { header, rows: written, end } = parse(life.text);
    const signatures = written.filter(({ body }) => body.includes('"sig"'));
    expect(signatures.length).toBeGreaterThan(2);
    const swapped = forge(life, rows(), { seed: Buffer.alloc(32, 9) });
    expect(verdict(swapped)).toMatchObject(no("is not signed for what is here"));
    expect([header.ledger, end.head.seq]).toEqual([life.head.ledger, written.length]);
  });
});

describe("sums are found", () => {
  it("that the rows do not give", () => {
    const all = rows();
    const at = all.findIndex((body) => body["kind"] === "payment.reserved");
    const used = (all[at]!["used"] as string[]).with(0, "1");
    const text = forge(life, all.with(at, { ...all[at]!, used }), { keepUsed: true });
    expect(verdict(text)).toMatchObject(no("holds"));
    const { header, rows: written, end } = parse(life.text);
    const print = (counters: unknown): string =>
      [header, ...written, { ...end, counters }].map((line) => `${JSON.stringify(line)}\n`).join("");
    const counters = [...end.counters];
    expect(verdict(print(counters.slice(1)))).toMatchObject(no("a counter is missing"));
    expect(verdict(print([...counters, counters[0]]))).toMatchObject(no("a counter is missing"));
    expect(verdict(print([...counters, ["x", 0, "1"]]))).toMatchObject(no("does not match the record"));
    expect(verdict(print([...counters, ["x", 0, "0"]]))).toMatchObject(no("does not match the record"));
    expect(verdict(print(counters.toReversed()))).toMatchObject({ true: true });
  });

  it.each([
    ["used is missing", (body: Body) => ({ ...body, used: undefined }), "used is missing"],
    ["used is too short", (body: Body) => ({ ...body, used: [] }), "used does not fit add"],
    ["add is no list", (body: Body) => ({ ...body, add: 1 }), "adds to no counter"],
    [
      "add has text for a bucket",
      (body: Body) => ({ ...body, add: [["a", "0", "1"]] }),
      "adds to no counter",
    ],
    ["add has a fraction", (body: Body) => ({ ...body, add: [["a", 0, "1.5"]] }), "adds to no counter"],
  ])("where %s", (_what, change, why) => {
    const all = [...rows(), change(another(model(), "x"))];
    expect(verdict(forge(life, all, { keepUsed: true, seed: life.seed }))).toMatchObject(no(why));
  });
});

describe("a beginning is found", () => {
  it("that is another ledger's, or comes twice, or does not come", () => {
    const [created, ...rest] = rows();
    expect(forged([{ ...created, ledger: "0".repeat(32) }, ...rest])).toMatchObject(
      no("begins another ledger"),
    );
    expect(forged([...rows(), { ...created!, at: model()["at"] }])).toMatchObject(
      no("is not how a ledger begins"),
    );
    expect(forged(rest)).toMatchObject({ true: false });
  });

  it("that pretends to be of a version that recorded less", () => {
    const [created, ...rest] = rows();
    // Then it is told: what version 0.1 did not record cannot be checked.
    const old = { true: true, old: rest.length + 1 };
    expect(forged([{ ...created, version: 1 }, ...rest])).toMatchObject(old);
    expect(forged(rows())).not.toHaveProperty("old");
  });
});

/** The row of another document, with its hash. */
function withDocument(body: Body, document: Body): Body {
  return { ...body, document, hash: hashOf(document) };
}

const hashOf = (document: Body): string => sha256(canonical(document as JsonObject));
