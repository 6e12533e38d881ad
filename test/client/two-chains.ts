// A signer with an account on every rail, a Solana cluster with the reference facilitator, a Cardano ledger behind its three
// kinds of endpoint, and sellers who settle on either. Importing this starts them for a test file, and ends them with it.
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { createPaymentFetch, type PaymentFetchOptions } from "../../client/fetch.ts";
import { operatorCall } from "../../client/signer.ts";
import { cardanoAddressOn } from "../../protocol/cardano-address.ts";
import { solanaText } from "../../protocol/solana-address.ts";
import { type CardanoChain, startCardanoChain } from "../counterparts/cardano-chain.ts";
import { type Answer, startHostileShop } from "../counterparts/hostile-shop.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { type SolanaChain, startSolanaChain } from "../counterparts/solana-chain.ts";
import { startSolanaFacilitator } from "../counterparts/solana-facilitator.ts";
import { base64, unpack } from "./terms.ts";

export const ADA = 1_000_000n;
export const TUSDM = "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d";
export const SELLER =
  "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae";
export const NOBODY = "http://127.0.0.1:1";
export const POLICY = {
  version: 1,
  allowedNetworks: ["solana-devnet", "cardano-preprod"],
  perCallMax: "20.00",
  totalMax: "10000.00",
};

export let solana: SolanaChain;
export let cardano: CardanoChain;
let facilitator: Awaited<ReturnType<typeof startSolanaFacilitator>>;
let home: SignerHome;
export let signer: Signer;
let late = 0;
export let ours: { solana: string; cardano: string };
export const open: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  [solana, cardano] = await Promise.all([startSolanaChain(), startCardanoChain()]);
  facilitator = await startSolanaFacilitator(solana);
});
afterAll(() => Promise.all([solana.close(), cardano.close()]));

beforeEach(async () => {
  late = 0;
  home = await SignerHome.ofPhrase();
  signer = await home.start({ clock: () => Date.now() + late });
  await signer.unlock();
  await signer.apply(POLICY);
  await setPrice("0.40");
  ours = {
    solana: home.addressOf("solana"),
    cardano: cardanoAddressOn("cardano:preprod", home.addressOf("cardano"))!,
  };
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  await signer.close();
  home.remove();
});

/** The signer's clock goes ahead by so much from now on. */
export function passSeconds(seconds: number): void {
  late += seconds * 1000;
}

export const setPrice = (usd: string, maxAge = 86_400) =>
  operatorCall(signer.operator, "price.set", { symbol: "ADA", usd, maxAge });

export const newPayee = (): string => solanaText(crypto.getRandomValues(new Uint8Array(32)));
export const endpoint = () => ({ signer: { transport: "ipc", endpoint: signer.socketOf() } }) as const;
export const payer = (context?: PaymentFetchOptions["context"], more: PaymentFetchOptions = {}) =>
  createPaymentFetch({ ...endpoint(), ...more, ...(context && { context }) });
export const onBoth = () => ({
  "solana-devnet": { rpc: [solana.url] },
  "cardano-preprod": { koios: [cardano.urls.koios] },
});

export const usdc = (amount: bigint, payTo: string, extra: object = {}) => ({
  scheme: "exact",
  network: solana.network,
  asset: solana.token,
  amount: String(amount),
  payTo,
  maxTimeoutSeconds: 60,
  extra: { feePayer: facilitator.feePayer, ...extra },
});
export const ada = (amount: bigint, asset = "lovelace") => ({
  scheme: "exact",
  network: cardano.network,
  asset,
  amount: String(amount),
  payTo: SELLER,
  maxTimeoutSeconds: 120,
});

export interface Paid {
  accepted: ReturnType<typeof usdc>;
  payload: { transaction: string; nonce?: string };
}

/** Settles a payment on its chain. */
export async function settle({
  accepted,
  payload,
}: Paid): Promise<{ success: boolean; transaction: string }> {
  if (accepted.network === cardano.network) {
    const sent = cardano.ledger.submit(Buffer.from(payload.transaction, "base64"));
    return {
      success: "transaction" in sent,
      transaction: "transaction" in sent ? sent.transaction : sent.refused,
    };
  }
  const message = { x402Version: 2, accepted, payload, resource: { url: "" } } as never;
  const verified = await facilitator.verify(message, accepted as never);
  if (!verified.isValid) return { success: false, transaction: verified.invalidReason ?? "" };
  return facilitator.settle(message, accepted as never);
}

/** A seller who settles before he serves. `payments` are those that came. */
export async function startShop(accepts: object[]) {
  const payments: Paid[] = [];
  const serve =
    (paid: Paid): Answer =>
    (response) => {
      payments.push(paid);
      void settle(paid).then((settlement) => {
        const result = { "PAYMENT-RESPONSE": base64(JSON.stringify(settlement)) };
        response.writeHead(settlement.success ? 200 : 402, result).end("served");
      });
    };
  const shop = await startHostileShop(({ headers }) => {
    const header = headers["payment-signature"];
    if (header !== undefined) return serve(unpack(header) as unknown as Paid);
    const v1 = headers["x-payment"];
    if (v1 !== undefined)
      return serve({ ...(unpack(v1) as unknown as Paid), accepted: accepts[0] as Paid["accepted"] });
    return {
      status: 402,
      headers: { "PAYMENT-REQUIRED": base64(JSON.stringify({ x402Version: 2, accepts })) },
    };
  });
  open.push(shop);
  return { ...shop, payments };
}

export const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "paid",
    (error: unknown) => (error as { code: unknown }).code,
  );
