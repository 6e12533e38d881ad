// An unlock: its fuel, its end, and every way of handing over keys that is refused.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import type { ParamsOf } from "../../protocol/methods.ts";
import type { SignResult } from "../../protocol/shapes.ts";
import { sealFor } from "../../vault/handoff.ts";
import { Secret } from "../../vault/secret.ts";
import { open as openVault } from "../../vault/vault.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
  await signer.apply(document());
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const pay = (name: string | number, changed = {}): Promise<string> =>
  outcomeOf(signer.sign(intent(name, changed)));
const state = async (): Promise<string> => (await signer.status()).state;
const locks = async (): Promise<(string | undefined)[]> =>
  (await LedgerRecord.read(signer.operator)).ofKind("vault.locked").map(({ reason }) => reason);
const inSeconds = (seconds: number): string => new Date(now + seconds * 1000).toISOString();

describe("fuel", () => {
  it("of ten payments gives exactly ten of a hundred that come at once, and locks", async () => {
    await signer.unlock({ count: 10 });
    const asked = [...Array(100).keys()].map(async (n): Promise<SignResult | string> => {
      const result = signer.sign(intent(n));
      const outcome = await outcomeOf(result);
      return outcome === "signed" ? await result : outcome;
    });
    const results = await Promise.all(asked);
    const signed = results.filter((result) => typeof result !== "string");
    expect(signed).toHaveLength(10);
    for (const result of signed) expect(result).toMatchObject({ outcome: "signed", replayed: false });
    for (const result of results) {
      if (typeof result === "string") expect(["UNLOCK_BUDGET_EXCEEDED", "SIGNER_LOCKED"]).toContain(result);
    }
    expect(await state()).toBe("locked");
    expect(await pay("next")).toBe("SIGNER_LOCKED");
    const record = await LedgerRecord.read(signer.operator);
    expect(record.ofKind("payment.reserved")).toHaveLength(10);
    expect((await locks()).at(-1)).toBe("what was given is spent");
  });

  it("of a sum is spent to the unit, across many sizes of commits", async () => {
    await signer.unlock({ spend: "0.10" });
    const outcomes: string[] = [];
    for (const size of [1, 2, 3, 10]) {
      outcomes.push(...(await Promise.all([...Array(size).keys()].map((n) => pay(`${size}-${n}`)))));
    }
    expect(outcomes.filter((outcome) => outcome === "signed")).toHaveLength(10);
    expect(await state()).toBe("locked");
  });

  it("that is left over but too small for a payment leaves the signer unlocked for a smaller one", async () => {
    await signer.unlock({ spend: "0.025" });
    expect(await Promise.all([pay(1), pay(2)])).toEqual(["signed", "signed"]);
    expect(await pay(3)).toBe("UNLOCK_BUDGET_EXCEEDED");
    expect((await signer.status()).unlock).toMatchObject({ spendLeft: "0.005" });
    expect(await pay(4, { amount: "5000" })).toBe("signed");
    expect(await state()).toBe("locked");
  });

  it("is not used by a replay or a decline, and a new unlock has its own", async () => {
    await signer.unlock({ count: 2 });
    expect(await pay(1)).toBe("signed");
    for (let n = 0; n < 5; n++) expect(await pay(1)).toBe("signed");
    expect(
      await pay(2, { network: "eip155:8453", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" }),
    ).toBe("CHAIN_NOT_ALLOWED");
    expect((await signer.status()).unlock).toMatchObject({ countLeft: 1 });
    await signer.unlock({ count: 3 });
    expect((await signer.status()).unlock).toMatchObject({ countLeft: 3 });
    expect((await locks()).at(-1)).toBe("unlocked again");
  });

  it.each([
    { spend: "-1.00" },
    { count: 0 },
    { count: 1.5 },
    { spend: "0.0000001" },
    { endsAt: "tomorrow" },
    { forever: true },
  ])("that makes no sense is refused: %j", async (scope) => {
    await signer.lock();
    expect(await codeOf(() => signer.unlock(scope as ParamsOf<"vault.unlock">["scope"]))).toBe(
      "INVALID_REQUEST",
    );
    expect(await state()).toBe("locked");
  });
});

describe("time", () => {
  it("that is over locks, for new payments and for replays, before any timer fires", async () => {
    await signer.unlock({ endsAt: inSeconds(50) });
    expect(await pay(1)).toBe("signed");
    now += 49_999;
    expect(await pay(1)).toBe("signed");
    now += 1;
    // The machine slept: the timer knows nothing of it.
    expect(await pay(1)).toBe("SIGNER_LOCKED");
    expect(await pay(2)).toBe("SIGNER_LOCKED");
    expect(await state()).toBe("locked");
    expect((await locks()).at(-1)).toBe("the time was over");
  });

  it("that ends as the next unlock arrives does not end the next unlock", async () => {
    const agent = await signer.agent();
    for (let n = 0; n < 20; n++) {
      await signer.unlock({ endsAt: inSeconds(1) });
      const { publicKey } = await operatorCall(signer.operator, "vault.offer", {});
      const { sealed, key } = home.vault.signingPart();
      const message = { ...sealFor(publicKey, key, sealed), scope: {} };
      now += 1000;
      // One turn of the signer's event loop sees both: the payment that finds the time over, and the next unlock.
      const late = outcomeOf(agentCall(agent, "payment.sign", { intent: intent(n) }));
      expect(await operatorCall(signer.operator, "vault.unlock", message)).toMatchObject({
        state: "unlocked",
      });
      expect(["SIGNER_LOCKED", "signed"]).toContain(await late);
      expect([n, await state()]).toEqual([n, "unlocked"]);
    }
  });

  it("that is over already, or for more than there is, is refused", async () => {
    expect(await codeOf(() => signer.unlock({ spend: "1000000000.01" }))).toBe("INVALID_REQUEST");
    expect(await codeOf(() => signer.unlock({ endsAt: inSeconds(0) }))).toBe("INVALID_REQUEST");
    expect(await codeOf(() => signer.unlock({ endsAt: inSeconds(-10) }))).toBe("INVALID_REQUEST");
  });

  it("runs out by itself: keys do not wait for the next payment", async () => {
    await signer.close();
    signer = await home.start();
    await signer.unlock({ endsAt: new Date(Date.now() + 300).toISOString() });
    while ((await state()) === "unlocked") await new Promise(setImmediate);
    expect((await locks()).at(-1)).toBe("the time was over");
  });
});

describe("a lock", () => {
  it("is at once: nothing is reserved after its row", async () => {
    const outcomes: string[] = [];
    const asked = [...Array(600).keys()].map(async (n) => {
      const outcome = await pay(n);
      outcomes.push(outcome);
      if (outcomes.length === 200) await signer.lock();
      if (n > 300) expect(["signed", "SIGNER_LOCKED"]).toContain(await pay(`late-${n}`));
    });
    await Promise.all(asked);
    const { rows } = await LedgerRecord.read(signer.operator);
    const lock = rows.find(({ kind }) => kind === "vault.locked")?.seq ?? 0;
    expect(lock).toBeGreaterThan(0);
    expect(rows.filter(({ kind, seq }) => kind === "payment.reserved" && seq > lock)).toEqual([]);
    expect(await pay("after")).toBe("SIGNER_LOCKED");
  });
});

describe("the hand-over", () => {
  const offer = async (): Promise<string> =>
    (await operatorCall(signer.operator, "vault.offer", {})).publicKey;
  const handOver = (message: ReturnType<typeof sealFor>, more = {}): Promise<string> =>
    codeOf(() => operatorCall(signer.operator, "vault.unlock", { ...message, scope: {}, ...more }));
  const sealed = async (): Promise<ReturnType<typeof sealFor>> => {
    const part = home.vault.signingPart();
    return sealFor(await offer(), part.key, part.sealed);
  };

  beforeEach(() => signer.lock());

  it("takes an offer once, and only the newest", async () => {
    const message = await sealed();
    expect(await handOver(message)).toBe("no error");
    expect(await handOver(message)).toBe("INVALID_REQUEST");
    const old = await sealed();
    await offer();
    expect(await handOver(old)).toBe("INVALID_REQUEST");
    // Refused once is refused: the offer is gone with the try.
    const fresh = await sealed();
    expect(await handOver({ ...fresh, box: `A${fresh.box.slice(1)}` })).toBe("INVALID_REQUEST");
    expect(await handOver(fresh)).toBe("INVALID_REQUEST");
  });

  it("without an offer is refused", async () => {
    const message = await sealed();
    await signer.close();
    signer = await home.start({ clock: () => now });
    expect(await handOver(message)).toBe("INVALID_REQUEST");
  });

  it("refuses every change of a bit in the box, the key or the sealed part", async () => {
    const fields = ["box", "ephemeral", "sealed"] as const;
    for (const field of fields) {
      for (let n = 0; n < 16; n++) {
        const message = await sealed();
        const bytes = Buffer.from(message[field], "base64url");
        const at = Math.floor((bytes.length * n) / 16);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (n % 8));
        expect(await handOver({ ...message, [field]: bytes.toString("base64url") })).toBe("INVALID_REQUEST");
      }
      const message = await sealed();
      expect(await handOver({ ...message, [field]: message[field].slice(0, -4) })).toBe("INVALID_REQUEST");
      expect(await handOver({ ...message, [field]: `${message[field]}AAAA` })).toBe("INVALID_REQUEST");
    }
    expect(await state()).toBe("locked");
    expect(await pay(1)).toBe("SIGNER_LOCKED");
  });

  it("refuses the other spelling of its key: X25519 ignores the top bit, the hash over both keys does not", async () => {
    const message = await sealed();
    const bytes = Buffer.from(message.ephemeral, "base64url");
    bytes[31] = (bytes[31] ?? 0) ^ 0x80;
    expect(await handOver({ ...message, ephemeral: bytes.toString("base64url") })).toBe("INVALID_REQUEST");
  });

  it("refuses points of small order, which make any secret zero", async () => {
    const message = await sealed();
    for (const ephemeral of [Buffer.alloc(32), Buffer.alloc(32, 0).fill(1, 0, 1)]) {
      expect(await handOver({ ...message, ephemeral: ephemeral.toString("base64url") })).toBe(
        "INVALID_REQUEST",
      );
      await offer();
    }
  });

  it("that fails leaves the unlock that runs as it is", async () => {
    await signer.unlock({ count: 5 });
    const message = await sealed();
    expect(await handOver({ ...message, sealed: message.box })).toBe("INVALID_REQUEST");
    expect(await pay(1)).toBe("signed");
    expect((await signer.status()).unlock).toMatchObject({ countLeft: 4 });
  });
});

describe("which vault", () => {
  it("another one is refused, also after a restart", async () => {
    const other = await SignerHome.make();
    const { ledger } = (await signer.status()).head;
    await other.vault.change({ ledgerId: ledger });
    const mine = home.vault;
    for (let n = 0; n < 2; n++) {
      await signer.lock();
      expect(await codeOf(() => unlockWith(other))).toBe("VAULT_REPLACED");
      expect(await state()).toBe("locked");
      await signer.close();
      signer = await home.start({ clock: () => now });
    }
    expect(home.vault).toBe(mine);
    await signer.unlock();
    other.remove();
  });

  it("an old copy of it is refused, the same and a newer one are taken", async () => {
    const old = readFileSync(join(home.folder, "vault.enc"));
    await home.vault.change({});
    await signer.unlock();
    const copy = await SignerHome.make(old);
    expect(await codeOf(() => unlockWith(copy))).toBe("VAULT_REPLACED");
    expect(await state()).toBe("unlocked");
    writeFileSync(join(copy.folder, "vault.enc"), readFileSync(join(home.folder, "vault.enc")));
    await signer.lock();
    await signer.unlock();
    copy.remove();
  });

  it("one that names no ledger, or another, is refused", async () => {
    const other = await SignerHome.make();
    expect(await codeOf(() => unlockWith(other))).toBe("VAULT_OTHER_LEDGER");
    await other.vault.change({ ledgerId: "ab".repeat(16) });
    expect(await codeOf(() => unlockWith(other))).toBe("VAULT_OTHER_LEDGER");
    other.remove();
  });

  it("with a new key pays from it, and repeats old drafts with the old one", async () => {
    const before = home.address;
    const first = await signer.sign(intent(1));
    const waiting = signer.sign(intent("waiting"));
    await home.vault.change({ key: Secret.random(32) });
    await signer.unlock();
    expect(await waiting).toMatchObject({ from: before });
    expect(home.address).not.toBe(before);
    expect(await signer.sign(intent(2))).toMatchObject({ from: home.address });
    const again = await signer.sign(intent(1));
    expect(again).toMatchObject({ from: before, payload: (first as { payload: object }).payload });
    now += 61_000;
    // An intent stays with the account of its first draft.
    expect(await signer.sign(intent(1))).toMatchObject({ outcome: "signed", from: before });
  });

  it("under a new passphrase is the same vault", async () => {
    await home.vault.change({ passphrase: Secret.take(Buffer.from("another passphrase")) });
    const reopened = await openVault(
      join(home.folder, "vault.enc"),
      Secret.take(Buffer.from("another passphrase")),
    );
    expect(reopened.header.vaultId).toBe(home.vault.header.vaultId);
    reopened.close();
    await signer.unlock();
    expect(await pay(1)).toBe("signed");
  });
});

async function unlockWith({ vault }: SignerHome): Promise<void> {
  const { publicKey } = await operatorCall(signer.operator, "vault.offer", {});
  const { sealed, key } = vault.signingPart();
  await operatorCall(signer.operator, "vault.unlock", { ...sealFor(publicKey, key, sealed), scope: {} });
}
