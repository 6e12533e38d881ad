// Payments on Solana and Cardano through the whole signer: recorded before they are signed, one draft alive for each
// intent, inputs that are never spent twice, prices, and rails that are loaded when the policy allows them.
import { VersionedTransaction } from "@solana/web3.js";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeBody, inputName } from "../../chains/cardano/body.ts";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { cardanoAddressOn } from "../../protocol/cardano-address.ts";
import type { WireCardanoContext } from "../../protocol/context.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import { solanaText } from "../../protocol/solana-address.ts";
import { receiptOf } from "../../verify/receipt.ts";
import type { JsonObject } from "../../verify/text.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { idOf } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const SECOND = 1000;
const DEVNET = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
const MINT = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
const TUSDM = "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d";
const PAYEE =
  "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae";

const key = (name: string): string => solanaText(createHash("sha256").update(name).digest());

const onSolana = (name: string | number, change: Partial<WireIntent> = {}): WireIntent => ({
  id: idOf(name),
  scheme: "exact",
  network: DEVNET,
  asset: MINT,
  payTo: key("payee"),
  amount: "10000",
  maxTimeoutSeconds: 60,
  extra: { feePayer: key("fee payer") },
  claims: {},
  ...change,
});

const blockhash = (name = "block") => ({ recentBlockhash: key(name) });

const onCardano = (name: string | number, change: Partial<WireIntent> = {}): WireIntent => ({
  id: idOf(name),
  scheme: "exact",
  network: "cardano:preprod",
  asset: "lovelace",
  payTo: PAYEE,
  amount: "2000000",
  maxTimeoutSeconds: 60,
  claims: {},
  ...change,
});

const PARAMETERS = {
  minFeeA: 44,
  minFeeB: 155_381,
  coinsPerUtxoByte: 4310,
  maxTxSize: 16_384,
  maxValueSize: 5000,
};

const output = (name: string | number, lovelace = "100000000"): WireCardanoContext["utxos"][number] => ({
  transaction: createHash("sha256").update(`output ${name}`).digest("hex"),
  index: 0,
  lovelace,
});

const outputs = (
  names: readonly (string | number)[],
  parameters: Partial<typeof PARAMETERS> = {},
): WireCardanoContext => ({
  utxos: names.map((name) => output(name)),
  parameters: { ...PARAMETERS, ...parameters },
});

const document = (changed: Record<string, unknown> = {}): Record<string, unknown> => ({
  version: 1,
  allowedNetworks: ["base-sepolia", "solana-devnet", "cardano-preprod"],
  totalMax: "1000.00",
  ...changed,
});

let home: SignerHome;
let signer: Signer;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.ofPhrase();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

const restart = async (): Promise<void> => {
  await signer.close();
  signer = await home.start({ clock: () => now });
  await signer.unlock();
};

async function payloadOf(
  asked: ReturnType<Signer["sign"]>,
): Promise<{ transaction: string; nonce?: string }> {
  const result = await asked;
  if (result.outcome !== "signed") throw new Error(result.check.code);
  return result.payload as never;
}

/** The inputs of the transaction in a payload. */
function inputsOf({ transaction }: { transaction: string }): string[] {
  const bytes = Buffer.from(transaction, "base64");
  // [body, witnesses, true, null]: the body is the first thing in the array, and tells where it ends by itself.
  for (let end = bytes.length; end > 1; end--) {
    const body = decodeBody(bytes.subarray(1, end));
    if (body) return body.inputs.map(inputName);
  }
  throw new Error("no body");
}

const setPrice = (usd: string, maxAge = 86_400) =>
  operatorCall(signer.operator, "price.set", { symbol: "ADA", usd, maxAge });

const declineOf = async (asked: ReturnType<Signer["sign"]>) => {
  const result = await asked;
  if (result.outcome !== "declined") throw new Error(result.outcome);
  return result.check;
};

it("one phrase pays on every rail, and tells its addresses", async () => {
  const { accounts } = await agentCall(await signer.agent(), "wallet.addresses", {});
  const cardano = home.addressOf("cardano");
  expect(accounts).toEqual([
    { rail: "evm", address: home.address },
    { rail: "solana", address: home.addressOf("solana") },
    { rail: "cardano", address: cardano },
    { rail: "cardano", address: cardanoAddressOn("cardano:preprod", cardano) },
  ]);
});

