// Paying on Cardano for real; what the ledger says counts.
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { describe, expect, it } from "vitest";
import { paymentOf } from "../../client/fetch.ts";
import { createSchemeClient } from "../../client/scheme.ts";
import { operatorCall } from "../../client/signer.ts";
import { startHostileShop } from "../counterparts/hostile-shop.ts";
import { base64, unpack } from "./terms.ts";
import {
  type Paid,
  ADA,
  POLICY,
  SELLER,
  TUSDM,
  ada,
  cardano,
  codeOf,
  endpoint,
  onBoth,
  open,
  ours,
  passSeconds,
  payer,
  signer,
  startShop,
} from "./two-chains.ts";

describe("on Cardano", () => {
  it.each(["blockfrost", "koios", "ogmios"] as const)(
    "pays ADA and a token with what %s tells",
    async (api) => {
      for (let i = 0; i < 3; i++) cardano.ledger.fund(ours.cardano, 20n * ADA, { [TUSDM]: 2_000_000n });
      cardano.ledger.fund(ours.cardano, 900n * ADA, {}, "11".repeat(32));
      const source =
        api === "blockfrost" ? { url: cardano.urls.blockfrost, projectId: "key" } : cardano.urls[api];
      const pay = payer({ "cardano-preprod": { [api]: [source] } as never });
      const before = cardano.ledger.balance(SELLER);
      const [coffee, tea] = [await startShop([ada(2n * ADA)]), await startShop([ada(1_500_000n, TUSDM)])];
      for (const { url } of [coffee, tea, coffee]) {
        const response = await pay(url);
        expect([response.status, paymentOf(response)!.settlement!.success]).toEqual([200, true]);
      }
      const after = cardano.ledger.balance(SELLER);
      expect((after.tokens[TUSDM] ?? 0n) - (before.tokens[TUSDM] ?? 0n)).toBe(1_500_000n);
      expect(after.lovelace - before.lovelace).toBeGreaterThanOrEqual(4n * ADA);
    },
  );

  it("the reference client pays a dollar token through the scheme, and ADA where it is allowed to", async () => {
    for (let i = 0; i < 2; i++) cardano.ledger.fund(ours.cardano, 20n * ADA, { [TUSDM]: 2_000_000n });
    const scheme = createSchemeClient({ ...endpoint(), context: onBoth() });
    const client = new x402Client().register("cardano:*", scheme);
    const pay = wrapFetchWithPayment(fetch, client);
    const [coffee, tea] = [await startShop([ada(2n * ADA)]), await startShop([ada(500_000n, TUSDM)])];
    expect((await pay(tea.url)).status).toBe(200);
    await expect(pay(coffee.url)).rejects.toThrow("spendControls");
    client.setSpendControls({ allowedAssets: [{ network: cardano.network, asset: "lovelace" }] });
    expect((await pay(coffee.url)).status).toBe(200);
    expect(coffee.payments).toHaveLength(1);
  });

  it("many at once spend no output twice; who finds none free is told when to ask again", async () => {
    for (let i = 0; i < 4; i++) cardano.ledger.fund(ours.cardano, 10n * ADA);
    const { url, payments } = await startShop([ada(6n * ADA)]);
    const pay = payer(onBoth());
    const codes = await Promise.all(Array.from({ length: 6 }, () => codeOf(pay(url))));
    expect(codes.sort()).toEqual([
      ...Array<string>(2).fill("INPUTS_LOCKED"),
      ...Array<string>(4).fill("paid"),
    ]);
    expect(new Set(payments.map(({ payload }) => payload.nonce)).size).toBe(4);
  });

  it("change that the endpoint did not show yet is asked for once more", async () => {
    cardano.ledger.fund(ours.cardano, 10n * ADA);
    let asked = 0;
    const slow = await cardano.serve("koios", (what, _, honest) =>
      what === "POST /address_utxos" && asked++ === 0 ? [] : honest(),
    );
    const pay = payer({ "cardano-preprod": { koios: [slow] } });
    const { url } = await startShop([ada(2n * ADA), ada(3n * ADA)]);
    // The quote was told of an empty wallet; the request to sign has that in its cache, and asks anew.
    expect((await pay(url)).status).toBe(200);
    expect(asked).toBe(2);
  });

  it("a payment that is over is drafted again from the same output, with what is known now", async () => {
    cardano.ledger.fund(ours.cardano, 10n * ADA);
    const shop = await startHostileShop(() => ({
      status: 402,
      headers: { "PAYMENT-REQUIRED": base64(JSON.stringify({ x402Version: 2, accepts: [ada(2n * ADA)] })) },
    }));
    open.push(shop);
    const pay = payer(onBoth());
    const first = paymentOf(await pay(shop.url))!;
    passSeconds(121);
    await pay(shop.url, { payment: { id: first.intentId } });
    const [one, two] = shop.asked
      .flatMap(({ headers }) => headers["payment-signature"] ?? [])
      .map((header) => (unpack(header) as unknown as Paid).payload);
    expect(one!.nonce).toBe(two!.nonce);
    expect(one!.transaction).not.toBe(two!.transaction);
  });

  it("outputs that do not exist or hold less make a payment that no ledger takes", async () => {
    cardano.ledger.fund(ours.cardano, 3n * ADA);
    const rich = await cardano.serve("koios", (what, _, honest) => {
      const told = honest() as { value: string }[];
      return what === "POST /address_utxos" ? told.map((one) => ({ ...one, value: "900000000" })) : told;
    });
    const { url } = await startShop([ada(5n * ADA)]);
    const response = await payer({ "cardano-preprod": { koios: [rich] } })(url);
    expect([response.status, paymentOf(response)!.settlement!.success]).toEqual([402, false]);
    expect(cardano.ledger.balance(ours.cardano).lovelace).toBe(3n * ADA);
  });

  it("fees above what the policy lets go are NETWORK_FEE_TOO_HIGH; below they are paid, and counted", async () => {
    await signer.apply({ ...POLICY, maxNetworkFee: "0.10" });
    for (let i = 0; i < 2; i++) cardano.ledger.fund(ours.cardano, 50n * ADA);
    const dearer = (min_fee_a: number) =>
      cardano.serve("koios", (what, _, honest) => {
        const told = honest() as object[];
        return what === "GET /epoch_params" ? told.map((one) => ({ ...one, min_fee_a })) : told;
      });
    const { url } = await startShop([ada(2n * ADA)]);
    const through = async (a: number) => payer({ "cardano-preprod": { koios: [await dearer(a)] } })(url);
    await expect(through(1_000)).rejects.toMatchObject({ code: "NETWORK_FEE_TOO_HIGH" });
    await expect(through(1_000_000)).rejects.toMatchObject({ code: "CONTEXT_INVALID" });
    expect(cardano.ledger.balance(ours.cardano).lovelace).toBe(100n * ADA);
    expect((await through(200)).status).toBe(200);
    const spent = 100n * ADA - cardano.ledger.balance(ours.cardano).lovelace;
    const { payments } = await operatorCall(signer.operator, "history.list", {});
    // 0.40 dollars for one ADA, rounded up.
    const counted = payments.find(({ state }) => state === "reserved")!.usd;
    expect(Number(counted)).toBeGreaterThanOrEqual((Number(spent) / 1e6) * 0.4);
    expect(Number(counted)).toBeLessThan((Number(spent) / 1e6) * 0.4 + 0.00001);
    expect(Number(counted)).toBeLessThanOrEqual(0.8 + 0.1);
  });
});
