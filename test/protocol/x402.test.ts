// Terms and headers against the reference implementation's own encoders and decoders.
import {
  decodePaymentSignatureHeader,
  encodePaymentRequiredHeader,
  encodePaymentResponseHeader,
} from "@x402/core/http";
import { PaymentPayloadV1Schema, PaymentPayloadV2Schema } from "@x402/core/schemas";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PaymentIntent, intentSchema, toWire } from "../../protocol/intent.ts";
import type { Json } from "../../protocol/json.ts";
import {
  MAX_ACCEPTS,
  MAX_TERMS_BYTES,
  type Terms,
  paymentHeader,
  readSettlement,
  readTerms,
  readTermsValue,
  toIntent,
  withPaymentIdentifier,
} from "../../protocol/x402.ts";
import { address, amount, intentId, json } from "./arbitrary.ts";
import { codeOf } from "./code.ts";

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString("base64");
const record = fc.dictionary(
  fc.string({ maxLength: 8 }).filter((key) => key !== "__proto__" && !key.includes("\\")),
  json,
  { maxKeys: 3, noNullPrototype: true },
);
const timeout = fc.integer({ min: 1, max: 31_536_000 });
const requirements = fc.record({
  scheme: fc.constantFrom("exact", "upto"),
  network: fc.constantFrom("eip155:8453", "eip155:84532", "eip155:1"),
  amount,
  asset: address,
  payTo: address,
  maxTimeoutSeconds: timeout,
  extra: record,
});
const resource = fc.record({ url: fc.webUrl(), description: fc.string(), mimeType: fc.string() });
const terms = fc.record(
  {
    x402Version: fc.constant(2),
    accepts: fc.array(requirements, { minLength: 1, maxLength: 4 }),
    resource,
    error: fc.string(),
    extensions: record,
  },
  { requiredKeys: ["x402Version", "accepts", "resource"] },
);
const requirementsV1 = fc.record({
  scheme: fc.constantFrom("exact", "upto"),
  network: fc.constantFrom("base", "base-sepolia", "polygon"),
  maxAmountRequired: amount,
  resource: fc.webUrl(),
  description: fc.string(),
  mimeType: fc.string(),
  payTo: address,
  asset: address,
  maxTimeoutSeconds: timeout,
  outputSchema: fc.option(record),
  extra: fc.option(record),
});
const fits = (value: unknown): boolean => JSON.stringify(value).length < MAX_TERMS_BYTES / 2;

describe("terms of version 2", () => {
  it("are read from the reference server's header as it means them", () => {
    fc.assert(
      fc.property(terms.filter(fits), (sent) => {
        const read = readTerms({ header: encodePaymentRequiredHeader(sent) })!;
        expect(read.version).toBe(2);
        expect(read.resource).toEqual(sent.resource);
        expect(read.extensions).toEqual(sent.extensions);
        expect(read.accepts.map((item) => item.raw)).toEqual(sent.accepts);
        for (const [i, item] of read.accepts.entries()) {
          const { scheme, network, asset, payTo, maxTimeoutSeconds, amount: price } = sent.accepts[i]!;
          expect(item).toMatchObject({ scheme, network, caip2: network, asset, payTo, maxTimeoutSeconds });
          expect(item.amount).toBe(BigInt(price));
        }
        expect(readTermsValue(sent as unknown as Json)).toEqual(read);
      }),
    );
  });

  it("are paid in a header that the reference facilitator reads, with everything echoed", () => {
    fc.assert(
      fc.property(terms.filter(fits), record, fc.nat(), intentId, (sent, payload, n, id) => {
        const read = readTerms({ header: encodePaymentRequiredHeader(sent) })!;
        const chosen = n % sent.accepts.length;
        const extensions = withPaymentIdentifier(read.extensions, id);
        const { name, value } = paymentHeader(read, read.accepts[chosen]!, payload, extensions);
        expect(name).toBe("PAYMENT-SIGNATURE");
        const decoded = decodePaymentSignatureHeader(value);
        expect(PaymentPayloadV2Schema.safeParse(decoded).success).toBe(true);
        expect(decoded).toEqual({
          x402Version: 2,
          resource: sent.resource,
          accepted: sent.accepts[chosen],
          payload,
          ...(sent.extensions && { extensions: sent.extensions }),
        });
      }),
    );
  });

  it("get the intent's id where the server asks for one, and nothing else changes", () => {
    const other = { deep: { list: [1, "2", null] } };
    const advertised = { info: { required: true }, schema: { type: "object" } };
    const filled = withPaymentIdentifier({ other, "payment-identifier": advertised }, "0123456789abcdef");
    expect(filled).toEqual({
      other,
      "payment-identifier": { ...advertised, info: { required: true, id: "0123456789abcdef" } },
    });
    expect(withPaymentIdentifier({ "payment-identifier": {} }, "x")).toEqual({
      "payment-identifier": { info: { id: "x" } },
    });
    for (const odd of [
      undefined,
      {},
      { other },
      { "payment-identifier": null },
      { "payment-identifier": [] },
    ])
      expect(withPaymentIdentifier(odd, "x")).toEqual(odd);
  });
});

