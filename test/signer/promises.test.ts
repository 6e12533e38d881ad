// Promises 1 and 2: recorded before it is signed; one intent, one authorization, the same bytes for ever.
import { createHmac, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Hex, hashTypedData, recoverTypedDataAddress } from "viem";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall } from "../../client/signer.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import type { SignResult } from "../../protocol/shapes.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { OTHER_PAYEE, PAYEE, USDC, document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

type Signed = Extract<SignResult, { outcome: "signed" }>;
interface Payload {
  signature: Hex;
  authorization: { [key in "from" | "to" | "nonce"]: Hex } & {
    [key in "value" | "validAfter" | "validBefore"]: string;
  };
}

const typedData = ({ authorization }: Payload) => ({
  domain: { name: "USDC", version: "2", chainId: 84532, verifyingContract: USDC as Hex },
  primaryType: "TransferWithAuthorization" as const,
  types: {
    TransferWithAuthorization: [
      { name: "from", type: "address" },
      { name: "to", type: "address" },
      { name: "value", type: "uint256" },
      { name: "validAfter", type: "uint256" },
      { name: "validBefore", type: "uint256" },
      { name: "nonce", type: "bytes32" },
    ],
  },
  message: {
    ...authorization,
    value: BigInt(authorization.value),
    validAfter: BigInt(authorization.validAfter),
    validBefore: BigInt(authorization.validBefore),
  },
});

let home: SignerHome;
let signer: Signer;
let now: number;
/** The vault before it named a ledger. */
let unnamed: Buffer;

async function open(): Promise<void> {
  signer = await home.start({ clock: () => now });
}

async function signed(wanted: WireIntent, agent = "default"): Promise<Signed> {
  const result = await signer.sign(wanted, { agent });
  if (result.outcome !== "signed") throw new Error(`declined: ${JSON.stringify(result)}`);
  return result;
}

const payloadOf = ({ payload }: Signed): Payload => payload as unknown as Payload;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  unnamed = readFileSync(join(home.folder, "vault.enc"));
  await open();
  await signer.unlock();
  await signer.apply(document());
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

describe("what is signed", () => {
  it("recovers to the wallet's address under the pinned domain, and says what the intent says", async () => {
    for (const n of Array(20).keys()) {
      const amount = String(1 + randomInt(1_000_000));
      const maxTimeoutSeconds = 1 + randomInt(900);
      const result = await signed(intent(n, { amount, maxTimeoutSeconds }));
      const payload = payloadOf(result);
      const validBefore = now / 1000 + Math.min(maxTimeoutSeconds, 600);
      const { nonce } = payload.authorization;
      expect(payload.authorization).toEqual({
        ...{ from: home.address, to: PAYEE, value: amount, validAfter: "0", nonce },
        validBefore: String(validBefore),
      });
      expect(result.expiresAt).toBe(new Date(validBefore * 1000).toISOString());
      expect(result.from).toBe(home.address);
      const data = typedData(payload);
      expect(await recoverTypedDataAddress({ ...data, signature: payload.signature })).toBe(home.address);
    }
  });

  it("is on record, byte for byte, at the head that the reply names or before it", async () => {
    const results = await Promise.all([...Array(40).keys()].map((n) => signed(intent(n))));
    const record = await LedgerRecord.read(signer.operator);
    for (const [n, result] of results.entries()) {
      const row = record.ofKind("payment.reserved").find(({ id }) => id === idOf(n));
      expect(row?.seq).toBeLessThanOrEqual(result.head.seq);
      const draft = Buffer.from(row?.draft ?? "", "base64");
      // The draft is the separator and the struct's preimage: hashing it gives the digest that was signed.
      const { authorization } = payloadOf(result);
      expect(draft.subarray(224).toString("hex")).toBe(authorization.nonce.slice(2));
      expect(BigInt(`0x${draft.subarray(128, 160).toString("hex")}`)).toBe(10_000n);
      expect(hashTypedData(typedData(payloadOf(result)))).toMatch(/^0x[0-9a-f]{64}$/);
    }
  });

  it("has a nonce per intent and agent, and none of the terms in it", async () => {
    await signer.apply(document({ agents: { research: {} } }));
    await restart();
    const first = payloadOf(await signed(intent(1)));
    const other = payloadOf(await signed(intent(2)));
    const agents = payloadOf(await signed(intent(1), "research"));
    const nonces = [first, other, agents].map(({ authorization }) => authorization.nonce);
    expect(new Set(nonces).size).toBe(3);
  });

  it("has the nonce that the rules say: an HMAC of agent and intent id, each part with its length", async () => {
    const [, , nonceKey] = home.secrets();
    const mac = createHmac("sha256", nonceKey!);
    for (const part of ["x402/eip3009/1", "default", idOf(1)]) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      mac.update(length).update(part);
    }
    expect(payloadOf(await signed(intent(1))).authorization.nonce).toBe(`0x${mac.digest("hex")}`);
  });

  it("has the same nonce when the ledger was lost, so that the chain takes one of the two", async () => {
    const before = payloadOf(await signed(intent(1)));
    await signer.close();
    home.remove();
    home = await SignerHome.make(unnamed);
    await open();
    await signer.unlock();
    await signer.apply(document());
    const after = payloadOf(await signed(intent(1, { payTo: OTHER_PAYEE, amount: "20000" })));
    expect(after.authorization.to).toBe(OTHER_PAYEE);
    expect(after.authorization.nonce).toBe(before.authorization.nonce);
    expect(after.authorization.from).toBe(before.authorization.from);
  });
});

