// The kinds of attack that a payer meets, each by name, through a real signer: what the client does not refuse by itself
// (terms.test.ts) the signer declines or makes harmless. No chain: what is never signed never settles.

import { verifyTypedData } from "viem";
import { authorizationTypes } from "@x402/evm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createPaymentFetch, paymentOf } from "../../client/fetch.ts";
import { type Asked, startHostileShop } from "../counterparts/hostile-shop.ts";
import { type RealSigner, startSigner } from "./real-signer.ts";
import { asks, item, PAYEE, unpack } from "./terms.ts";

const LIMITS = { version: 1, perCallMax: "0.10", perDayMax: "25.00" };
const STRANGER = "0x1111111111111111111111111111111111112222";

let signer: RealSigner;
beforeAll(async () => {
  signer = await startSigner(LIMITS);
});
afterAll(() => signer.close());

const isPaid = ({ headers }: Asked) => "payment-signature" in headers;

interface Met {
  code?: string;
  status?: number;
  id?: string;
  accepted?: typeof item;
  payload?: Authorization;
}

/** One call to a shop with these terms: the code of the error, or the status and what was sent as payment. */
async function meet(accepts: object[], payment?: { id: string }, as?: string): Promise<Met> {
  const shop = await startHostileShop((asked) => (isPaid(asked) ? { status: 200 } : asks(accepts)));
  const toShop = (url: string, rest: RequestInit) => fetch(as === undefined ? url : shop.url, rest);
  const pay = createPaymentFetch({ signer: { transport: "ipc", endpoint: signer.endpoint }, fetch: toShop });
  try {
    const response = await pay(as ?? shop.url, payment && { payment });
    const header = shop.asked.at(-1)!.headers["payment-signature"];
    return { status: response.status, id: paymentOf(response)!.intentId, ...open(header) };
  } catch (error) {
    expect(shop.asked.some(isPaid)).toBe(false);
    return { code: (error as { code: string }).code };
  } finally {
    await shop.close();
  }
}

interface Authorization {
  signature: `0x${string}`;
  authorization: Record<"from" | "to" | "value" | "validAfter" | "validBefore" | "nonce", `0x${string}`>;
}

const open = (header: unknown) => {
  const { accepted, payload } = unpack(header);
  return { accepted: accepted as typeof item, payload: payload as Authorization };
};

