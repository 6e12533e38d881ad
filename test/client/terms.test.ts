// What a hostile seller can write into a 402, as far as the client itself refuses it. What it passes on for the signer
// to judge is in attacks.test.ts.

import { afterEach, describe, expect, it } from "vitest";
import { createPaymentFetch } from "../../client/fetch.ts";
import { type Answer, flood, startHostileShop } from "../counterparts/hostile-shop.ts";
import { asks, asksV1, base64, item, itemV1, PAYEE } from "./terms.ts";

// It refuses before it asks, so that nobody needs to listen.
const payingFetch = createPaymentFetch({ signer: { transport: "ipc", endpoint: "/nowhere/agent.sock" } });
const open: { close: () => Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

async function codeFor(answer: Answer): Promise<unknown> {
  const shop = await startHostileShop(() => answer);
  open.push(shop);
  const outcome: unknown = await payingFetch(shop.url).catch((error: unknown) => error);
  expect(shop.asked).toHaveLength(1);
  return outcome instanceof Response ? outcome.status : (outcome as { code: unknown }).code;
}

const raw = (header: string): Answer => ({ status: 402, headers: { "PAYMENT-REQUIRED": header } });
const good = { x402Version: 2, accepts: [item] };

describe("terms that cannot be read are TERMS_INVALID, and nobody is asked to sign", () => {
  const amounts = ["0", "-1", "1e6", "0x10", "00010", "1.0", " 1", "1_000", "", `1${"0".repeat(78)}`];

  it.each(amounts)("amount %j", async (amount) => {
    expect(await codeFor(asks([{ ...item, amount }]))).toBe("TERMS_INVALID");
    expect(await codeFor(asksV1([{ ...itemV1, maxAmountRequired: amount }]))).toBe("TERMS_INVALID");
  });

  it("an amount that is a number", async () => {
    expect(await codeFor(asks([{ ...item, amount: 10_000 }]))).toBe("TERMS_INVALID");
  });

  it.each([0, -1, 1.5, 31_536_001, "60"])("maxTimeoutSeconds %j", async (maxTimeoutSeconds) => {
    expect(await codeFor(asks([{ ...item, maxTimeoutSeconds }]))).toBe("TERMS_INVALID");
  });

  it.each([
    ["payTo", "0x1111111111111111111111111111111111111111\n"],
    ["payTo", "0x1111 1111"],
    ["payTo", ""],
    ["asset", '"><script>'],
    ["asset", "a".repeat(161)],
    ["network", "bass"],
    ["network", "EIP155:8453"],
    ["scheme", "exact\u0000"],
  ])("%s %j", async (field, value) => {
    expect(await codeFor(asks([{ ...item, [field]: value }]))).toBe("TERMS_INVALID");
  });

  it.each([
    ["not base64", "{}"],
    ["almost base64", `${base64(JSON.stringify(good))}!`],
    ["not JSON", base64("amount=1")],
    ["not UTF-8", Buffer.from([0xff, 0xfe]).toString("base64")],
    ["half of it", base64(JSON.stringify(good).slice(0, -10))],
    ["empty", base64("{}")],
    ["a list", base64("[]")],
    ["nothing accepted", base64(JSON.stringify({ ...good, accepts: [] }))],
    ["33 entries", base64(JSON.stringify({ ...good, accepts: Array(33).fill({ ...item, extra: {} }) }))],
    ["version 3", base64(JSON.stringify({ ...good, x402Version: 3 }))],
    ["version 1 in version 2's header", base64(JSON.stringify({ ...good, x402Version: 1 }))],
    ["a key twice", base64(JSON.stringify(good).replace('"amount"', '"amount":"1","amount"'))],
    [
      "a key twice, one escaped",
      base64(JSON.stringify(good).replace('"payTo"', '"pay\\u0054o":"0x2","payTo"')),
    ],
    ["nested a thousand deep", base64(`${"[".repeat(1000)}${"]".repeat(1000)}`)],
  ])("a header that is %s", async (_, header) => {
    expect(await codeFor(raw(header))).toBe("TERMS_INVALID");
  });

  it("a body of version 1 with a key twice, cut off, or too long", async () => {
    const body = JSON.stringify({ x402Version: 1, accepts: [itemV1] });
    for (const bad of [
      body.replace('"payTo"', '"payTo":"0x2","payTo"'),
      body.slice(0, -5),
      body + " ".repeat(65_536),
    ]) {
      expect(await codeFor({ status: 402, body: bad })).toBe("TERMS_INVALID");
    }
  });
});

describe("what a network wants in extra", () => {
  const onCardano = (extra?: unknown) => ({ ...item, network: "cardano:preprod", asset: "lovelace", extra });
  const onSolana = (extra?: unknown) => ({ ...item, network: "solana-devnet", extra });
  const policy = (l1Confirmations?: unknown) => onCardano({ confirmationPolicy: { l1Confirmations } });

  it.each([-2, 21, 1.5, "1", null, [], true].map(policy))("%j is a bad 402", async (bad) => {
    expect(await codeFor(asks([bad]))).toBe("TERMS_INVALID");
    expect(await codeFor(asks([{ ...bad, network: "cip34:0-1" }]))).toBe("TERMS_INVALID");
  });

  it.each([
    onCardano({ confirmationPolicy: 1 }),
    onCardano({ confirmationPolicy: null }),
    onCardano({ confirmationPolicy: [] }),
    onCardano({ assetTransferMethod: 7 }),
    onSolana({ feePayer: 7 }),
    onSolana({ feePayer: ["a", "b"] }),
    onSolana({ memo: { order: 7 } }),
    onSolana([]),
  ])("%j is a bad 402", async (bad) => {
    expect(await codeFor(asks([bad]))).toBe("TERMS_INVALID");
  });

  it.each([
    ...[-1, 0, 1, 20].map(policy),
    policy(),
    onCardano(),
    onCardano({}),
    onCardano({ confirmationPolicy: {} }),
    onSolana(),
    onSolana({ feePayer: PAYEE, memo: "order 7" }),
    onSolana({ feePayer: PAYEE, memo: null, name: 7 }),
    { ...item, extra: { confirmationPolicy: 7, feePayer: 7 } },
  ])("%j can be asked for", async (good) => {
    expect(await codeFor(asks([good]))).toBe("SIGNER_UNREACHABLE");
  });

  it("an entry that cannot be read leaves the others", async () => {
    expect(await codeFor(asks([policy(21), onSolana({ memo: 7 }), item]))).toBe("SIGNER_UNREACHABLE");
  });
});

describe("a 402 with a body of 100 MB", () => {
  const SIZE = 100_000_000;
  const LITTLE = 4_000_000; // What sockets and streams hold before anybody reads.

  it("of version 1's terms is read to 64 KiB", async () => {
    const zeros = flood(SIZE);
    const answer = zeros.answer(402, `{"x402Version":1,"accepts":[],"filler":"`);
    expect(await codeFor(answer)).toBe("TERMS_INVALID");
    expect(zeros.sent()).toBeLessThan(LITTLE);
  });

  it("beside version 2's header is not read at all", async () => {
    const zeros = flood(SIZE);
    const answer = zeros.answer(402, "", { "PAYMENT-REQUIRED": base64(JSON.stringify(good)) });
    expect(await codeFor(answer)).toBe("SIGNER_UNREACHABLE");
    expect(zeros.sent()).toBeLessThan(LITTLE);
  });

  it("that is no terms at all is given to the caller, who may read it", async () => {
    const zeros = flood(SIZE);
    const shop = await startHostileShop(() => zeros.answer(402, ""));
    open.push(shop);
    const response = await payingFetch(shop.url);
    expect(zeros.sent()).toBeLessThan(LITTLE);
    let length = 0;
    for await (const chunk of response.body as ReadableStream<Uint8Array>) length += chunk.byteLength;
    expect(length).toBeGreaterThanOrEqual(SIZE);
  });
});
