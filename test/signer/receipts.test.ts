// Receipts: what the signer attests of a payment, verified by what docs/ledger.md says and nothing else; and what they
// are good for when a client hands one back.
import { createHash, createPublicKey, verify } from "node:crypto";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { Payer } from "../../client/payer.ts";
import { type PaymentIntent, intentSchema } from "../../protocol/intent.ts";
import type { X402Error } from "../../protocol/errors.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { jws } from "../verify/forge.ts";
import { document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.make();
  await start();
  await signer.apply(document({ perDayMax: "5.00", agents: { other: {} } }));
});
afterEach(async () => {
  await signer.close();
  home.remove();
});

async function start(): Promise<void> {
  signer = await home.start({ clock: () => now });
  await signer.unlock();
}
async function restart(between: () => void = () => undefined): Promise<void> {
  await signer.close();
  between();
  await start();
}
const receiptOf = async (name: string, agent?: string): Promise<string> =>
  (await agentCall(await signer.agent(agent), "receipt.get", { id: idOf(name) })).receipt;
const present = async (receipt: string): Promise<string> => {
  try {
    await agentCall(await signer.agent(), "receipt.present", { receipt });
    return "ok";
  } catch (error) {
    return (error as X402Error).code;
  }
};
const payloadOf = (receipt: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(receipt.split(".")[1]!, "base64url").toString()) as Record<string, unknown>;

