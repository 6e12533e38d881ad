// One payment of a few cents on each rail, another one each time, with what its draft needs to know.
import { randomBytes } from "node:crypto";
import type { WireCardanoContext } from "../protocol/context.ts";
import type { WireIntent } from "../protocol/intent.ts";
import { solanaText } from "../protocol/solana-address.ts";

let next = 0;

/** A time-ordered id, as the client makes them. */
function newId(): string {
  next += 1;
  return `bench-${String(Date.now()).padStart(15, "0")}-${String(next).padStart(9, "0")}`;
}

const claims = { url: "https://api.example.com/v1/weather?city=Athens", method: "GET" };
const common = { scheme: "exact", maxTimeoutSeconds: 60, claims };

export const evmIntent = (): WireIntent => ({
  ...common,
  id: newId(),
  network: "eip155:84532",
  asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
  payTo: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
  amount: "100",
  extra: {},
});

const seller = solanaText(randomBytes(32));
const feePayer = solanaText(randomBytes(32));
export const BLOCKHASH = solanaText(randomBytes(32));

export const solanaIntent = (): WireIntent => ({
  ...common,
  id: newId(),
  network: "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
  asset: "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU",
  payTo: seller,
  amount: "100",
  extra: { feePayer },
});

export const PARAMETERS: WireCardanoContext["parameters"] = {
  minFeeA: 44,
  minFeeB: 155_381,
  coinsPerUtxoByte: 4310,
  maxTxSize: 16_384,
  maxValueSize: 5000,
};

export const cardanoIntent = (): WireIntent => ({
  ...common,
  id: newId(),
  network: "cardano:preprod",
  asset: "lovelace",
  payTo:
    "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae",
  amount: "1000000",
});

/** Five outputs that no payment before has seen: each payment keeps what it spends for as long as it lives. */
export const freshOutputs = (): WireCardanoContext["utxos"] =>
  Array.from({ length: 5 }, (_, n) => ({
    transaction: randomBytes(32).toString("hex"),
    index: n,
    lovelace: String(10_000_000 * (n + 1)),
  }));

/** What payment.sign is asked, by rail. */
export const ASKED = {
  evm: () => ({ intent: evmIntent() }),
  solana: () => ({ intent: solanaIntent(), context: { recentBlockhash: BLOCKHASH } }),
  cardano: () => ({
    intent: cardanoIntent(),
    context: { utxos: freshOutputs(), parameters: PARAMETERS } satisfies WireCardanoContext,
  }),
} as const;
