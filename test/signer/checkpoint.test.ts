// Checkpoints: what a start has to read stays short, counters that are over go, and what an auditor reads fits.
import { createPublicKey, hash, verify } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Signer, SignerHome, type SignerProcess, outcomeOf } from "../counterparts/signer.ts";
import { jws } from "../verify/forge.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const DAY = 86_400_000;

let home: SignerHome;

beforeEach(async () => {
  home = await SignerHome.make();
});

afterEach(() => {
  home.remove();
});

type Any = Pick<Signer | SignerProcess, "sign">;

async function payAll(
  signer: Any,
  count: number,
  name: string,
  changed: (n: number) => object = () => ({}),
): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    const some = [...Array(Math.min(500, count - from)).keys()].map((n) => from + n);
    const all = await Promise.all(
      some.map((n) => outcomeOf(signer.sign(intent(`${name}-${n}`, changed(n))))),
    );
    expect(new Set(all)).toEqual(new Set(["signed"]));
  }
}

it("are written after ten thousand rows, also when a kill came between", async () => {
  const first = await home.spawn({ args: ["--quiet"] });
  await first.unlock();
  await first.apply(document());
  await payAll(first, 10_200, "first");
  const record = await LedgerRecord.read(first.operator);
  const [atUnlock, later, ...others] = record.ofKind("checkpoint");
  expect([atUnlock?.seq, others]).toEqual([4, []]);
  expect([atUnlock, later].every((row) => row !== undefined && "sig" in row)).toBe(true);
  expect(later?.seq).toBeGreaterThan(10_000);
  expect(later?.seq).toBeLessThan(10_600);
  await first.kill();
  first.disconnect();
  const second = await home.spawn({ args: ["--quiet"] });
  expect((await second.status()).head.seq).toBe(record.head.seq + 1);
  await second.close();
});

it("forget counters of windows that are over, and no others", async () => {
  let now = Date.UTC(2026, 10, 20, 12);
  const clock = (): number => now;
  let signer = await home.start({ clock });
  await signer.unlock({ count: 500 });
  const budgets = [
    { name: "minute", count: 100, window: "1m" },
    { name: "hour", limit: "5.00", window: "1h", per: "recipient" },
    { name: "long", limit: "5.00", window: "30d" },
  ];
  await signer.apply(document({ perSessionMax: "5.00", perDayMax: "5.00", perMonthMax: "5.00", budgets }));
  await payAll(signer, 20, "first");
  now += 30_000;
  await payAll(signer, 20, "second");
  const counted = async (): Promise<string[]> =>
    [
      ...new Set(
        (await LedgerRecord.read(signer.operator)).counters.map(([key]) => key.replace(/0x[0-9a-f]+/, "0x")),
      ),
    ].sort();
  const lasting = ["household|usd|30d", "household|usd|month@UTC", "household|usd|total"];
  expect(await counted()).toEqual(
    [
      "agent:default|newKeys|day",
      "agent:default|unresolved|total",
      "household|count|1m",
      "household|usd|1h|recipient=0x",
      "household|usd|session",
      "unlock:3|count|total",
      "household|usd|day@UTC",
      ...lasting,
    ].sort(),
  );
  const restart = async (): Promise<void> => {
    await signer.close();
    signer = await home.start({ clock });
    await signer.unlock();
  };
  now += 45_000; // the first payments' minute is over, the second ones' is not
  await restart();
  const minute = (await LedgerRecord.read(signer.operator)).counters.filter(
    ([key]) => key === "household|count|1m",
  );
  expect(minute.map(([, , amount]) => amount)).toEqual(["20"]);
  now += 3 * DAY; // also past the hour
  await restart();
  expect(await counted()).toEqual(["agent:default|unresolved|total", ...lasting]);
  now += 40 * DAY;
  await restart();
  expect(await counted()).toEqual(["agent:default|unresolved|total", "household|usd|total"]);
  await payAll(signer, 5, "last");
  expect((await LedgerRecord.read(signer.operator)).counter("household|usd|total")).toBe(450_000n);
  await signer.close();
});

