// Paying for real: a signer in its own process, a shop of the reference server's, a chain. What the chain says counts.

import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPaymentFetch, PaymentDeclined, paymentOf } from "../../client/fetch.ts";
import type { SessionPolicy } from "../../client/session-policy.ts";
import { createSchemeClient } from "../../client/scheme.ts";
import { type Chain, startChain } from "../counterparts/chain.ts";
import { startFacilitator } from "../counterparts/facilitator.ts";
import { type Shop, startShop } from "../counterparts/shop.ts";
import { startShopV1 } from "../counterparts/shop-v1.ts";
import { type RealSigner, startSigner } from "./real-signer.ts";
import { unpack } from "./terms.ts";

const CENT = 10_000n;
const LIMITS = { version: 1, perCallMax: "0.10", perDayMax: "25.00" };

let chain: Chain;
let facilitator: ReturnType<typeof startFacilitator>;
let signer: RealSigner;

beforeAll(async () => {
  [chain, signer] = await Promise.all([startChain(), startSigner(LIMITS)]);
  facilitator = startFacilitator(chain);
  await chain.mint(signer.address, 100_000_000n);
});
afterAll(() => Promise.all([chain.close(), signer.close()]));

const newPayee = () => privateKeyToAccount(generatePrivateKey()).address;
const payer = (policy?: SessionPolicy, through?: typeof fetch) =>
  createPaymentFetch({
    signer: { transport: "ipc", endpoint: signer.endpoint },
    ...(policy && { policy }),
    ...(through && { fetch: through }),
  });

async function withShop(
  use: (shop: Shop & { earned: () => Promise<bigint> }) => Promise<void>,
): Promise<void> {
  const payTo = newPayee();
  const shop = await startShop({ chain, facilitator, payTo });
  await use({ ...shop, earned: () => chain.balanceOf(payTo) }).finally(shop.close);
}