async function restart(): Promise<void> {
  await signer.close();
  await open();
  await signer.unlock();
}

describe("the same intent", () => {
  it("gives the same bytes again, after lock and unlock and after a restart", async () => {
    const first = await signed(intent(1));
    expect(first.replayed).toBe(false);
    const again = await signed(intent(1));
    expect(again).toEqual({ ...first, replayed: true, head: again.head });
    await signer.lock();
    expect(await outcomeOf(signer.sign(intent(1)))).toBe("SIGNER_LOCKED");
    await signer.unlock();
    expect((await signed(intent(1))).payload).toEqual(first.payload);
    await restart();
    const later = await signed(intent(1));
    expect(JSON.stringify(later.payload)).toBe(JSON.stringify(first.payload));
    expect(later.replayed).toBe(true);
    const record = await LedgerRecord.read(signer.operator);
    expect(record.ofKind("payment.reserved")).toHaveLength(1);
    expect(record.counter("household|usd|total")).toBe(10_000n);
  });

  it("asked for 50 times at once, over 10 connections, has one reservation", async () => {
    const connections = await Promise.all([...Array(10).keys()].map(() => signer.connect()));
    const asked = [...Array(50).keys()].map(async (n) => {
      const result = await agentCall(connections[n % 10]!, "payment.sign", { intent: intent("same") });
      if (result.outcome !== "signed") throw new Error("declined");
      return result;
    });
    const results = await Promise.all(asked);
    expect(new Set(results.map(({ payload }) => JSON.stringify(payload))).size).toBe(1);
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    const record = await LedgerRecord.read(signer.operator);
    expect(record.ofKind("payment.reserved")).toHaveLength(1);
    expect(record.counter("household|usd|total")).toBe(10_000n);
  });

  it("may come with another timeout, session and category, and is still the same", async () => {
    const first = await signed(intent(1));
    const { claims } = intent(1);
    const again = await signed(
      intent(1, { maxTimeoutSeconds: 5, claims: { ...claims, category: "data" }, asset: USDC.toLowerCase() }),
    );
    expect(again.payload).toEqual(first.payload);
  });
});