describe("a receipt", () => {
  it("is a signature that anyone can check, of exactly what the row says", async () => {
    await signer.sign(intent("a"));
    const receipt = await receiptOf("a");
    const [header = "", payload = "", signature = ""] = receipt.split(".");
    const { auditKey: x = "" } = await signer.status();
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    expect(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))).toBe(
      true,
    );
    const thumbprint = createHash("sha256")
      .update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`)
      .digest("base64url");
    expect(Buffer.from(header, "base64url").toString()).toBe(
      `{"alg":"EdDSA","kid":"${thumbprint}","typ":"x402-receipt"}`,
    );
    const record = await LedgerRecord.read(signer.operator);
    const row = record.ofKind("payment.reserved")[0]! as unknown as Record<string, unknown>;
    const { policy } = await signer.status();
    expect(payloadOf(receipt)).toEqual({
      ...{ ledger: record.head.ledger, seq: row["seq"], hash: row["hash"], at: now, agent: "default" },
      ...{ from: row["from"], usd: "10000", expires: now / 1000 + 60, unlock: row["unlock"] },
      intent: {
        ...{ id: idOf("a"), fingerprint: row["fingerprint"], scheme: "exact", network: "eip155:84532" },
        ...{ asset: intent("a").asset, payTo: intent("a").payTo, amount: "10000", claims: row["claims"] },
      },
      outflow: [{ asset: intent("a").asset, amount: "10000", why: "payment" }],
      policy,
      counters: (row["add"] as [string, number, string][]).map((entry) => [
        ...entry.slice(0, 2),
        "0",
        entry[2],
      ]),
      draft: createHash("sha256")
        .update(Buffer.from(row["draft"] as string, "base64"))
        .digest("hex"),
    });
  });

  it("has the same bytes each time, after other payments, a restart and another unlock", async () => {
    await signer.sign(intent("a"));
    const first = await receiptOf("a");
    await signer.sign(intent("b"));
    expect(await receiptOf("a")).toBe(first);
    await restart();
    expect(await receiptOf("a")).toBe(first);
    const { receipt } = await operatorCall(signer.operator, "receipt.get", { id: idOf("a") });
    expect(receipt).toBe(first);
  });

  it("says what the counters were before and after, and is of the newest draft", async () => {
    await signer.sign(intent("a"));
    await signer.sign(intent("b"));
    const total = (receipt: string) =>
      (payloadOf(receipt)["counters"] as unknown[][]).find(([key]) => key === "household|usd|total");
    expect(total(await receiptOf("b"))).toEqual(["household|usd|total", 0, "10000", "20000"]);
    const first = payloadOf(await receiptOf("a"));
    now += 120_000;
    await signer.sign(intent("a"));
    const second = payloadOf(await receiptOf("a"));
    expect(Number(second["seq"])).toBeGreaterThan(Number(first["seq"]));
    expect(Number(second["expires"])).toBe(Number(first["expires"]) + 120);
  });

  it("is the payer's alone, and the operator's", async () => {
    await restart();
    await signer.sign(intent("mine"), { agent: "other" });
    const asked = async (name: string, agent?: string) => {
      try {
        return typeof (await receiptOf(name, agent));
      } catch (error) {
        return (error as X402Error).code;
      }
    };
    expect(await asked("mine", "other")).toBe("string");
    expect(await asked("mine")).toBe("INTENT_UNKNOWN");
    expect(await asked("nothing", "other")).toBe("INTENT_UNKNOWN");
    const params = { id: idOf("mine"), agent: "other" };
    expect((await operatorCall(signer.operator, "receipt.get", params)).receipt).toBe(
      await receiptOf("mine", "other"),
    );
    await signer.lock();
    expect(await asked("mine", "other")).toBe("SIGNER_LOCKED");
  });
});

describe("a receipt that is handed back", () => {
  const copy = (): string => join(home.folder, "copy");
  const putBack = (): void => {
    rmSync(home.state, { recursive: true });
    cpSync(copy(), home.state, { recursive: true });
  };
  const keepCopy = (): void => {
    cpSync(home.state, copy(), { recursive: true });
  };

  it("changes nothing while its row is there, locked or not", async () => {
    await signer.sign(intent("a"));
    const receipt = await receiptOf("a");
    expect(await present(receipt)).toBe("ok");
    await signer.lock();
    expect(await present(receipt)).toBe("ok");
    expect((await signer.status()).state).toBe("locked");
  });

  it("stops a signer whose ledger was rolled back with everything that the operator kept", async () => {
    await signer.sign(intent("a"));
    await restart(keepCopy);
    await signer.sign(intent("b"));
    const receipt = await receiptOf("b");
    await restart(putBack);
    expect(await outcomeOf(signer.sign(intent("c")))).toBe("signed");
    expect(await present(receipt)).toBe("LEDGER_BEHIND");
    expect(await signer.status()).toMatchObject({ state: "frozen", frozenBy: "LEDGER_BEHIND" });
    expect(await outcomeOf(signer.sign(intent("d")))).toBe("LEDGER_BEHIND");
    await signer.close();
    signer = await home.start({ clock: () => now });
    expect((await signer.status()).state).toBe("frozen");
    await operatorCall(signer.operator, "ledger.accept", { code: "LEDGER_BEHIND" });
    // Accepted once, the same receipt does not stop it again.
    expect(await present(receipt)).toBe("ok");
    expect((await signer.status()).state).toBe("locked");
  });

  it("does nothing when it is forged, of another kind, of another ledger, or no receipt at all", async () => {
    await signer.sign(intent("a"));
    const receipt = await receiptOf("a");
    const { auditKey: key = "" } = await signer.status();
    const seed = home.secrets()[3]!;
    const payload = payloadOf(receipt);
    const [header = "", body = "", signature = ""] = receipt.split(".");
    const record = await LedgerRecord.read(signer.operator);
    const checkpoint = record.ofKind("checkpoint")[0]! as unknown as { sig: string };
    const forged = [
      jws(Buffer.alloc(32, 1), key, "x402-receipt", { ...payload, seq: 99 }),
      jws(seed, key, "x402-seal", { ...payload, seq: 99 }),
      jws(seed, key, "x402-receipt", { ...payload, ledger: "0".repeat(32) }),
      jws(seed, key, "x402-receipt", { hello: 1 }),
      `${header}.${Buffer.from(JSON.stringify({ ...payload, seq: 99 })).toString("base64url")}.${signature}`,
      `${header}.${body}.${signature.slice(1)}A`,
      `${Buffer.from('{"alg":"none","kid":"","typ":"x402-receipt"}').toString("base64url")}.${body}.${signature}`,
      checkpoint.sig,
      `${receipt}.x`,
      "a.b.c",
    ];
    for (const one of forged) expect([one, await present(one)]).toEqual([one, "INVALID_REQUEST"]);
    expect((await signer.status()).state).toBe("unlocked");
    expect(await outcomeOf(signer.sign(intent("b")))).toBe("signed");
    // By the key itself, of a row that is not there: that is a proof.
    expect(await present(jws(seed, key, "x402-receipt", { ...payload, hash: "0".repeat(64) }))).toBe(
      "LEDGER_BEHIND",
    );
  });

  it("is what a paying client does by itself, without a payment ever waiting for it", async () => {
    await signer.sign(intent("a"));
    await restart(keepCopy);
    const payer = new Payer({ signer: { transport: "ipc", endpoint: signer.socketOf() } });
    const order = (name: string): PaymentIntent => intentSchema.parse(intent(name));
    expect((await payer.sign(order("b"))).outcome).toBe("signed");
    // The receipt was asked for behind the payment: on the same connection, so it is there by the next answer.
    await payer.quote([order("c")]);
    await restart(putBack);
    await expect(payer.sign(order("d"))).rejects.toMatchObject({ code: "LEDGER_BEHIND" });
    expect((await signer.status()).frozenBy).toBe("LEDGER_BEHIND");
  });
});
