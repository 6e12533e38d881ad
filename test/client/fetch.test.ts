// How one call becomes at most one payment. The signer here is scripted, to lose replies, hold and stay silent; paying for
// real is in pay.test.ts.

import { afterEach, describe, expect, it } from "vitest";
import {
  createPaymentFetch,
  PaymentDeclined,
  PaymentHeld,
  paymentOf,
  type PaymentFetchOptions,
} from "../../client/fetch.ts";
import { X402Error } from "../../protocol/errors.ts";
import { type Answer, type Asked, startHostileShop } from "../counterparts/hostile-shop.ts";
import {
  type Call,
  declined,
  HANG_UP,
  held,
  type Reply,
  signed,
  SILENCE,
  startScriptedSigner,
} from "./scripted-signer.ts";
import { asks, asksV1, base64, item, itemV1, unpack } from "./terms.ts";

const ID = "an-id-of-my-own-choice";
const open: { close: () => Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

/** A shop that asks to be paid until it is, and a signer that signs everything, unless told otherwise. */
async function stage(
  parts: {
    shop?: (asked: Asked, index: number) => Answer;
    signer?: (call: Call, index: number) => Reply;
    options?: PaymentFetchOptions;
  } = {},
) {
  const isPaid = ({ headers }: Asked) => "payment-signature" in headers || "x-payment" in headers;
  const shop = await startHostileShop(
    parts.shop ?? ((asked) => (isPaid(asked) ? { status: 200, body: asked.body } : asks())),
  );
  const signer = await startScriptedSigner(parts.signer ?? (() => signed));
  open.push(shop, signer);
  const pay = createPaymentFetch({
    signer: { transport: "ipc", endpoint: signer.endpoint },
    ...parts.options,
  });
  return { ...shop, calls: signer.calls, pay };
}

/** Accepts everything once a payment is attached, in either version. */
const paidFirst = (answer: Answer) => (asked: Asked) =>
  "payment-signature" in asked.headers || "x-payment" in asked.headers ? { status: 200 } : answer;

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

describe("which payment", () => {
  const offer = (amount: number) => ({ ...item, amount: String(amount) });
  const quotes = (...outcomes: string[]) => outcomes.map((outcome) => ({ outcome, checks: [] }));

  it.each([
    [["decline", "allow", "allow"], "2"],
    [["hold", "decline", "allow"], "3"],
    [["decline", "hold", "decline"], "2"],
    [["decline", "decline", "decline"], "1"],
  ])("of several, with %j the first that passes", async (outcomes, amount) => {
    const { url, calls, pay } = await stage({
      shop: paidFirst(asks([offer(1), offer(2), offer(3)])),
      signer: ({ method }) => (method === "payment.quote" ? quotes(...outcomes) : signed),
    });
    await pay(url);
    expect(calls.map(({ method }) => method)).toEqual(["payment.quote", "payment.sign"]);
    expect(calls[1]!.params.intent.amount).toBe(amount);
  });

  it("of many, the first eight that are supported", async () => {
    const other = { ...item, scheme: "upto" };
    const solana = { ...item, network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" };
    const accepts = [
      other,
      solana,
      { nonsense: true },
      ...Array.from({ length: 20 }, (_, i) => offer(i + 1)),
    ];
    const { url, calls, pay } = await stage({
      shop: paidFirst(asks(accepts)),
      signer: ({ method }) =>
        method === "payment.quote" ? quotes(...Array<string>(8).fill("allow")) : signed,
    });
    await pay(url);
    expect(calls[0]!.params.intents.map((intent: { amount: string }) => intent.amount)).toEqual(
      "12345678".split(""),
    );
  });

  it("of none that is supported, the first, for the signer to decline on record", async () => {
    const { url, calls, pay } = await stage({
      shop: () => asks([{ ...item, scheme: "upto" }]),
      signer: () => declined,
    });
    await expect(pay(url)).rejects.toBeInstanceOf(PaymentDeclined);
    expect(calls.map(({ params }) => params.intent.scheme)).toEqual(["upto"]);
  });
});

describe("a no", () => {
  it("is PaymentDeclined, with the check and the id, and no second request", async () => {
    const { url, asked, calls, pay } = await stage({ signer: () => declined });
    const error: unknown = await pay(url).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PaymentDeclined);
    expect(error).toBeInstanceOf(X402Error);
    const { id } = calls[0]!.params.intent;
    expect(error).toMatchObject({
      name: "PaymentDeclined",
      code: declined.check.code,
      check: declined.check,
      intentId: id,
    });
    expect(asked).toHaveLength(1);
  });

  it("an error of the signer's keeps its code and carries the id", async () => {
    const { url, pay } = await stage({ signer: () => new X402Error("SIGNER_LOCKED") });
    await expect(pay(url, { payment: { id: ID } })).rejects.toMatchObject({
      code: "SIGNER_LOCKED",
      retryable: true,
      intentId: ID,
    });
  });

  it("a bad payment option is told before anything is sent", async () => {
    const { url, asked, pay } = await stage();
    for (const payment of [
      { id: "short" },
      { id: "s".repeat(129) },
      { id: "sixteen characters" },
      { waitMs: -1 },
      { waitMs: NaN },
    ]) {
      await expect(pay(url, { payment })).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    }
    expect(asked).toEqual([]);
  });

  it("claims that the signer would not take are the caller's mistake, not the seller's", async () => {
    const { url, calls, pay } = await stage();
    await expect(pay(url, { payment: { category: "c".repeat(51) } })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
    await expect(pay(`${url}/${"u".repeat(4096)}`)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    expect(calls).toEqual([]);
  });
});

describe("a payment that is held", () => {
  it("is PaymentHeld, with the approval to ask for", async () => {
    const { url, calls, pay } = await stage({ signer: () => held });
    const error: unknown = await pay(url, { payment: { id: ID } }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PaymentHeld);
    expect(error).toMatchObject({
      name: "PaymentHeld",
      approval: held.approval,
      expiresAt: held.expiresAt,
      intentId: ID,
    });
    expect(calls).toHaveLength(1);
  });

  it("is waited for when asked to, with the same intent", async () => {
    const { url, calls, pay } = await stage({ signer: (_, index) => (index === 0 ? held : signed) });
    expect((await pay(url, { payment: { waitMs: 20 } })).status).toBe(200);
    expect(calls[1]).toEqual(calls[0]);
  });

  it("is PaymentHeld when the wait is over, and ends with an abort", async () => {
    const { url, pay } = await stage({ signer: () => held });
    await expect(pay(url, { payment: { waitMs: 20 } })).rejects.toBeInstanceOf(PaymentHeld);
    const control = new AbortController();
    const reason = new Error("changed my mind");
    const waiting = await stage({
      signer: () => {
        setImmediate(() => {
          control.abort(reason);
        });
        return held;
      },
    });
    await expect(
      waiting.pay(waiting.url, { payment: { waitMs: 60_000 }, signal: control.signal }),
    ).rejects.toBe(reason);
  });
});

describe("an abort", () => {
  it.each(["payment.quote", "payment.sign"])(
    "during %s ends the call, with the id to resume",
    async (silent) => {
      const control = new AbortController();
      const reason = new Error("changed my mind");
      const { url, asked, pay } = await stage({
        shop: () => asks([item, { ...item, amount: "1" }]),
        signer: ({ method }) => {
          if (method !== silent)
            return [
              { outcome: "allow", checks: [] },
              { outcome: "allow", checks: [] },
            ];
          control.abort(reason);
          return SILENCE;
        },
      });
      await expect(pay(url, { signal: control.signal, payment: { id: ID } })).rejects.toBe(reason);
      expect(reason).toMatchObject({ intentId: ID });
      expect(asked).toHaveLength(1);
    },
  );

  it("before signing asks for no signature", async () => {
    const control = new AbortController();
    const { url, calls, pay } = await stage({
      options: {
        fetch: async (input, init) => {
          const response = await fetch(input, init);
          control.abort();
          return response;
        },
      },
    });
    await expect(pay(url, { signal: control.signal })).rejects.toThrow("aborted");
    expect(calls).toEqual([]);
  });

  it("during the paid request ends it", async () => {
    const control = new AbortController();
    const reason = new Error("changed my mind");
    const { url, pay } = await stage({
      shop: (_, index) =>
        index === 0
          ? asks()
          : () => {
              control.abort(reason);
            },
    });
    await expect(pay(url, { signal: control.signal, payment: { id: ID } })).rejects.toBe(reason);
    expect(reason).toMatchObject({ intentId: ID });
  });
});

describe("a policy of the client's", () => {
  const limits = {
    allowedAssets: ["USDC"],
    allowedRecipients: [item.payTo],
    perCallMax: "0.10",
    perSessionMax: "5.00",
    perDayMax: "25.00",
  };
  const policy = { allowedChains: ["base", "eip155:137"], ...limits };
  const session = "s_0123456789";
  const inSession =
    (answer: Reply) =>
    ({ method }: Call) =>
      method === "session.open" ? { session, endsAt: "2030-01-01T00:00:00Z" } : answer;

  it("opens one session, at the first payment, and uses it for all", async () => {
    const { url, calls, pay } = await stage({ signer: inSession(signed), options: { policy } });
    await pay(url, { headers: { "x-payment": "mine" } });
    expect(calls).toEqual([]);
    await Promise.all([pay(url), pay(url), pay(url)]);
    await pay(url);
    const rules = { ...limits, allowedNetworks: ["eip155:8453", "eip155:137"] };
    expect(calls.filter(({ method }) => method === "session.open")).toEqual([
      { method: "session.open", params: { policy: rules } },
    ]);
    const signs = calls.filter(({ method }) => method === "payment.sign");
    expect(signs.map(({ params }) => params.session)).toEqual(Array(4).fill(session));
  });

  it("never opens another one when the signer no longer knows it", async () => {
    const { url, calls, pay } = await stage({
      signer: inSession(new X402Error("SESSION_UNKNOWN")),
      options: { policy },
    });
    for (let i = 0; i < 3; i++) await expect(pay(url)).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
    expect(calls.map(({ method }) => method)).toEqual([
      "session.open",
      ...Array<string>(3).fill("payment.sign"),
    ]);
  });

  it("that could not be opened is tried again with the next call", async () => {
    const answers: Reply[] = [
      new X402Error("SIGNER_LOCKED"),
      { session, endsAt: "2030-01-01T00:00:00Z" },
      signed,
    ];
    const { url, pay } = await stage({ signer: () => answers.shift()!, options: { policy } });
    await expect(pay(url)).rejects.toMatchObject({ code: "SIGNER_LOCKED" });
    expect((await pay(url)).status).toBe(200);
  });

  it("is refused at once when it names networks nobody knows, or names them twice", () => {
    for (const wrong of [
      { allowedChains: ["bass"] },
      { allowedChains: ["base"], allowedNetworks: ["eip155:8453"] },
    ]) {
      expect(() => createPaymentFetch({ policy: wrong })).toThrow(
        expect.objectContaining({ code: "POLICY_INVALID" }),
      );
    }
    expect(() => createPaymentFetch({ signer: { transport: "http" as "ipc" } })).toThrow(
      expect.objectContaining({ code: "USAGE" }),
    );
  });
});

function form(text: string): FormData {
  const data = new FormData();
  data.set("field", text);
  return data;
}