describe("terms of version 1", () => {
  it("are read from the body, and paid in a header that the reference reads", () => {
    const bodies = fc.array(requirementsV1, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(bodies.filter(fits), record, (accepts, payload) => {
        const read = readTerms({
          header: null,
          body: JSON.stringify({ x402Version: 1, error: "", accepts }),
        })!;
        const [item] = read.accepts;
        const first = accepts[0]!;
        expect(read.version).toBe(1);
        expect(item!.amount).toBe(BigInt(first.maxAmountRequired));
        expect(item!.caip2).toMatch(/^eip155:/);
        const { name, value } = paymentHeader(read, item!, payload);
        expect(name).toBe("X-PAYMENT");
        const decoded: unknown = JSON.parse(Buffer.from(value, "base64").toString());
        expect(PaymentPayloadV1Schema.safeParse(decoded).success).toBe(true);
        expect(decoded).toEqual({ x402Version: 1, scheme: first.scheme, network: first.network, payload });
      }),
    );
  });

  it("are absent from a 402 that is not x402", () => {
    expect(readTerms({})).toBeUndefined();
    expect(readTerms({ header: null, body: "" })).toBeUndefined();
    expect(readTerms({ body: "<html>pay by card</html>" })).toBeUndefined();
    expect(readTerms({ body: '{"error":"payment required"}' })).toBeUndefined();
  });
});

