// A shop that asks to be paid until it is, and a signer that signs everything, unless a test tells them otherwise.

import { afterEach } from "vitest";
import { createPaymentFetch, type PaymentFetchOptions } from "../../client/fetch.ts";
import { type Answer, type Asked, startHostileShop } from "../counterparts/hostile-shop.ts";
import { type Call, type Reply, signed, startScriptedSigner } from "./scripted-signer.ts";
import { asks } from "./terms.ts";

/** An intent id that a caller might choose. */
export const ID = "an-id-of-my-own-choice";

const open: { close: () => Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

const isPaid = ({ headers }: Asked) => "payment-signature" in headers || "x-payment" in headers;

/** Accepts anything that comes with a payment, of either version. */
export const paidFirst = (answer: Answer) => (asked: Asked) =>
  isPaid(asked) ? { status: 200, body: asked.body } : answer;

export async function stage(
  parts: {
    shop?: (asked: Asked, index: number) => Answer;
    signer?: (call: Call, index: number) => Reply;
    options?: PaymentFetchOptions;
  } = {},
) {
  const shop = await startHostileShop(parts.shop ?? paidFirst(asks()));
  const signer = await startScriptedSigner(parts.signer ?? (() => signed));
  open.push(shop, signer);
  const pay = createPaymentFetch({
    signer: { transport: "ipc", endpoint: signer.endpoint },
    ...parts.options,
  });
  return { ...shop, calls: signer.calls, pay };
}
