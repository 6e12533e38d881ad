// Payments on three rails to ask for, by number: each with what its chain would have told the client.
import { createHash } from "node:crypto";
import { operatorCall } from "../../client/signer.ts";
import { microUsdAt, parsePrice } from "../../protocol/amount.ts";
import type { WireCardanoContext } from "../../protocol/context.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import { solanaText } from "../../protocol/solana-address.ts";
import { PARAMETERS } from "../counterparts/cardano-ledger.ts";
import type { Signer } from "../counterparts/signer.ts";
import { document, intent } from "../signer/intents.ts";

export const RAILS = ["evm", "solana", "cardano"] as const;
export type RailName = (typeof RAILS)[number];

/** What a client sends. */
export interface Request {
  readonly intent: WireIntent;
  readonly context?: Record<string, unknown>;
}
export type Payments = (name: number) => Request;

type Change = Partial<Pick<WireIntent, "amount" | "maxTimeoutSeconds">>;

/** Valid long enough that a retry is never a new draft. */
const LONG = { maxTimeoutSeconds: 600 };
/** So odd that whatever is counted in ADA is rounded. */
const ADA_USD = "0.0123";
const OWN_OUTPUTS = 2;
const SHARED_OUTPUTS = 20;
const SHARED_BY = 10;

/** Contexts so far: each says something else, as chains do. */
let told = 0;

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
const solanaAddress = (name: string): string => solanaText(digest(name));

export const CARDANO_PAYEE =
  "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae";

export const longIntent = (name: number): WireIntent => intent(name, LONG);
export const onEvm = (name: number, change: Change = {}): Request => ({
  intent: intent(name, { ...LONG, ...change }),
});

export const onSolana = (name: number, change: Change = {}): Request => ({
  intent: intent(name, {
    network: "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
    asset: "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU",
    payTo: solanaAddress("payee"),
    extra: { feePayer: solanaAddress("fee payer") },
    ...{ ...LONG, ...change },
  }),
  context: { recentBlockhash: solanaAddress(`block ${told++}`) },
});

/**
 * One ADA. Ten payments in a row are offered the same twenty outputs, so that they want the same ones and none has to
 * wait; `alone`, it has two of its own.
 */
export const onCardano = (name: number, change: Change = {}, alone = false): Request => {
  const outputs = alone
    ? names(`alone ${name}`, OWN_OUTPUTS)
    : names(`shared ${Math.floor(name / RAILS.length / SHARED_BY)}`, SHARED_OUTPUTS);
  const utxos = outputs.map(utxo);
  return {
    intent: intent(name, {
      ...{ network: "cardano:preprod", asset: "lovelace", payTo: CARDANO_PAYEE, amount: "1000000" },
      ...{ ...LONG, ...change },
    }),
    context: { utxos, parameters: PARAMETERS } satisfies WireCardanoContext,
  };
};

const names = (of: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${of}: ${index}`);

/** Enough for a payment. The smallest is picked first: asked again, that is another one. */
const utxo = (name: string): WireCardanoContext["utxos"][number] => ({
  transaction: digest(name).toString("hex"),
  index: 0,
  lovelace: `${100_000_000 + digest(`lovelace ${told++}`).readUInt16LE()}`,
});

export const railOf = (name: number): RailName => RAILS[name % RAILS.length]!;

/** The rails in turn. Every sixteenth is over within a second: asked again, it is drafted again or stays unresolved. */
export const mixed: Payments = (name) => {
  const isShort = name % 16 === 15;
  const change = isShort ? { maxTimeoutSeconds: 1 } : {};
  const rail = railOf(name);
  if (rail === "cardano") return onCardano(name, change, isShort);
  return rail === "evm" ? onEvm(name, change) : onSolana(name, change);
};

/** Allows them all. */
export const mixedDocument = (changed: Record<string, unknown> = {}): Record<string, unknown> =>
  document({
    allowedNetworks: ["base-sepolia", "solana-devnet", "cardano-preprod"],
    allowedAssets: ["USDC", "ADA"],
    ...changed,
  });

/** For a day: no longer than a test takes. */
export const setAdaPrice = ({ operator }: Pick<Signer, "operator">) =>
  operatorCall(operator, "price.set", { symbol: "ADA", usd: ADA_USD, maxAge: 86_400 });

/** Micro-USD that some lovelace count for at that price. */
export const inUsd = (lovelace: bigint): bigint => microUsdAt(lovelace, 6, parsePrice(ADA_USD));
