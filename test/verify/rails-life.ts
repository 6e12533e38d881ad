// A life of a ledger with payments on every rail: at prices that change, drafted again, of tokens that carry ADA, below
// the least that an output may hold, and of a token that the operator has added.
import { createHash } from "node:crypto";
import { operatorCall } from "../../client/signer.ts";
import type { WireCardanoContext } from "../../protocol/context.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import { solanaText } from "../../protocol/solana-address.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { idOf, intent } from "../signer/intents.ts";
import { type Life, MINUTE, exported } from "./life.ts";

const START = Date.parse("2026-11-20T12:00:00Z");
export const MINT = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
export const TUSDM = "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d";
export const PAYEE =
  "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae";
/** An EIP-3009 token of the operator, which is no stablecoin. */
const EURC = {
  ...{ network: "base-sepolia", address: "0x808456652fdb597867f38412077A9182bf77359F", symbol: "EURC" },
  ...{ decimals: 8, name: "EURC", version: "2" },
};

export const keyBytes = (name: string): Buffer => createHash("sha256").update(name).digest();
export const key = (name: string): string => solanaText(keyBytes(name));

const RULES = {
  version: 1,
  allowedNetworks: ["base-sepolia", "solana-devnet", "cardano-preprod"],
  assets: [EURC],
  perCallMax: "3.00",
  perDayMax: "50.00",
  totalMax: "100.00",
  maxNetworkFee: "1.00",
};

const onSolana = (name: string, changed: Partial<WireIntent> = {}): WireIntent =>
  intent(name, {
    ...{ network: "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1", asset: MINT, payTo: key("payee") },
    extra: { feePayer: key("fee payer") },
    ...changed,
  });

const onCardano = (name: string, changed: Partial<WireIntent> = {}): WireIntent =>
  intent(name, {
    ...{ network: "cardano:preprod", asset: "lovelace", payTo: PAYEE, amount: "2000000" },
    ...changed,
  });

const outputs = (...names: string[]): WireCardanoContext => ({
  utxos: names.map((name) => ({
    transaction: keyBytes(name).toString("hex"),
    ...{ index: 0, lovelace: "20000000", tokens: { [TUSDM]: "5000000" } },
  })),
  parameters: {
    ...{ minFeeA: 44, minFeeB: 155_381, coinsPerUtxoByte: 4310, maxTxSize: 16_384, maxValueSize: 5000 },
  },
});

export async function makeRailsLife(): Promise<Life> {
  const home = await SignerHome.ofPhrase();
  let now = START;
  const signer = await home.start({ clock: () => now });
  try {
    await signer.apply(RULES);
    await signer.close();
    const again = await home.start({ clock: () => now }); // with the rails of the policy
    try {
      await again.unlock();
      await payOnEach(again, (ms) => (now += ms));
      const { auditKey: key = "", head } = await again.status();
      return { text: await exported(home), key, seed: home.secrets()[3]!, receipts: [], head };
    } finally {
      await again.close();
    }
  } finally {
    home.remove();
  }
}

async function payOnEach(signer: Signer, pass: (ms: number) => void): Promise<void> {
  const price = (symbol: string, usd: string, maxAge = 3600) =>
    operatorCall(signer.operator, "price.set", { symbol, usd, maxAge });
  const pay = async (what: WireIntent, context?: object): Promise<void> => {
    const result = await signer.sign(what, context && { context: { ...context } });
    if (result.outcome !== "signed") throw new Error(`${what.id}: ${JSON.stringify(result)}`);
  };
  const blockhash = { recentBlockhash: key("block") };
  await pay(intent("evm"));
  await pay(onSolana("solana"), blockhash);
  await price("ADA", "0.50");
  await price("EURC", "1.083333333333");
  await pay(intent("eurc", { asset: EURC.address, amount: "7" }));
  await pay(onCardano("again"), outputs("one", "two"));
  await pay(onCardano("small", { amount: "500000" }), outputs("three"));
  await pay(onCardano("token", { asset: TUSDM, amount: "1500000" }), outputs("four"));
  pass(2 * MINUTE);
  await price("ADA", "0.41");
  await price("USDC", "1.02");
  await price("tUSDM", "0.97");
  // What was drafted at a higher price counts at that; what comes now, at the new one.
  await pay(onCardano("again"), outputs("one", "two"));
  pass(2 * MINUTE);
  await price("ADA", "0.60");
  await pay(onCardano("again"), outputs("one", "two"));
  await pay(intent("dearer"));
  await pay(onSolana("memo", { extra: { feePayer: key("fee payer"), memo: "m".repeat(200) } }), blockhash);
  await pay(onCardano("pegged", { asset: TUSDM, amount: "1500000" }), outputs("five"));
  await pay(onCardano("newest"), outputs("six"));
}

/** The row of the payment that is called so: its newest draft. */
export const isCalled =
  (name: string) =>
  (body: Record<string, unknown>): boolean =>
    body["id"] === idOf(name);
