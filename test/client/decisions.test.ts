// Which payment is asked for, and what the caller hears of a no, of a wait and of an abort.

import { describe, expect, it } from "vitest";
import { PaymentDeclined, type PaymentFetchOptions, PaymentHeld } from "../../client/fetch.ts";
import { X402Error } from "../../protocol/errors.ts";
import { silence, startProvider } from "./providers.ts";
import { declined, held, signed, SILENCE } from "./scripted-signer.ts";
import { ID, paidFirst, stage } from "./stage.ts";
import { asks, item } from "./terms.ts";

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
    const elsewhere = { ...item, network: "bip122:000000000019d6689c085ae165831e93" };
    const accepts = [
      other,
      elsewhere,
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

describe("what it costs, and what is to be known", () => {
  const HASH = "EkSnNWid2cvwEVnVx9aBqawnmiCNiDgp3gUdkDPTKN1N";
  const DEVNET = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
  const offer = (amount: number) => ({ ...item, amount: String(amount) });
  const onSolana = (extra: object) => ({ ...offer(4), network: DEVNET, extra });
  const quote = (usd: string, outcome = "allow") => ({ outcome, usd, checks: [] });
  const asked = async (quotes: object[], accepts: object[], options: PaymentFetchOptions = {}) => {
    const { url, calls, pay } = await stage({
      shop: paidFirst(asks(accepts)),
      signer: ({ method }) => (method === "payment.quote" ? quotes : signed),
      options,
    });
    await pay(url);
    return calls;
  };
  const three = [offer(1), offer(2), offer(3)];

  it.each([
    [[quote("0.30"), quote("0.10"), quote("0.20")], "2"],
    [[quote("0.30"), quote("0.10", "hold"), quote("0.20")], "3"],
    [[quote("0.30"), quote("0.10", "decline"), quote("0.20", "hold")], "1"],
    [[quote("10.00"), quote("9.00"), quote("9.000000")], "2"],
    [[quote("0.000002"), quote("0.000001"), quote("0.000001")], "2"],
  ])("of %j the cheapest that passes", async (quotes, amount) => {
    expect((await asked(quotes, three)).at(-1)!.params.intent.amount).toBe(amount);
  });

  it("the seller's order when it is wanted", async () => {
    const quotes = [quote("0.30", "hold"), quote("0.20"), quote("0.10")];
    expect((await asked(quotes, three, { order: "seller" })).at(-1)!.params.intent.amount).toBe("2");
  });

  it("a seller's blockhash goes to the signer, with the quote and with the request to sign", async () => {
    const context = { recentBlockhash: HASH, lastValidBlockHeight: 7 };
    for (const lastValidBlockHeight of [7, "7"]) {
      const terms = [offer(1), onSolana({ recentBlockhash: HASH, lastValidBlockHeight })];
      const [first, second] = await asked([quote("0.30"), quote("0.20")], terms);
      expect(first!.params).toMatchObject({ contexts: { [DEVNET]: context } });
      expect(second!.params).toMatchObject({ intent: { amount: "4" }, context });
    }
    const [only] = await asked([], [onSolana({ recentBlockhash: HASH, lastValidBlockHeight: -1 })]);
    expect(only!.params).toMatchObject({ context: { recentBlockhash: HASH } });
  });

  it.each([{}, { recentBlockhash: "<script>" }, { recentBlockhash: 7 }, { recentBlockhash: "1".repeat(44) }])(
    "with %j for a blockhash the offer comes last, and is not among the first eight",
    async (extra) => {
      const calls = await asked([quote("0.30"), quote("0.10")], [onSolana(extra), offer(1)]);
      expect(calls.at(-1)!.params.intent.amount).toBe("1");
      const many = [...Array.from({ length: 9 }, () => onSolana(extra)), offer(2)];
      const [first] = await asked([quote("9.00")], many);
      expect(first!.params.intents.map((intent: { amount: string }) => intent.amount)).toEqual([
        "2",
        ...Array<string>(7).fill("4"),
      ]);
    },
  );

  it("an abort ends the wait for an endpoint that does not answer", async () => {
    const { url: rpc } = await startProvider(() => silence);
    const options = { context: { "solana-devnet": { rpc: [rpc], timeoutMs: 600_000 } } };
    const { url, calls, pay } = await stage({ shop: paidFirst(asks([onSolana({})])), options });
    const control = new AbortController();
    const call = pay(url, { signal: control.signal });
    setTimeout(() => {
      control.abort(new Error("enough"));
    }, 50);
    await expect(call).rejects.toThrow("enough");
    expect(calls).toEqual([]);
  });

  it("an offer on an EVM network brings nothing", async () => {
    for (const { params } of await asked([quote("0.30"), quote("0.10"), quote("1.00")], three)) {
      expect(Object.keys(params).filter((key) => key.startsWith("context"))).toEqual([]);
    }
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
    const state = { approval: held.approval, state: "approved" };
    const { url, calls, pay } = await stage({
      signer: ({ method }, index) => (method === "approval.get" ? state : index === 0 ? held : signed),
    });
    expect((await pay(url, { payment: { id: ID, waitMs: 20_000 } })).status).toBe(200);
    expect(calls.map(({ method }) => method)).toEqual(["payment.sign", "approval.get", "payment.sign"]);
    expect(calls[1]?.params).toMatchObject({ id: ID });
    expect(calls[2]).toEqual(calls[0]);
  });

  it("is PaymentHeld when the wait is over, and ends with an abort", async () => {
    const waits = { approval: held.approval, state: "held" };
    const { url, pay } = await stage({ signer: ({ method }) => (method === "approval.get" ? waits : held) });
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
