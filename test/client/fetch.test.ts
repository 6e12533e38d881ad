// How one call becomes at most one payment. The signer here is scripted, to lose replies and to be looked at; paying for
// real is in pay.test.ts.

import { describe, expect, it } from "vitest";
import { createPaymentFetch, paymentOf } from "../../client/fetch.ts";
import { X402Error } from "../../protocol/errors.ts";
import { HANG_UP, signed } from "./scripted-signer.ts";
import { ID, paidFirst, stage } from "./stage.ts";
import { asks, asksV1, base64, item, itemV1, unpack } from "./terms.ts";

describe("what is sent", () => {
  it("is the same request with the terms echoed and the payload, once", async () => {
    const resource = { url: "http://elsewhere.example/", description: "d", mimeType: "m" };
    const extra = { ...item.extra, theirs: [1, { two: 2 }] };
    const extensions = { other: { info: { a: 1 } } };
    const { url, asked, pay } = await stage({
      shop: paidFirst(asks([{ ...item, extra, unknown: "kept" }], { resource, extensions })),
    });
    const response = await pay(`${url}/a?b=c`, { method: "POST", body: "hello", headers: { "x-mine": "1" } });
    expect(asked.map(({ method, path, body }) => `${method} ${path} ${body.toString()}`)).toEqual(
      Array(2).fill("POST /a?b=c hello"),
    );
    expect(asked[1]!.headers["x-mine"]).toBe("1");
    expect(unpack(asked[1]!.headers["payment-signature"])).toEqual({
      x402Version: 2,
      resource,
      accepted: { ...item, extra, unknown: "kept" },
      payload: signed.payload,
      extensions,
    });
    expect(response.status).toBe(200);
  });

  it("is version 1's header for version 1's terms", async () => {
    const { url, asked, calls, pay } = await stage({ shop: paidFirst(asksV1()) });
    await pay(url);
    expect(unpack(asked[1]!.headers["x-payment"])).toEqual({
      x402Version: 1,
      scheme: "exact",
      network: "base-sepolia",
      payload: signed.payload,
    });
    expect(calls[0]!.params.intent).toMatchObject({
      network: "eip155:84532",
      amount: itemV1.maxAmountRequired,
    });
  });

  it("claims the URL that was fetched, with method and category, and nothing the seller says", async () => {
    const lies = [
      "http://good.example/",
      "//no-scheme",
      "HTTP://UPPER.EXAMPLE./",
      "http://user@good.example",
      "http://gооd.example",
    ];
    for (const url of lies) {
      const { url: real, calls, pay } = await stage({ shop: paidFirst(asks([item], { resource: { url } })) });
      await pay(`${real}/x?y#z`, { method: "put", body: "", payment: { category: "data" } });
      expect(calls[0]!.params.intent.claims).toEqual({ url: `${real}/x?y`, method: "PUT", category: "data" });
    }
  });

  it.each([
    ["a stream", (text: string) => new Blob([text]).stream()],
    ["a form", form],
    ["bytes", (text: string) => Buffer.from(text)],
  ])("has %s as its body, both times", async (_, make) => {
    const { url, asked, pay } = await stage();
    const response = await pay(url, { method: "POST", body: make("the content"), duplex: "half" });
    expect(await response.text()).toContain("the content");
    expect(asked[0]!.body.toString()).toContain("the content");
    expect(asked).toHaveLength(2);
  });

  it("has the intent's id where the seller advertises payment-identifier", async () => {
    const extensions = {
      "payment-identifier": { info: { required: true, id: "theirs" }, schema: { type: "object" } },
    };
    const { url, asked, pay } = await stage({ shop: paidFirst(asks([item], { extensions })) });
    await pay(url, { payment: { id: ID } });
    expect(unpack(asked[1]!.headers["payment-signature"])["extensions"]).toEqual({
      "payment-identifier": { info: { required: true, id: ID }, schema: { type: "object" } },
    });
  });

  it("is left to the caller who brings a payment", async () => {
    const { url, asked, calls, pay } = await stage({ shop: () => asks() });
    expect((await pay(url, { headers: { "payment-signature": "mine" } })).status).toBe(402);
    expect([asked.length, calls.length]).toEqual([1, 0]);
  });
});