describe("the price and the payee", () => {
  it("price raised, or payee changed, between the quote and the retry of a call: INTENT_CONFLICT", async () => {
    const payment = { id: (await meet([item], undefined, "http://shop.example/")).id! };
    for (const changed of [
      { amount: "10001" },
      { payTo: STRANGER },
      { asset: STRANGER },
      { network: "eip155:8453" },
    ]) {
      expect(await meet([{ ...item, ...changed }], payment, "http://shop.example/")).toEqual({
        code: "INTENT_CONFLICT",
      });
    }
  });

  it("an endless payer: a 402 on the paid request is not paid again", async () => {
    const shop = await startHostileShop((_, index) => asks([{ ...item, amount: String(10_000 + index) }]));
    const pay = createPaymentFetch({ signer: { transport: "ipc", endpoint: signer.endpoint } });
    expect([(await pay(shop.url)).status, shop.asked.length]).toEqual([402, 2]);
    await shop.close();
  });

  it("many ways to pay with the dear one first: the first that may be paid", async () => {
    const dear = { ...item, amount: "50000000" };
    const { status, accepted, payload } = await meet([dear, dear, { ...item, scheme: "upto" }, item]);
    expect([status, accepted!.amount, payload!.authorization.value]).toEqual([200, "10000", "10000"]);
  });

  it("2^256: AMOUNT_TOO_LARGE; one unit above the limit: AMOUNT_EXCEEDS_PER_REQUEST_LIMIT", async () => {
    expect(await meet([{ ...item, amount: String(1n << 256n) }])).toEqual({ code: "AMOUNT_TOO_LARGE" });
    expect(await meet([{ ...item, amount: String((1n << 256n) - 1n) }])).toEqual({
      code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
    });
    expect(await meet([{ ...item, amount: "100001" }])).toEqual({ code: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT" });
  });

  it.each([
    ["the wallet itself", () => signer.address, "SELF_PAYMENT"],
    ["the token's contract", () => item.asset, "INVALID_PAYEE"],
    ["nobody", () => `0x${"0".repeat(40)}`, "INVALID_PAYEE"],
    ["half an address", () => "0x1111", "INVALID_PAYEE"],
    ["a wrong checksum", () => "0x036CBD53842c5426634e7929541eC2318f3dCF7e", "INVALID_PAYEE"],
    ["a name", () => "seller.eth", "INVALID_PAYEE"],
  ])("a payee that is %s", async (_, payTo, code) => {
    expect(await meet([{ ...item, payTo: payTo() }])).toEqual({ code });
  });
});

describe("the token", () => {
  it("a worthless token under a known symbol: ASSET_UNKNOWN", async () => {
    const extra = { name: "USDC", version: "2", symbol: "USDC", decimals: 6 };
    expect(await meet([{ ...item, asset: STRANGER, extra }])).toEqual({ code: "ASSET_UNKNOWN" });
  });

  it("a known token's address on another network: ASSET_UNKNOWN", async () => {
    expect(await meet([{ ...item, network: "eip155:8453" }])).toEqual({ code: "ASSET_UNKNOWN" });
    expect(await meet([{ ...item, network: "eip155:1" }])).toEqual({ code: "ASSET_UNKNOWN" });
  });

  it("name and version of another token: signed for the pinned one all the same", async () => {
    const { payload } = await meet([{ ...item, extra: { name: "Worthless", version: "9", chainId: 1 } }]);
    const { signature, authorization } = payload!;
    const domain = {
      name: "USDC",
      version: "2",
      chainId: 84532,
      verifyingContract: item.asset as `0x${string}`,
    };
    const { from, to, nonce } = authorization;
    const [value, validAfter, validBefore] = [
      authorization.value,
      authorization.validAfter,
      authorization.validBefore,
    ].map(BigInt);
    const message = { from, to, nonce, value: value!, validAfter: validAfter!, validBefore: validBefore! };
    const signed = {
      domain,
      types: authorizationTypes,
      primaryType: "TransferWithAuthorization",
      message,
    } as const;
    expect(await verifyTypedData({ address: signer.address, signature, ...signed })).toBe(true);
  });
});

describe("the terms", () => {
  it.each([
    [{ scheme: "upto" }, "SCHEME_NOT_SUPPORTED"],
    [{ extra: { assetTransferMethod: "permit2" } }, "TRANSFER_METHOD_NOT_SUPPORTED"],
    [{ extra: { assetTransferMethod: "erc7710" } }, "TRANSFER_METHOD_NOT_SUPPORTED"],
    [{ network: "bip122:000000000019d6689c085ae165831e93" }, "NETWORK_NOT_SUPPORTED"],
    [{ network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" }, "ASSET_UNKNOWN"],
  ])("%j: %s", async (changed, code) => {
    expect(await meet([{ ...item, ...changed }])).toEqual({ code });
  });

  it("a timeout of a year: signed for no longer than the policy's maxValidity", async () => {
    const { payload } = await meet([{ ...item, maxTimeoutSeconds: 31_536_000 }]);
    const ahead = Number(payload!.authorization.validBefore) - Date.now() / 1000;
    expect(ahead).toBeLessThanOrEqual(600);
    expect(ahead).toBeGreaterThan(500);
  });

  it("a fee payer, which this rail does not have, even the wallet itself, changes nothing that is signed", async () => {
    const { payload } = await meet([{ ...item, extra: { feePayer: signer.address } }]);
    expect(payload!.authorization).toMatchObject({ from: signer.address, to: PAYEE, value: "10000" });
  });
});

describe("who is paid, under the operator's lists", () => {
  beforeEach(() => signer.apply({ ...LIMITS, allowedRecipients: [PAYEE], allowedDomains: ["shop.example"] }));
  afterAll(() => signer.apply(LIMITS));

  it("a different payee for a known resource, and a look-alike address: RECIPIENT_NOT_ALLOWED", async () => {
    expect(await meet([item], undefined, "http://shop.example/")).toMatchObject({ status: 200 });
    for (const payTo of [
      STRANGER,
      "0x1111111111111111111111111111111111111112",
      "0x1111211111111111111111111111111111111111",
    ]) {
      expect(await meet([{ ...item, payTo }], undefined, "http://shop.example/")).toEqual({
        code: "RECIPIENT_NOT_ALLOWED",
      });
    }
  });

  it.each([
    "http://sh\u043ep.example/",
    "http://shop.example.evil.example/",
    "http://shop.example./",
    "http://evil.example/shop.example",
    "http://evil.example/?http://shop.example/",
    "http://evil.example#@shop.example/",
  ])("a look-alike host, %s: DOMAIN_NOT_ALLOWED", async (url) => {
    expect(await meet([item], undefined, url)).toEqual({ code: "DOMAIN_NOT_ALLOWED" });
  });

  it.each(["HTTP://SHOP.EXAMPLE/", "http://shop.example:80/a?b#c", "http://ｓｈｏｐ.example/"])(
    "the same host spelled otherwise, %s: paid",
    async (url) => {
      expect(await meet([item], undefined, url)).toMatchObject({ status: 200 });
    },
  );

  it("resource.url of an allowed seller's, sent by another: DOMAIN_NOT_ALLOWED", async () => {
    const shop = await startHostileShop(() => asks([item], { resource: { url: "http://shop.example/" } }));
    const pay = createPaymentFetch({ signer: { transport: "ipc", endpoint: signer.endpoint } });
    await expect(pay(shop.url)).rejects.toMatchObject({ code: "DOMAIN_NOT_ALLOWED" });
    await shop.close();
  });

  it("a redirect to another host: what asks is what is judged", async () => {
    const evil = await startHostileShop(() => asks());
    const pay = createPaymentFetch({
      signer: { transport: "ipc", endpoint: signer.endpoint },
      fetch: (url, init) =>
        url === "http://shop.example/" ? Promise.resolve(Response.redirect(evil.url)) : fetch(url, init),
    });
    await expect(pay("http://shop.example/")).rejects.toMatchObject({ code: "DOMAIN_NOT_ALLOWED" });
    await evil.close();
  });
});