describe("another body under the same id", () => {
  const changes: Partial<WireIntent>[] = [
    { amount: "10001" },
    { payTo: OTHER_PAYEE },
    { network: "eip155:8453" },
    { asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" },
    { scheme: "upto" },
    { extra: { memo: "x" } },
    { extra: { feePayer: "x" } },
    { extra: { assetTransferMethod: "eip3009" } },
    { claims: { url: "https://api.example.com/data?key=2" } },
    { claims: { url: "https://api.example.com/data?key=1", method: "POST" } },
    { claims: {} },
  ];

  it("is a conflict, alive or expired, before and after a restart", async () => {
    await signed(intent(1));
    for (const change of changes)
      expect(await outcomeOf(signer.sign(intent(1, change)))).toBe("INTENT_CONFLICT");
    await restart();
    now += 120_000;
    for (const change of changes)
      expect(await outcomeOf(signer.sign(intent(1, change)))).toBe("INTENT_CONFLICT");
    const record = await LedgerRecord.read(signer.operator);
    expect(record.reserved()).toBe(10_000n);
  });

  it("of two that arrive at once exactly one is signed", async () => {
    for (const n of Array(10).keys()) {
      const asked = [intent(n), intent(n, { payTo: OTHER_PAYEE })].map((one) => outcomeOf(signer.sign(one)));
      expect((await Promise.all(asked)).sort()).toEqual(["INTENT_CONFLICT", "signed"]);
    }
  });

  it("is another payment for another agent", async () => {
    await signer.apply(document({ agents: { research: {} } }));
    await restart();
    await signed(intent(1));
    const theirs = await signed(intent(1, { payTo: OTHER_PAYEE }), "research");
    expect(payloadOf(theirs).authorization.to).toBe(OTHER_PAYEE);
    expect((await LedgerRecord.read(signer.operator)).reserved()).toBe(20_000n);
  });

  it("is free to use when the first body was declined: nothing was signed under it", async () => {
    expect(await outcomeOf(signer.sign(intent(1, { network: "eip155:8453", asset: USDC })))).toBe(
      "ASSET_UNKNOWN",
    );
    expect(await outcomeOf(signer.sign(intent(1)))).toBe("signed");
  });
});

describe("an expired draft", () => {
  it("gets a new one: same nonce, same reservation, counted only in windows that it newly touches", async () => {
    await signer.apply(
      document({
        perDayMax: "1.00",
        budgets: [
          { name: "hour", limit: "1.00", window: "1h" },
          { name: "calls", count: 5, window: "day" },
        ],
      }),
    );
    const first = payloadOf(await signed(intent(1)));
    now += 60_000;
    const second = payloadOf(await signed(intent(1)));
    expect(second.authorization).toEqual({
      ...first.authorization,
      validBefore: String(now / 1000 + 60),
    });
    const sameDay = await LedgerRecord.read(signer.operator);
    expect(sameDay.counter("household|usd|total")).toBe(10_000n);
    expect(sameDay.counter("household|usd|day@UTC")).toBe(10_000n);
    expect(sameDay.counter("household|count|day@UTC")).toBe(1n);
    now += 86_400_000;
    const third = payloadOf(await signed(intent(1)));
    expect(third.authorization.nonce).toBe(first.authorization.nonce);
    const nextDay = await LedgerRecord.read(signer.operator);
    expect(nextDay.counter("household|usd|total")).toBe(10_000n);
    expect(nextDay.counter("household|usd|day@UTC")).toBe(20_000n);
    expect(nextDay.counters.filter(([key]) => key === "household|usd|day@UTC")).toHaveLength(2);
    expect(nextDay.ofKind("payment.reserved")).toHaveLength(1);
    expect(nextDay.ofKind("payment.redrafted")).toHaveLength(2);
    expect(await recoverTypedDataAddress({ ...typedData(third), signature: third.signature })).toBe(
      home.address,
    );
  });

  it("is drafted again once by 50 requests at once, and then repeated", async () => {
    await signed(intent(1));
    now += 61_000;
    const results = await Promise.all([...Array(50).keys()].map(() => signed(intent(1))));
    expect(new Set(results.map(({ payload }) => JSON.stringify(payload))).size).toBe(1);
    const record = await LedgerRecord.read(signer.operator);
    expect(record.ofKind("payment.redrafted")).toHaveLength(1);
  });

  it("is one draft until the second its validity ends, and another from then on", async () => {
    const first = await signed(intent(1));
    now += 59_999;
    expect((await signed(intent(1))).payload).toEqual(first.payload);
    now += 1;
    expect((await signed(intent(1))).payload).not.toEqual(first.payload);
  });

  it("needs room in a budget only where it was not counted before", async () => {
    await signer.apply(document({ totalMax: "0.01" }));
    await signed(intent(1));
    expect(await outcomeOf(signer.sign(intent(2)))).toBe("BUDGET_EXCEEDED");
    now += 61_000;
    expect(await outcomeOf(signer.sign(intent(1)))).toBe("signed");
    await signer.apply(document({ totalMax: "10.00", perDayMax: "0.01" }));
    now += 86_400_000;
    expect(await outcomeOf(signer.sign(intent(3)))).toBe("signed");
    expect(await outcomeOf(signer.sign(intent(1)))).toBe("DAILY_BUDGET_EXCEEDED");
  });
});