describe("on Solana", () => {
  beforeEach(async () => {
    await signer.apply(document());
  });

  it("the same intent gives the same bytes, whatever the context says now", async () => {
    const first = await payloadOf(signer.sign(onSolana(1), { context: blockhash("one") }));
    const second = await payloadOf(signer.sign(onSolana(1), { context: blockhash("two") }));
    const none = await payloadOf(signer.sign(onSolana(1)));
    expect([second, none]).toEqual([first, first]);
    const { message, signatures } = VersionedTransaction.deserialize(
      Buffer.from(first.transaction, "base64"),
    );
    expect(message.recentBlockhash).toBe(key("one"));
    expect(message.staticAccountKeys[1]?.toBase58()).toBe(home.addressOf("solana"));
    expect(signatures[0]).toEqual(new Uint8Array(64));
    await restart();
    expect(await payloadOf(signer.sign(onSolana(1), { context: blockhash("three") }))).toEqual(first);
    expect(await outcomeOf(signer.sign(onSolana(1, { extra: { feePayer: key("other") } })))).toBe(
      "INTENT_CONFLICT",
    );
  });

  it("no second draft is made when the first is over by our clock: nothing here knows that it is dead", async () => {
    await payloadOf(signer.sign(onSolana(1), { context: blockhash() }));
    now += 150 * SECOND;
    expect(await outcomeOf(signer.sign(onSolana(1), { context: blockhash("new") }))).toBe(
      "INTENT_UNRESOLVED",
    );
    await restart();
    expect(await outcomeOf(signer.sign(onSolana(1), { context: blockhash("new") }))).toBe(
      "INTENT_UNRESOLVED",
    );
    expect(await outcomeOf(signer.sign(onSolana(2), { context: blockhash("new") }))).toBe("signed");
  });

  it("a payment lives as long as a blockhash, however short its terms are: nothing in its bytes ends it", async () => {
    now = Date.UTC(2026, 10, 20, 23, 59, 58);
    await signer.apply(document({ perDayMax: "0.01", maxValidity: "30s" }));
    const brief = { maxTimeoutSeconds: 1 };
    await payloadOf(signer.sign(onSolana(1, brief), { context: blockhash() }));
    now += 4 * SECOND;
    expect(await outcomeOf(signer.sign(onSolana(2, brief), { context: blockhash() }))).toBe(
      "DAILY_BUDGET_EXCEEDED",
    );
    await restart();
    now += 100 * SECOND;
    const { alive } = await operatorCall(signer.operator, "agent.freeze", {});
    expect([alive.count, alive.usd, alive.payments.length]).toEqual([1, "0.01", 1]);
    expect((await signer.status()).maxLoss).toMatchObject({ alive: "0.01", total: "0.01" });
    now += 50 * SECOND;
    expect((await signer.status()).maxLoss).toMatchObject({ alive: "0.00", total: "0.00" });
  });

  it.each([
    ["CONTEXT_INVALID", onSolana(1), undefined],
    ["CONTEXT_INVALID", onSolana(1), { recentBlockhash: "1".repeat(32) }],
    ["CONTEXT_INVALID", onSolana(1), { recentBlockhash: key("block"), tip: 1 }],
    ["FEE_PAYER_INVALID", onSolana(1, { extra: {} }), blockhash()],
    ["INVALID_PAYEE", onSolana(1, { payTo: MINT }), blockhash()],
    ["ASSET_UNKNOWN", onSolana(1, { asset: key("USDC, says the seller") }), blockhash()],
    ["CHAIN_NOT_ALLOWED", onSolana(1, { network: "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z" }), blockhash()],
    ["MEMO_INVALID", onSolana(1, { extra: { feePayer: key("f"), memo: "é".repeat(129) } }), blockhash()],
  ])("declines with %s, on record", async (code, intent, context) => {
    const check = await declineOf(signer.sign(intent, context && { context }));
    expect(check.code).toBe(code);
    const { rows } = await operatorCall(signer.operator, "audit.query", { after: 0 });
    expect(rows.some(({ body }) => body.startsWith('{"kind":"payment.reserved"'))).toBe(false);
    expect(rows.at(-1)?.body).toContain(code);
  });

  it("a cap holds to the unit for many clients at once", async () => {
    await signer.apply(document({ perDayMax: "0.25" }));
    const asked = Array.from({ length: 100 }, async (_, n) => {
      const agent = await signer.connect();
      const params = { intent: onSolana(n), context: blockhash() };
      return (await agentCall(agent, "payment.sign", params)).outcome;
    });
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === "signed")).toHaveLength(25);
  });
});

