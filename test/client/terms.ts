// Terms as a seller writes them, for tests that bend them.

export const PAYEE = "0x1111111111111111111111111111111111111111";
const USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";

export const item = {
  scheme: "exact",
  network: "eip155:84532",
  amount: "10000",
  asset: USDC,
  payTo: PAYEE,
  maxTimeoutSeconds: 60,
  extra: { name: "USDC", version: "2" },
};

const { amount, ...shared } = item;
export const itemV1 = {
  ...shared,
  network: "base-sepolia",
  maxAmountRequired: amount,
  resource: "http://seller/",
};

export const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** An answer of version 2: the terms are in the header. */
export const asks = (accepts: unknown[] = [item], more: object = {}, body = "pay first") => ({
  status: 402,
  headers: { "PAYMENT-REQUIRED": base64(JSON.stringify({ x402Version: 2, accepts, ...more })) },
  body,
});

/** An answer of version 1: the terms are in the body. */
export const asksV1 = (accepts: unknown[] = [itemV1]) => ({
  status: 402,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ x402Version: 1, error: "pay first", accepts }),
});

/** What a payment header holds. */
export const unpack = (header: unknown): Record<string, unknown> =>
  JSON.parse(Buffer.from(header as string, "base64").toString()) as Record<string, unknown>;
