// Which of several offers is paid, for real: by what the policy allows, what the wallet holds, and what each costs.
import { describe, expect, it } from "vitest";
import { type PaymentFetchOptions, paymentOf } from "../../client/fetch.ts";
import { startHostileShop } from "../counterparts/hostile-shop.ts";
import { RpcError } from "../counterparts/solana-rpc.ts";
import { base64 } from "./terms.ts";
import {
  ADA,
  NOBODY,
  POLICY,
  passSeconds,
  ada,
  cardano,
  newPayee,
  onBoth,
  open,
  ours,
  payer,
  setPrice,
  signer,
  solana,
  startShop,
  usdc,
} from "./two-chains.ts";

describe("of several offers", () => {
  const both = () => {
    const payTo = newPayee();
    solana.mint(payTo, 0n);
    return [ada(2n * ADA), usdc(500_000n, payTo)];
  };
  const networkPaid = async (
    more: PaymentFetchOptions = {},
    context: PaymentFetchOptions["context"] = onBoth(),
  ) => {
    const { url, payments } = await startShop(both());
    expect((await payer(context, more)(url)).status).toBe(200);
    return payments[0]!.accepted.network;
  };

  it("the cheapest is paid, at the operator's price, unless the caller wants the seller's first", async () => {
    solana.mint(ours.solana, 1_000_000n);
    for (let i = 0; i < 2; i++) cardano.ledger.fund(ours.cardano, 50n * ADA);
    // 2 ADA are 0.80 and a fee; 0.5 USDC are 0.50.
    expect(await networkPaid()).toBe(solana.network);
    expect(await networkPaid({ order: "seller" })).toBe(cardano.network);
    await setPrice("0.10");
    expect(await networkPaid()).toBe(cardano.network);
  });

  it("one that the wallet cannot pay comes after one that it can", async () => {
    cardano.ledger.fund(ours.cardano, 50n * ADA);
    solana.mint(ours.solana, 499_999n);
    expect(await networkPaid()).toBe(cardano.network);
  });

  it("one whose balance nobody tells is paid all the same", async () => {
    cardano.ledger.fund(ours.cardano, 50n * ADA);
    solana.mint(ours.solana, 1_000_000n);
    const silent = await solana.endpoint((method, _, honest) => {
      if (method === "getTokenAccountsByOwner")
        throw new RpcError(-32010, "excluded from account secondary indexes");
      return honest();
    });
    open.push(silent);
    const context = { ...onBoth(), "solana-devnet": { rpc: [silent.url] } };
    expect(await networkPaid({}, context)).toBe(solana.network);
  });

  it("one that the policy declines, or whose price is stale, comes after one that passes", async () => {
    solana.mint(ours.solana, 1_000_000n);
    cardano.ledger.fund(ours.cardano, 50n * ADA);
    await signer.apply({ ...POLICY, allowedNetworks: ["cardano-preprod"] });
    expect(await networkPaid()).toBe(cardano.network);
    await signer.apply({ ...POLICY, perCallMax: "0.60" });
    expect(await networkPaid()).toBe(solana.network);
    await signer.apply(POLICY);
    await setPrice("0.01", 60);
    passSeconds(61);
    expect(await networkPaid()).toBe(solana.network);
  });

  it("one that nobody was named to ask about comes last", async () => {
    cardano.ledger.fund(ours.cardano, 50n * ADA);
    solana.mint(ours.solana, 1_000_000n);
    const { "cardano-preprod": onCardano } = onBoth();
    expect(await networkPaid({}, { "cardano-preprod": onCardano })).toBe(cardano.network);
    expect(await networkPaid({}, { "cardano-preprod": onCardano, "solana-devnet": { rpc: [NOBODY] } })).toBe(
      cardano.network,
    );
  });

  it("with no way to know anything, the decline says what to tell the client", async () => {
    const { url } = await startShop(both());
    await expect(payer()(url)).rejects.toMatchObject({
      code: "CONTEXT_INVALID",
      name: "PaymentDeclined",
      hint: `tell the client where: context: { "solana-devnet": { rpc: [URL] } }`,
    });
    const [onCardano, onSolana] = both();
    const tea = await startShop([onCardano!]);
    await expect(payer()(tea.url)).rejects.toMatchObject({
      code: "CONTEXT_INVALID",
      hint: `tell the client where: context: { "cardano-preprod": { blockfrost: [{ projectId }] } }, or koios or ogmios`,
    });
    const shop = await startShop([onSolana!]);
    await expect(payer({ "solana-devnet": { rpc: [`${NOBODY}/v2/a-key`] } })(shop.url)).rejects.toMatchObject(
      {
        code: "CONTEXT_INVALID",
        hint: `no source of the context option has an answer: ${NOBODY} cannot be reached`,
      },
    );
  });

  it("a call that is resumed goes on with the offer that it was for, whatever is cheaper now", async () => {
    solana.mint(ours.solana, 1_000_000n);
    cardano.ledger.fund(ours.cardano, 50n * ADA);
    const offers = both();
    const shop = await startShop(offers);
    const unheard = await startHostileShop(() => ({
      status: 402,
      headers: { "PAYMENT-REQUIRED": base64(JSON.stringify({ x402Version: 2, accepts: offers })) },
    }));
    open.push(unheard);
    const there = (_: string, init: RequestInit) => fetch(unheard.url, init);
    const here = (_: string, init: RequestInit) => fetch(shop.url, init);
    const first = await payer(onBoth(), { fetch: there })("http://shop.example/");
    const { intentId: id } = paymentOf(first)!;
    await setPrice("0.01");
    const again = await payer(onBoth(), { fetch: here })("http://shop.example/", { payment: { id } });
    expect([again.status, shop.payments.map(({ accepted }) => accepted.network)]).toEqual([
      200,
      [solana.network],
    ]);
  });

  it("a function in place of sources is asked for what each needs", async () => {
    solana.mint(ours.solana, 1_000_000n);
    cardano.ledger.fund(ours.cardano, 50n * ADA);
    const asked: string[] = [];
    const context = ({ network }: { network: string }) => {
      asked.push(network);
      return Promise.resolve(
        network === solana.network ? solana.ledger.context() : cardano.ledger.context(ours.cardano),
      );
    };
    expect(await networkPaid({}, context)).toBe(solana.network);
    expect(asked).toEqual([cardano.network, solana.network, solana.network]);
    const [, offer] = both();
    const { url } = await startShop([offer!]);
    const fault = new Error("mine");
    const failing = () => {
      throw fault;
    };
    await expect(payer(failing)(url)).rejects.toMatchObject({ code: "CONTEXT_INVALID", cause: fault });
  });
});