describe("on Cardano", () => {
  beforeEach(async () => {
    await signer.apply(document({ allowedAssets: ["ADA", "tUSDM"], maxNetworkFee: "1.00" }));
  });

  it("nothing is paid without a fresh price", async () => {
    const sign = () => outcomeOf(signer.sign(onCardano(1), { context: outputs([1]) }));
    expect(await sign()).toBe("NO_PRICE");
    await setPrice("0.41", 60);
    now += 60 * SECOND;
    expect(await sign()).toBe("NO_PRICE");
    await setPrice("0.41", 61);
    now += 60 * SECOND;
    expect(await sign()).toBe("signed");
    const { prices } = await operatorCall(signer.operator, "price.list", {});
    expect(prices).toMatchObject([{ symbol: "ADA", usd: "0.41", fresh: true }]);
  });

  it("a price survives a restart, and a symbol that no asset has is refused", async () => {
    await setPrice("0.41");
    await restart();
    expect(await outcomeOf(signer.sign(onCardano(1), { context: outputs([1]) }))).toBe("signed");
    const unknown = operatorCall(signer.operator, "price.set", { symbol: "ADAA", usd: "1", maxAge: 60 });
    await expect(unknown).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    const zero = operatorCall(signer.operator, "price.set", { symbol: "ADA", usd: "0.00", maxAge: 60 });
    await expect(zero).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  it("the whole outflow counts: what is paid, the fee, and the ADA that a token carries", async () => {
    await setPrice("0.50");
    await payloadOf(signer.sign(onCardano(1), { context: outputs([1]) }));
    const tokens = { utxos: [{ ...output(2), tokens: { [TUSDM]: "5000000" } }], parameters: PARAMETERS };
    await payloadOf(signer.sign(onCardano(2, { asset: TUSDM, amount: "1000000" }), { context: tokens }));
    const record = await LedgerRecord.read(signer.operator);
    const [ada, token] = record.ofKind("payment.reserved");
    const fee = BigInt(ada!.outflow![1]![1]!);
    expect(ada!.outflow).toEqual([
      ["ADA", "2000000", "payment"],
      ["ADA", String(fee), "fee"],
    ]);
    expect(BigInt(ada!.usd!)).toBe(1_000_000n + (fee + 1n) / 2n);
    expect(ada!.rates).toEqual({ ADA: "0.50" });
    expect(token!.outflow!.map(([symbol, , why]) => [symbol, why])).toEqual([
      ["tUSDM", "payment"],
      ["ADA", "minAda"],
      ["ADA", "fee"],
    ]);
    expect(BigInt(token!.usd!)).toBeGreaterThan(1_500_000n);
    expect(record.counter("household|usd|total")).toBe(BigInt(ada!.usd!) + BigInt(token!.usd!));
  });

  it("a receipt has every part that leaves the wallet, as the verifier works it out", async () => {
    await setPrice("0.50");
    const tokens = { utxos: [{ ...output(2), tokens: { [TUSDM]: "5000000" } }], parameters: PARAMETERS };
    await payloadOf(signer.sign(onCardano(2, { asset: TUSDM, amount: "1000000" }), { context: tokens }));
    const { receipt } = await agentCall(await signer.agent(), "receipt.get", { id: idOf(2) });
    const payload = JSON.parse(Buffer.from(receipt.split(".")[1]!, "base64url").toString()) as JsonObject;
    const record = await LedgerRecord.read(signer.operator);
    const [row] = record.ofKind("payment.reserved");
    const [, [, minAda], [, fee]] = row!.outflow as [unknown, [string, string], [string, string]];
    expect(payload["outflow"]).toEqual([
      { asset: TUSDM, amount: "1000000", why: "payment" },
      { asset: "lovelace", amount: minAda, why: "minAda" },
      { asset: "lovelace", amount: fee, why: "fee" },
    ]);
    const { seq, hash, ...body } = row as unknown as JsonObject & { seq: number; hash: string };
    expect(receiptOf({ ledger: record.head.ledger, seq, hash }, body)).toEqual(payload);
  });

  it("a provider that lies about the fee is declined above the cap, whatever else is allowed", async () => {
    await setPrice("0.50");
    const lies: [string, WireCardanoContext][] = [
      ["NETWORK_FEE_TOO_HIGH", outputs([1], { minFeeB: 2_000_000 })],
      ["NETWORK_FEE_TOO_HIGH", outputs([1], { minFeeB: 10_000_000 })],
      ["CONTEXT_INVALID", outputs([1], { minFeeA: 10_000 })],
      ["CONTEXT_INVALID", outputs([1], { coinsPerUtxoByte: 100_000 })],
    ];
    for (const [n, [code, context]] of lies.entries())
      expect(await outcomeOf(signer.sign(onCardano(n), { context }))).toBe(code);
    await signer.apply(document({ maxNetworkFee: "0.05" }));
    expect(await outcomeOf(signer.sign(onCardano("true"), { context: outputs([1]) }))).toBe(
      "NETWORK_FEE_TOO_HIGH",
    );
  });

  it("two payments never spend the same output, and who has to wait is told until when", async () => {
    await setPrice("0.50");
    const first = await payloadOf(signer.sign(onCardano(1), { context: outputs([1]) }));
    const check = await declineOf(signer.sign(onCardano(2), { context: outputs([1]) }));
    expect(check).toMatchObject({
      code: "INPUTS_LOCKED",
      reopensAt: new Date(now + 60 * SECOND).toISOString(),
    });
    const third = await payloadOf(signer.sign(onCardano(3), { context: outputs([1, 2]) }));
    expect(inputsOf(third)).not.toContain(inputsOf(first)[0]);
    await restart();
    expect(await outcomeOf(signer.sign(onCardano(4), { context: outputs([1, 2]) }))).toBe("INPUTS_LOCKED");
    now += 60 * SECOND;
    expect(await outcomeOf(signer.sign(onCardano(4), { context: outputs([1, 2]) }))).toBe("signed");
  });

  it("many clients at once get different outputs, as many as there are", async () => {
    await setPrice("0.50");
    const context = outputs(Array.from({ length: 20 }, (_, n) => n));
    const asked = Array.from({ length: 40 }, async (_, n) => {
      const agent = await signer.connect();
      return agentCall(agent, "payment.sign", { intent: onCardano(n), context });
    });
    const results = await Promise.all(asked);
    const signed = results.flatMap((result) =>
      result.outcome === "signed" ? [result.payload as { transaction: string }] : [],
    );
    expect(signed).toHaveLength(20);
    expect(new Set(signed.flatMap(inputsOf)).size).toBe(20);
    const codes = results.flatMap((result) => (result.outcome === "declined" ? [result.check.code] : []));
    expect(new Set(codes)).toEqual(new Set(["INPUTS_LOCKED"]));
  });

  it("what a declined payment had picked is free again", async () => {
    await setPrice("0.50");
    await signer.apply(document({ perCallMax: "0.50" }));
    const context = outputs([1]);
    expect(await outcomeOf(signer.sign(onCardano(1), { context }))).toBe("AMOUNT_EXCEEDS_PER_REQUEST_LIMIT");
    await signer.apply(document());
    expect(await outcomeOf(signer.sign(onCardano(2), { context }))).toBe("signed");
  });

  it("an intent is drafted again only over its first input, and the dearer draft counts", async () => {
    await setPrice("0.50");
    const first = await payloadOf(signer.sign(onCardano(1), { context: outputs([1, 2]) }));
    const [nonce = ""] = inputsOf(first);
    expect(first.nonce).toBe(nonce);
    const name = [1, 2].find((n) => nonce.startsWith(output(n).transaction))!;
    now += 60 * SECOND;
    const other = outputs([name === 1 ? 2 : 1]);
    expect(await outcomeOf(signer.sign(onCardano(1), { context: other }))).toBe("INTENT_UNRESOLVED");
    await setPrice("0.60");
    const again = await payloadOf(signer.sign(onCardano(1), { context: outputs([name, 7]) }));
    expect(again.nonce).toBe(nonce);
    expect(again.transaction).not.toBe(first.transaction);
    let record = await LedgerRecord.read(signer.operator);
    const [reserved] = record.ofKind("payment.reserved");
    const [redrafted] = record.ofKind("payment.redrafted");
    expect(BigInt(redrafted!.usd!)).toBeGreaterThan(BigInt(reserved!.usd!));
    expect(record.counter("household|usd|total")).toBe(BigInt(redrafted!.usd!));
    expect(record.counter("agent:default|unresolved|total")).toBe(BigInt(redrafted!.usd!));
    now += 60 * SECOND;
    await setPrice("0.10");
    await payloadOf(signer.sign(onCardano(1), { context: outputs([name]) }));
    record = await LedgerRecord.read(signer.operator);
    expect(record.counter("household|usd|total")).toBe(BigInt(redrafted!.usd!));
  });

  it("a budget that comes later knows the dearer draft", async () => {
    await setPrice("0.50");
    await payloadOf(signer.sign(onCardano(1), { context: outputs([1]) }));
    now += 60 * SECOND;
    await setPrice("0.60");
    await payloadOf(signer.sign(onCardano(1), { context: outputs([1]) }));
    await signer.apply(document({ perMonthMax: "500.00" }));
    const record = await LedgerRecord.read(signer.operator);
    const total = record.counter("household|usd|total");
    expect(total).toBeGreaterThan(1_200_000n);
    expect(record.counter("household|usd|month@UTC")).toBe(total);
  });

  it("a quote needs no context, takes no input, and tells the price", async () => {
    await setPrice("0.50");
    const agent = await signer.agent();
    const intents = [onCardano(1), onSolana(1), onCardano(2, { asset: TUSDM, amount: "1000000" })];
    await signer.apply(document());
    const quotes = await agentCall(agent, "payment.quote", { intents });
    expect(quotes.map(({ outcome }) => outcome)).toEqual(["allow", "allow", "allow"]);
    expect(quotes[1]?.usd).toBe("0.01");
    const poor = { "cardano:preprod": outputs([]) };
    const [declined] = await agentCall(agent, "payment.quote", { intents: [onCardano(1)], contexts: poor });
    expect(declined?.checks[0]?.code).toBe("FUNDS_INSUFFICIENT");
    const context = outputs([1]);
    await agentCall(agent, "payment.quote", {
      intents: [onCardano(1)],
      contexts: { "cardano:preprod": context },
    });
    expect(await outcomeOf(signer.sign(onCardano(3), { context }))).toBe("signed");
  });
});

it("a quote of eight dear drafts lets others have their turn", async () => {
  await setPrice("0.50");
  const tokens = (n: number) => ({ [`${n.toString(16).padStart(56, "0")}.`]: "1" });
  const utxos = Array.from({ length: 150 }, (_, n) => ({ ...output(n, "146000"), tokens: tokens(n) }));
  const [asker, other] = [await signer.connect(), await signer.connect()];
  const answered: string[] = [];
  const quoted = agentCall(asker, "payment.quote", {
    intents: Array.from({ length: 8 }, (_, n) => onCardano(n)),
    contexts: { "cardano:preprod": { utxos, parameters: PARAMETERS } },
  }).then(() => answered.push("the quote"));
  await Promise.all([quoted, agentCall(other, "budget.get", {}).then(() => answered.push("the other"))]);
  expect(answered).toEqual(["the other", "the quote"]);
});

describe("a rail", () => {
  it("is loaded when the policy allows it at the start, and else at the next one", async () => {
    await signer.apply({ version: 1, allowedNetworks: ["base-sepolia"], totalMax: "10.00" });
    await restart();
    const paid = (intent: WireIntent) => outcomeOf(signer.sign(intent, { context: blockhash() }));
    expect(await paid(onSolana(1))).toBe("CHAIN_NOT_ALLOWED");
    const applied = await signer.apply(document());
    expect(applied.restartForRails).toEqual(["solana", "cardano"]);
    expect(await paid(onSolana(2))).toBe("RAIL_NOT_LOADED");
    await restart();
    expect(await paid(onSolana(2))).toBe("signed");
    expect((await signer.apply(document({ perDayMax: "1.00" }))).restartForRails).toEqual([]);
  });

  it("that is not loaded signs nothing again, and comes back with the policy", async () => {
    await signer.apply(document());
    const first = await payloadOf(signer.sign(onSolana(1), { context: blockhash() }));
    await signer.apply({ version: 1, allowedNetworks: ["base-sepolia"], totalMax: "10.00" });
    await restart();
    expect(await outcomeOf(signer.sign(onSolana(1), { context: blockhash() }))).toBe("RAIL_NOT_LOADED");
    await signer.apply(document());
    await restart();
    expect(await payloadOf(signer.sign(onSolana(1), { context: blockhash() }))).toEqual(first);
  });
});