describe("terms that cannot be read", () => {
  const item = {
    scheme: "exact",
    network: "eip155:84532",
    amount: "10000",
    asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    payTo: "0x1111111111111111111111111111111111111111",
    maxTimeoutSeconds: 60,
  };
  const text = JSON.stringify({ x402Version: 2, accepts: [item], resource: { url: "http://a/é" } });
  const code = (header: string) => codeOf(() => readTerms({ header }));

  it("as one of several are passed over; as all of them they are invalid", () => {
    const bad = [{ ...item, amount: "0" }, { ...item, network: "moon" }, null, 7, [], { scheme: "exact" }];
    const of = (accepts: unknown[]) => base64(JSON.stringify({ x402Version: 2, accepts }));
    expect(readTerms({ header: of([...bad, item]) })!.accepts).toHaveLength(1);
    expect(code(of(bad))).toBe("TERMS_INVALID");
    expect(code(of([]))).toBe("TERMS_INVALID");
    expect(code(of(Array(MAX_ACCEPTS).fill(item)))).toBe("no error");
    expect(code(of(Array(MAX_ACCEPTS + 1).fill(item)))).toBe("TERMS_INVALID");
  });

  it("are damaged in any one character of the header, or mean what they say", () => {
    const whole = base64(text);
    expect(code(whole)).toBe("no error");
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, char) => {
        const header = whole.slice(0, at) + char + whole.slice(at + 1);
        if (code(header) !== "no error") {
          expect(code(header)).toBe("TERMS_INVALID");
          return;
        }
        // Readable still: then strictly so, and the echo is what came, byte for byte.
        const bytes = Buffer.from(header, "base64");
        const raw = readTerms({ header })!.accepts.map((read) => read.raw);
        expect((JSON.parse(bytes.toString()) as { accepts: unknown[] }).accepts).toEqual(raw);
        expect(Buffer.from(bytes.toString()).equals(bytes)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it("are not UTF-8", () => {
    const latin1 = base64(Buffer.from(text, "latin1"));
    expect(code(latin1)).toBe("TERMS_INVALID");
  });

  it("are too long", () => {
    expect(code("A".repeat(MAX_TERMS_BYTES + 1))).toBe("TERMS_INVALID");
    expect(codeOf(() => readTerms({ body: `{"x402Version":1}${" ".repeat(MAX_TERMS_BYTES)}` }))).toBe(
      "TERMS_INVALID",
    );
  });

  it("speak another version than their transport", () => {
    const of = (x402Version: unknown) => JSON.stringify({ x402Version, accepts: [item] });
    for (const version of [1, 3, "2", null, 2.5]) expect(code(base64(of(version)))).toBe("TERMS_INVALID");
    for (const version of [2, 0, "1"])
      expect(codeOf(() => readTerms({ body: of(version) }))).toBe("TERMS_INVALID");
  });
});

describe("an intent from terms", () => {
  it("carries what the seller wrote, claims what the client did, and nothing of the seller's own say", () => {
    fc.assert(
      fc.property(terms.filter(fits), intentId, (sent, id) => {
        const claims = { url: "https://fetched.example/", method: "GET" };
        const [item] = readTermsValue(sent).accepts;
        const intent: PaymentIntent = toIntent(item!, id, claims);
        expect(intent.claims).toBe(claims);
        expect(intent.amount).toBe(BigInt(sent.accepts[0]!.amount));
        expect(Object.keys(intent.extra ?? {})).toEqual(
          ["assetTransferMethod", "feePayer", "memo"].filter(
            (key) => typeof sent.accepts[0]!.extra[key] === "string",
          ),
        );
        expect(intentSchema.safeParse(toWire(intent)).success).toBe(true);
      }),
    );
  });

  it("passes on the transfer method, fee payer and memo, if they are text", () => {
    const of = (extra: Terms["accepts"][number]["extra"]) => {
      const item = {
        scheme: "exact",
        network: "base",
        caip2: "eip155:8453",
        asset: "0x1",
        payTo: "0x2",
      } as const;
      return toIntent({ ...item, amount: 1n, maxTimeoutSeconds: 1, extra, raw: null }, "x", {}).extra;
    };
    const all = { assetTransferMethod: "permit2", feePayer: "F", memo: "m" };
    expect(of({ ...all, name: "USD Coin", version: "2" })).toEqual(all);
    expect(of({ assetTransferMethod: 1, feePayer: null, memo: { toString: "x" } })).toEqual({});
  });
});

describe("a settlement", () => {
  const settlement = fc.record(
    {
      success: fc.boolean(),
      transaction: fc.string({ maxLength: 100 }),
      network: fc.constant("eip155:84532"),
      payer: address,
      errorReason: fc.string({ maxLength: 100 }),
    },
    { requiredKeys: ["success", "transaction", "network"] },
  );

  it("is read from the reference server's header, under both names", () => {
    fc.assert(
      fc.property(settlement, fc.constantFrom("PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"), (sent, name) => {
        const value = encodePaymentResponseHeader(sent);
        expect(readSettlement(new Headers({ [name]: value }))).toEqual(sent);
      }),
    );
  });

  it("that cannot be read is none: the answer was paid for all the same", () => {
    for (const value of ["", "x", base64("{}"), base64('{"success":"yes"}'), base64("[1"), base64("\xff")])
      expect(readSettlement(new Headers({ "PAYMENT-RESPONSE": value }))).toBeUndefined();
    expect(readSettlement(new Headers())).toBeUndefined();
  });
});