it("or not, a record that an agent has blown up can still be audited", async () => {
  const signer = await home.start();
  await signer.unlock();
  await signer.apply(document());
  const payee = (n: number): string => `0x${hash("sha256", String(n)).slice(0, 40)}`;
  await payAll(signer, 5000, "x", (n) => ({
    payTo: payee(n),
    amount: "1",
    claims: { url: `https://${hash("sha256", `a${n}`)}.example/${"p".repeat(200)}${n}` },
  }));
  // Every payment has its own counters under this document: they are filled in one row.
  const pers = ["recipient", "domain", "resource"] as const;
  const budgets = pers.flatMap((per) => [
    { name: `${per} a day`, limit: "1.00", window: "day", per },
    { name: `${per} in all`, count: 100, window: "total", per },
  ]);
  await signer.apply(document({ budgets }));
  const record = await LedgerRecord.read(signer.operator);
  expect(record.counters.length).toBeGreaterThan(30_000);
  await signer.close();
});

describe("are signed", () => {
  interface Checkpoint {
    readonly seq: number;
    readonly at: number;
    readonly counters: string;
    readonly sig?: string;
  }
  /** Kind of the row before each checkpoint, and whether it is signed. */
  async function checkpoints(signer: Signer): Promise<string[]> {
    const { rows } = await LedgerRecord.read(signer.operator);
    return rows.flatMap((row, i) =>
      row.kind === "checkpoint"
        ? [`${rows[i - 1]!.kind} ${"sig" in row && row["sig"] !== undefined ? "signed" : "unsigned"}`]
        : [],
    );
  }

  it("after each unlock and after each end of one, whatever ends it; and not when a locked signer stops", async () => {
    let now = Date.UTC(2026, 10, 20, 12);
    const clock = (): number => now;
    let signer = await home.start({ clock });
    await signer.apply(document());
    const expected: string[] = [];
    const begun = "vault.unlocked signed";
    const ended = "vault.locked signed";
    await signer.unlock();
    await signer.lock();
    expected.push(begun, ended);
    await signer.unlock({ count: 1 });
    await signer.sign(intent("spent"));
    await signer.status();
    expected.push(begun, ended);
    await signer.unlock({ endsAt: new Date(now + 60_000).toISOString() });
    now += 61_000;
    expect(await outcomeOf(signer.sign(intent("late")))).toBe("SIGNER_LOCKED");
    await signer.status();
    expected.push(begun, ended);
    await signer.unlock();
    await signer.unlock();
    expected.push(begun, begun);
    await signer.close();
    expected.push(ended);
    signer = await home.start({ clock });
    await signer.close();
    expected.push("signer.started unsigned");
    signer = await home.start({ clock });
    expect(await checkpoints(signer)).toEqual(expected);
    await signer.close();
  });

  it("by a key that docs/ledger.md alone is enough to check", async () => {
    const signer = await home.start();
    await signer.unlock();
    const { rows, head } = await LedgerRecord.read(signer.operator);
    const row = rows.find(({ kind }) => kind === "checkpoint") as unknown as Checkpoint;
    const { auditKey: x = "" } = rows.find(({ kind }) => kind === "vault.unlocked") as { auditKey?: string };
    expect(x).toBe((await signer.status()).auditKey);
    const [header = "", payload = "", signature = ""] = row.sig!.split(".");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    expect(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))).toBe(
      true,
    );
    const { seq, at, counters } = row;
    const previous = rows[seq - 2]!.hash;
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toEqual({
      ...{ ledger: head.ledger, seq, previous, counters, at },
    });
    const seed = home.secrets()[3]!;
    expect(jws(seed, x, "x402-checkpoint", { ledger: head.ledger, seq, previous, counters, at })).toBe(
      row.sig,
    );
    await signer.close();
  });
});