describe("where it is sent", () => {
  it("to the URL that asked, after redirects, as the redirects made it, without credentials for others", async () => {
    const far = await stage();
    const near = await stage({
      shop: ({ path }) => ({ status: path === "/" ? 303 : 307, headers: { location: far.url + path } }),
    });
    const init = { method: "POST", body: "b", headers: { authorization: "Bearer secret" } };
    expect((await near.pay(`${near.url}/same`, init)).status).toBe(200);
    expect(
      far.asked.map(({ method, body, headers }) => [method, body.toString(), headers.authorization]),
    ).toEqual(Array(2).fill(["POST", "b", undefined]));
    expect((await near.pay(`${near.url}/`, init)).status).toBe(200);
    expect(far.asked.slice(2).map(({ method, body }) => [method, body.toString()])).toEqual(
      Array(2).fill(["GET", ""]),
    );
    expect(near.asked.some(({ headers }) => "payment-signature" in headers)).toBe(false);
  });

  it.each(["follow", "manual"] as const)(
    "a redirect on the paid request is not followed (%s)",
    async (redirect) => {
      const other = await stage();
      const { url, asked, calls, pay } = await stage({
        shop: (_, index) => (index === 0 ? asks() : { status: 307, headers: { location: other.url } }),
      });
      const response = await pay(url, { redirect });
      expect([response.status, paymentOf(response)?.intentId]).toEqual([307, calls[0]!.params.intent.id]);
      expect([asked.length, other.asked.length, calls.length]).toEqual([2, 0, 1]);
    },
  );
});

describe("one payment for one call", () => {
  it("a 402 on the paid request is the answer, with what it says of the payment", async () => {
    const settlement = {
      success: false,
      errorReason: "insufficient_funds",
      transaction: "",
      network: "eip155:84532",
    };
    const { url, asked, calls, pay } = await stage({
      shop: () => ({
        ...asks(),
        headers: { ...asks().headers, "payment-response": base64(JSON.stringify(settlement)) },
      }),
    });
    const response = await pay(url);
    expect([response.status, asked.length, calls.length]).toEqual([402, 2, 1]);
    expect(paymentOf(response)).toEqual({
      intentId: calls[0]!.params.intent.id,
      head: signed.head,
      settlement,
    });
  });

  it("each call has a new id that grows with time; one that was given is used", async () => {
    const { url, calls, pay } = await stage();
    for (const payment of [{}, {}, { id: ID }]) await pay(url, { payment });
    const [first, second, third] = calls.map(({ params }) => params.intent.id);
    expect(first! < second!).toBe(true);
    expect(third).toBe(ID);
  });

  it("a lost reply is asked for again, with the same intent", async () => {
    const { url, calls, pay } = await stage({ signer: (_, index) => (index === 0 ? HANG_UP : signed) });
    expect((await pay(url)).status).toBe(200);
    expect(calls).toHaveLength(2);
    expect(calls[1]).toEqual(calls[0]);
  });

  it("a signer that hangs up twice, or is not there, is an error with the id to resume", async () => {
    const { url, calls, pay } = await stage({ signer: () => HANG_UP });
    await expect(pay(url, { payment: { id: ID } })).rejects.toMatchObject({
      code: "SIGNER_UNREACHABLE",
      intentId: ID,
    });
    expect(calls).toHaveLength(2);
    const nobody = createPaymentFetch({ signer: { transport: "ipc", endpoint: "/nowhere/agent.sock" } });
    await expect(nobody(url, { payment: { id: ID } })).rejects.toMatchObject({
      code: "SIGNER_UNREACHABLE",
      intentId: ID,
    });
  });

  it("a paid request that breaks gives its own error, with the id to resume", async () => {
    const { url, calls, pay } = await stage({
      shop: (_, index) => (index === 0 ? asks() : (response) => response.destroy()),
    });
    const error: unknown = await pay(url).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ intentId: calls[0]!.params.intent.id });
    expect(calls).toHaveLength(1);
  });

  it("resumes by id with the offer that is on record", async () => {
    const dear = { ...item, amount: "20000" };
    const { url, asked, pay } = await stage({
      shop: paidFirst(asks([dear, item])),
      signer: ({ method, params }) => {
        if (method === "payment.quote")
          return [
            { outcome: "allow", checks: [] },
            { outcome: "decline", checks: [] },
          ];
        return params.intent.amount === item.amount ? signed : new X402Error("INTENT_CONFLICT");
      },
    });
    await pay(url, { payment: { id: ID } });
    expect(unpack(asked[1]!.headers["payment-signature"])["accepted"]).toEqual(item);
  });

  it("conflicts when what it would pay now is not what is on record", async () => {
    const { url, asked, pay } = await stage({ signer: () => new X402Error("INTENT_CONFLICT") });
    await expect(pay(url, { payment: { id: ID } })).rejects.toMatchObject({
      code: "INTENT_CONFLICT",
      intentId: ID,
    });
    expect(asked).toHaveLength(1);
  });
});

function form(text: string): FormData {
  const data = new FormData();
  data.set("field", text);
  return data;
}
