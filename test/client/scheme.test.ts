// The signer as a scheme of the reference client, as that client uses it. Paying for real is in pay.test.ts.

import { findDefaultAsset as findOnEvm } from "@x402/evm";
import { findDefaultAsset as findOnSolana } from "@x402/svm";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { afterEach, describe, expect, it } from "vitest";
import { createSchemeClient } from "../../client/scheme.ts";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { type Answer, type Asked, startHostileShop } from "../counterparts/hostile-shop.ts";
import { declined, held, type Reply, signed, startScriptedSigner } from "./scripted-signer.ts";
import { asks, asksV1, item, PAYEE, unpack } from "./terms.ts";

const open: { close: () => Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

async function stage(answer: Answer, reply: Reply = signed) {
  const isPaid = ({ headers }: Asked) => "payment-signature" in headers || "x-payment" in headers;
  const shop = await startHostileShop((asked) => (isPaid(asked) ? { status: 200 } : answer));
  const signer = await startScriptedSigner(() => reply);
  open.push(shop, signer);
  const scheme = createSchemeClient({ signer: { transport: "ipc", endpoint: signer.endpoint } });
  const client = new x402Client().register("eip155:*", scheme).registerV1("base-sepolia", scheme);
  return { ...shop, calls: signer.calls, client, pay: wrapFetchWithPayment(fetch, client) };
}

describe("the scheme client", () => {
  it("gives the reference client what a payment of version 2 is made of", async () => {
    const extensions = { "payment-identifier": { info: { required: true }, schema: {} } };
    const { url, asked, calls, pay } = await stage(
      asks([item], { extensions, resource: { url: "http://x/" } }),
    );
    expect((await pay(url)).status).toBe(200);
    const { id, claims, ...intent } = calls[0]!.params.intent;
    expect(intent).toMatchObject({ network: item.network, amount: item.amount, payTo: PAYEE });
    expect(claims).toEqual({});
    expect(unpack(asked[1]!.headers["payment-signature"])).toEqual({
      x402Version: 2,
      accepted: item,
      payload: signed.payload,
      resource: { url: "http://x/" },
      extensions: { "payment-identifier": { info: { required: true, id }, schema: {} } },
    });
  });

  it("gives the whole payment for version 1", async () => {
    const { url, asked, pay } = await stage(asksV1());
    expect((await pay(url)).status).toBe(200);
    expect(unpack(asked[1]!.headers["x-payment"])).toEqual({
      x402Version: 1,
      scheme: "exact",
      network: "base-sepolia",
      payload: signed.payload,
    });
  });

  it("asks for the same intent when a hook wants the payment repeated, and for a new one in the next call", async () => {
    const { url, calls, client, pay } = await stage(asks());
    let recoveries = 1;
    client.onPaymentResponse(() => Promise.resolve(recoveries-- > 0 ? { recovered: true } : undefined));
    await pay(url);
    await pay(url);
    expect(calls).toHaveLength(3);
    const ids = calls.map(({ params }) => params.intent.id);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[1]).not.toBe(ids[2]);
  });

  it("passes the signer's no on, with its code", async () => {
    for (const [reply, name] of [
      [declined, "PaymentDeclined"],
      [held, "PaymentHeld"],
    ] as const) {
      const { url, asked, client, pay } = await stage(asks(), reply);
      await expect(pay(url)).rejects.toThrow(/^Failed to create payment payload: /);
      expect(asked).toHaveLength(1);
      const terms = { x402Version: 2, resource: { url }, accepts: [item as never] };
      await expect(client.createPaymentPayload(terms)).rejects.toMatchObject({
        name,
        code: reply.check.code,
      });
    }
  });

  it("reads requirements as strictly as a 402", async () => {
    const { client, calls } = await stage(asks());
    for (const bad of [{ amount: "00010" }, { maxTimeoutSeconds: 0 }, { payTo: "a b" }]) {
      const terms = { x402Version: 2, resource: { url: "" }, accepts: [{ ...item, ...bad } as never] };
      await expect(client.createPaymentPayload(terms)).rejects.toMatchObject({ code: "TERMS_INVALID" });
    }
    expect(calls).toEqual([]);
  });

  it("tells the spend controls what they would learn from the reference scheme", () => {
    const scheme = createSchemeClient();
    for (const [rail, find] of [
      ["eip155:", findOnEvm],
      ["solana:", findOnSolana],
    ] as const) {
      const pinned = PINNED_ASSETS.filter(({ network }) => network.startsWith(rail));
      expect(pinned.length).toBeGreaterThan(2);
      for (const { address, network } of pinned) {
        const { asset, decimals, symbol } = find(address, network)!;
        expect(scheme.findDefaultAsset!(address, network)).toEqual({ asset, decimals, symbol });
      }
    }
    expect(scheme.findDefaultAsset!(item.asset.toLowerCase(), "base-sepolia" as never)?.symbol).toBe("USDC");
    expect(scheme.findDefaultAsset!(PAYEE, "eip155:84532")).toBeUndefined();
    const usdm = "c48cbb3d5e57ed56e276bc45f99ab39abe94e6cd7ac39fb402da47ad.0014df105553444d";
    expect(scheme.findDefaultAsset!(usdm, "cardano" as never)?.symbol).toBe("USDM");
    // What counts as a default asset there is capped as if one were a dollar.
    expect(scheme.findDefaultAsset!("lovelace", "cardano:mainnet")).toBeUndefined();
  });
});
