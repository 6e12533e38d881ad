// Payments on Cardano for tests: an account, a payee, an order, and what a client would say of the account's outputs.
import { loadCardanoRail } from "../../chains/cardano/rail.ts";
import type { Draft, KeyHolder, Order, Refusal } from "../../chains/rail.ts";
import { LOVELACE, PINNED_ASSETS, type PinnedAsset } from "../../protocol/assets.ts";
import { cardanoAddressOn, cardanoText } from "../../protocol/cardano-address.ts";
import type { WireCardanoContext } from "../../protocol/context.ts";
import type { Caip2 } from "../../protocol/networks.ts";
import { PARAMETERS } from "../counterparts/cardano-ledger.ts";

export const rail = await loadCardanoRail();

export const holderOf = (bytes: Uint8Array): KeyHolder => ({ use: (fn) => fn(bytes) });
export const KEY = holderOf(new Uint8Array(32).fill(5));

const assetOn = (network: Caip2, symbol: string): PinnedAsset =>
  PINNED_ASSETS.find((one) => one.network === network && one.symbol === symbol)!;
export const ADA = assetOn("cardano:preprod", "ADA");
export const USDM = assetOn("cardano:preprod", "tUSDM");

/** An enterprise address of preprod. */
export const OWN = cardanoAddressOn("cardano:preprod", rail.addressOf(KEY))!;
/** Base addresses: payment and stake key hashes filled with a byte. */
export const baseAddress = (payment: number, stake: number, networkId = 0): string =>
  cardanoText(
    Uint8Array.of(networkId, ...new Uint8Array(28).fill(payment), ...new Uint8Array(28).fill(stake)),
  );
export const PAYEE = baseAddress(0x77, 0x78);
/** In every test the present is before this. */
export const VALID_BEFORE = 1_900_000_000;

export type WireUtxo = WireCardanoContext["utxos"][number];

/** The `n`th output of the account, with whole ADA or lovelace. */
export const utxo = (n: number, ada: number | bigint, tokens?: Record<string, bigint>): WireUtxo => ({
  transaction: n.toString(16).padStart(64, "0"),
  index: 0,
  lovelace: (typeof ada === "bigint" ? ada : BigInt(ada) * 1_000_000n).toString(),
  ...(tokens && {
    tokens: Object.fromEntries(Object.entries(tokens).map(([unit, amount]) => [unit, amount.toString()])),
  }),
});

export const nameOf = ({ transaction, index }: WireUtxo): string => `${transaction}#${index}`;

export const contextOf = (...utxos: WireUtxo[]): WireCardanoContext => ({ utxos, parameters: PARAMETERS });

interface Change {
  readonly payTo?: string;
  readonly amount?: bigint;
  readonly method?: string;
  readonly network?: Caip2;
}

export function orderOf(asset: PinnedAsset, change: Change = {}, more: Partial<Order> = {}): Order {
  return {
    asset,
    from: OWN,
    nonce: new Uint8Array(32).fill(7),
    validBefore: VALID_BEFORE,
    lockedUntil: () => undefined,
    intent: {
      id: "0123456789abcdef",
      scheme: "exact",
      network: change.network ?? asset.network,
      asset: asset.address,
      payTo: change.payTo ?? PAYEE,
      amount: change.amount ?? 2_000_000n,
      maxTimeoutSeconds: 60,
      ...(change.method === undefined ? {} : { extra: { assetTransferMethod: change.method } }),
      claims: {},
    },
    ...more,
  };
}

/** The rail answers at once. */
export const draft = (order: Order, context: unknown): Draft | Refusal =>
  rail.draft(order, context) as Draft | Refusal;

export function drafted(order: Order, context: unknown): Draft {
  const made = draft(order, context);
  if ("refused" in made) throw new Error(`refused: ${made.refused}`);
  return made;
}

export const refusal = (order: Order, context: unknown): string => {
  const made = draft(order, context);
  return "refused" in made ? made.refused : "none";
};

export { LOVELACE };
