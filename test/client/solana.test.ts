// Paying on Solana for real; what the cluster says counts.
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { describe, expect, it } from "vitest";
import { paymentOf } from "../../client/fetch.ts";
import { createSchemeClient } from "../../client/scheme.ts";
import { startHostileShop } from "../counterparts/hostile-shop.ts";
import { unpack } from "./terms.ts";
import {
  type Paid,
  NOBODY,
  endpoint,
  newPayee,
  onBoth,
  open,
  ours,
  passSeconds,
  payer,
  solana,
  startShop,
  settle,
  usdc,
} from "./two-chains.ts";

describe("on Solana", () => {
  it("pays with a blockhash from the first endpoint that is honest and there", async () => {
    const [payTo, liar] = [
      newPayee(),
      await solana.endpoint((method, _, honest) =>
        method === "getGenesisHash" ? "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKhUHGVwoP7ow" : honest(),
      ),
    ];
    open.push(liar);
    solana.mint(payTo, 0n);
    solana.mint(ours.solana, 50_000n);
    const { url } = await startShop([usdc(10_000n, payTo)]);
    const pay = payer({ "solana-devnet": { rpc: [NOBODY, liar.url, solana.url] } });
    const response = await pay(url);
    expect([response.status, paymentOf(response)!.settlement!.success]).toEqual([200, true]);
    expect([solana.balanceOf(payTo), solana.balanceOf(ours.solana)]).toEqual([10_000n, 40_000n]);
    // Within seconds, with the same blockhash: the memo makes it another transaction.
    expect((await pay(url)).status).toBe(200);
    expect(solana.balanceOf(payTo)).toBe(20_000n);
  });

  it("pays with the seller's blockhash when nobody was named to ask", async () => {
    const payTo = newPayee();
    solana.mint(payTo, 0n);
    solana.mint(ours.solana, 10_000n);
    const { recentBlockhash, lastValidBlockHeight } = solana.ledger.context();
    const { url } = await startShop([usdc(10_000n, payTo, { recentBlockhash, lastValidBlockHeight })]);
    expect((await payer()(url)).status).toBe(200);
    expect(solana.balanceOf(payTo)).toBe(10_000n);
  });

  it("pays a seller of version 1, by the network's name", async () => {
    const payTo = newPayee();
    solana.mint(payTo, 0n);
    solana.mint(ours.solana, 10_000n);
    const { amount, ...v2 } = usdc(10_000n, payTo);
    const item = { ...v2, network: "solana-devnet", maxAmountRequired: amount, resource: "http://x/" };
    const shop = await startHostileShop(({ headers }) => {
      const header = headers["x-payment"];
      if (header === undefined)
        return { status: 402, body: JSON.stringify({ x402Version: 1, accepts: [item] }) };
      const { network, payload } = unpack(header) as unknown as Paid & { network: string };
      expect(network).toBe("solana-devnet");
      return (response) => {
        void settle({ accepted: usdc(10_000n, payTo), payload }).then(({ success }) => {
          response.writeHead(success ? 200 : 402).end();
        });
      };
    });
    open.push(shop);
    expect((await payer(onBoth())(shop.url)).status).toBe(200);
    expect(solana.balanceOf(payTo)).toBe(10_000n);
  });

  it("the reference client pays through the scheme", async () => {
    const payTo = newPayee();
    solana.mint(payTo, 0n);
    solana.mint(ours.solana, 10_000n);
    const { url } = await startShop([usdc(10_000n, payTo)]);
    const scheme = createSchemeClient({ ...endpoint(), context: onBoth() });
    const pay = wrapFetchWithPayment(fetch, new x402Client().register("solana:*", scheme));
    expect((await pay(url)).status).toBe(200);
    expect(solana.balanceOf(payTo)).toBe(10_000n);
  });

  it("a seller's memo and price twice in a row are two payments once the chain has a newer blockhash", async () => {
    const payTo = newPayee();
    solana.mint(payTo, 0n);
    solana.mint(ours.solana, 20_000n);
    const { url, payments } = await startShop([usdc(10_000n, payTo, { memo: "order 7" })]);
    const pay = payer(onBoth());
    expect((await pay(url)).status).toBe(200);
    solana.advance({ blocks: 40 }); // Finalized ones are some 32 blocks old.
    expect((await pay(url)).status).toBe(200);
    expect(payments[0]!.payload.transaction).not.toBe(payments[1]!.payload.transaction);
    expect(solana.balanceOf(payTo)).toBe(20_000n);
  });

  it("a blockhash that no block has makes a payment that is never made; it is INTENT_UNRESOLVED once it is over", async () => {
    const payTo = newPayee();
    solana.mint(payTo, 0n);
    solana.mint(ours.solana, 10_000n);
    const liar = await solana.endpoint((method, _, honest) =>
      method === "getLatestBlockhash"
        ? { value: { blockhash: newPayee(), lastValidBlockHeight: 9 } }
        : honest(),
    );
    open.push(liar);
    const { url, payments } = await startShop([usdc(10_000n, payTo)]);
    const response = await payer({ "solana-devnet": { rpc: [liar.url] } })(url);
    const { intentId: id } = paymentOf(response)!;
    expect([response.status, solana.balanceOf(payTo)]).toEqual([402, 0n]);
    // While it is alive it is the same payment, whatever is known now; also when nothing is.
    expect((await payer({ "solana-devnet": { rpc: [NOBODY] } })(url, { payment: { id } })).status).toBe(402);
    expect(payments[1]!.payload).toEqual(payments[0]!.payload);
    passSeconds(151);
    await expect(payer(onBoth())(url, { payment: { id } })).rejects.toMatchObject({
      code: "INTENT_UNRESOLVED",
      intentId: id,
    });
  });
});