describe("a payment", () => {
  it("moves exactly the price, and says where", () =>
    withShop(async ({ url, served, earned }) => {
      const response = await payer()(`${url}/weather`);
      expect([response.status, await response.json()]).toEqual([
        200,
        { path: "/weather", forecast: "clear skies" },
      ]);
      expect([await earned(), served.length]).toEqual([CENT, 1]);
      const payment = paymentOf(response)!;
      const { payments } = await signer.history();
      expect(payments[0]).toMatchObject({
        id: payment.intentId,
        amount: "10000",
        usd: "0.01",
        origin: url,
        path: "/weather",
      });
      const { transaction, success, payer: from } = payment.settlement!;
      const receipt = await chain.client.getTransactionReceipt({ hash: transaction as `0x${string}` });
      expect([success, from, receipt.status]).toEqual([true, signer.address, "success"]);
    }));

  it("sends a streamed body twice and follows redirects to the till", () =>
    withShop(async ({ url, earned }) => {
      const body = new Blob(["of the ", "crop"]).stream();
      const echo = await payer()(`${url}/echo`, { method: "POST", body, duplex: "half" });
      expect(await echo.text()).toBe("of the crop");
      const moved = await payer()(`${url}/moved/weather`);
      expect([moved.status, moved.url, moved.redirected]).toEqual([200, `${url}/weather`, false]);
      expect(await earned()).toBe(2n * CENT);
    }));

  it("reaches a server of version 1", async () => {
    const payTo = newPayee();
    const shop = await startShopV1({ chain, facilitator, payTo });
    const response = await payer()(`${shop.url}/old`, { method: "POST", body: "still here" });
    expect([response.status, await response.text()]).toEqual([200, "still here"]);
    expect(paymentOf(response)?.settlement?.success).toBe(true);
    expect(await chain.balanceOf(payTo)).toBe(CENT);
    await shop.close();
  });

  it("over the limit for one call is declined, and nothing moves", () =>
    withShop(async ({ url, served, earned }) => {
      const error: unknown = await payer()(`${url}/dear`).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(PaymentDeclined);
      expect(error).toMatchObject({ code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT", check: { limit: "0.10" } });
      expect([await earned(), served.length]).toEqual([0n, 0]);
    }));
});

describe("a payment whose answer was lost", () => {
  it("before it reached the seller, is made by its id, with the same authorization", () =>
    withShop(async ({ url, served, earned }) => {
      const sent: string[] = [];
      const broken: typeof fetch = (input, init) => {
        const header = new Headers(init?.headers).get("payment-signature");
        if (header === null) return fetch(input, init);
        sent.push(header);
        return Promise.reject(new TypeError("fetch failed"));
      };
      const error: unknown = await payer(
        undefined,
        broken,
      )(`${url}/weather`).catch((thrown: unknown) => thrown);
      const { intentId } = error as { intentId: string };
      await signer.kill();
      await signer.restart();
      const response = await payer()(`${url}/weather`, { payment: { id: intentId } });
      expect([response.status, paymentOf(response)?.intentId]).toEqual([200, intentId]);
      expect(unpack(served[0]!.payment)["payload"]).toEqual(unpack(sent[0])["payload"]);
      expect(await earned()).toBe(CENT);
    }));

  it("after the seller had settled it, is not paid twice", () =>
    withShop(async ({ url, earned }) => {
      const first = await payer()(`${url}/weather`);
      const { intentId } = paymentOf(first)!;
      const again = await payer()(`${url}/weather`, { payment: { id: intentId } });
      expect([again.status, paymentOf(again)?.intentId]).toEqual([402, intentId]);
      expect(await earned()).toBe(CENT);
    }));

  it("because no signer ran, is made when one does", () =>
    withShop(async ({ url, earned }) => {
      const pay = payer();
      await signer.kill("SIGTERM");
      const error: unknown = await pay(`${url}/weather`).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SIGNER_UNREACHABLE", retryable: true });
      await signer.restart();
      const { intentId } = error as { intentId: string };
      expect((await pay(`${url}/weather`, { payment: { id: intentId } })).status).toBe(200);
      expect(await earned()).toBe(CENT);
    }));
});

describe("many at once", () => {
  it("pay until the day's budget is spent, not one payment more", () =>
    withShop(async ({ url, served, earned }) => {
      const { payments } = await signer.history();
      const spent = BigInt(payments.length) * CENT; // Everything above cost a cent.
      const micro = String(spent + 10n * CENT).padStart(7, "0");
      await signer.apply({ ...LIMITS, perDayMax: `${micro.slice(0, -6)}.${micro.slice(-6)}` });
      const calls = await Promise.allSettled(Array.from({ length: 40 }, () => payer()(`${url}/weather`)));
      const paid = calls.filter((call) => call.status === "fulfilled" && call.value.status === 200);
      const declined = calls
        .filter((call) => call.status === "rejected")
        .map((call) => (call.reason as PaymentDeclined).code);
      expect(paid).toHaveLength(10);
      expect(declined).toEqual(Array(30).fill("DAILY_BUDGET_EXCEEDED"));
      expect([await earned(), served.length]).toEqual([10n * CENT, 10]);
      await signer.apply(LIMITS);
    }));
});

describe("a policy of the client's own", () => {
  it("narrows what its session may pay, on the network that it names", async () => {
    const base = await startChain(8453);
    const [payTo, other] = [newPayee(), newPayee()];
    const till = startFacilitator(base);
    const shops = await Promise.all(
      [payTo, other].map((payee) => startShop({ chain: base, facilitator: till, payTo: payee })),
    );
    await base.mint(signer.address, 100_000_000n);
    const pay = payer({
      allowedChains: ["base"],
      allowedAssets: ["USDC"],
      allowedRecipients: [payTo],
      perCallMax: "0.10",
      perSessionMax: "0.03",
      perDayMax: "25.00",
    });
    const [allowed, stranger] = shops as [Shop, Shop];
    for (let i = 0; i < 3; i++) expect((await pay(`${allowed.url}/weather`)).status).toBe(200);
    await expect(pay(`${allowed.url}/weather`)).rejects.toMatchObject({ code: "SESSION_BUDGET_EXCEEDED" });
    await expect(pay(`${stranger.url}/weather`)).rejects.toMatchObject({ code: "RECIPIENT_NOT_ALLOWED" });
    await withShop(async ({ url }) => {
      await expect(pay(`${url}/weather`)).rejects.toMatchObject({ code: "CHAIN_NOT_ALLOWED" });
    });
    expect([await base.balanceOf(payTo), await base.balanceOf(other)]).toEqual([3n * CENT, 0n]);
    await Promise.all([base, ...shops].map((one) => one.close()));
  });

  it("has a session that goes on where it was when the signer was killed", () =>
    withShop(async ({ url, earned }) => {
      const pay = payer({ perSessionMax: "0.02" });
      expect((await pay(`${url}/weather`)).status).toBe(200);
      await signer.kill();
      await signer.restart();
      expect((await pay(`${url}/weather`)).status).toBe(200);
      await expect(pay(`${url}/weather`)).rejects.toMatchObject({ code: "SESSION_BUDGET_EXCEEDED" });
      expect(await earned()).toBe(2n * CENT);
    }));

  it("cannot widen what the operator allows", () =>
    withShop(async ({ url }) => {
      const pay = payer({ perCallMax: "5.00" });
      await expect(pay(`${url}/dear`)).rejects.toMatchObject({ code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT" });
    }));

  it("that is no policy is an error of the first payment", () =>
    withShop(async ({ url, served }) => {
      await expect(payer({ perCallMax: "a lot" })(`${url}/weather`)).rejects.toMatchObject({
        code: "POLICY_INVALID",
      });
      expect(served).toEqual([]);
    }));
});

describe("the reference client with our scheme", () => {
  const reference = () => {
    const scheme = createSchemeClient({ signer: { transport: "ipc", endpoint: signer.endpoint } });
    return wrapFetchWithPayment(
      fetch,
      new x402Client().register("eip155:*", scheme).registerV1("base-sepolia", scheme),
    );
  };

  it("pays a server of version 2, and is declined like everybody", () =>
    withShop(async ({ url, earned }) => {
      expect((await reference()(`${url}/weather`)).status).toBe(200);
      await expect(reference()(`${url}/dear`)).rejects.toThrow("one payment may not cost this much");
      expect(await earned()).toBe(CENT);
    }));

  it("pays a server of version 1", async () => {
    const payTo = newPayee();
    const shop = await startShopV1({ chain, facilitator, payTo });
    expect((await reference()(shop.url)).status).toBe(200);
    expect(await chain.balanceOf(payTo)).toBe(CENT);
    await shop.close();
  });
});
