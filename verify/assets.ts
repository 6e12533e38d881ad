// What a policy says of tokens: its own list, and for all others what holds for those that the signer brings: six
// decimals, and a stablecoin, but for ADA.
import { type JsonObject, comparable, isCount, textOf } from "./text.ts";

export interface Asset {
  /** Absent where the policy does not say. */
  readonly symbol?: string;
  readonly decimals: number;
  /** Counts at one dollar at least. */
  readonly pegged: boolean;
}

export const LOVELACE = "lovelace";
export const ADA = { symbol: "ADA", decimals: 6, pegged: false } as const satisfies Asset;
const STABLECOIN: Asset = { decimals: 6, pegged: true };

export class Assets {
  readonly #listed = new Map<string, Asset>();

  constructor(document: JsonObject) {
    const { assets } = document;
    for (const one of Array.isArray(assets) ? (assets as JsonObject[]) : []) {
      const { network, address, symbol, decimals, pegged } = one;
      if (!isCount(decimals)) continue;
      const asset = { symbol: textOf(symbol), decimals, pegged: pegged === true };
      this.#listed.set(keyOf(textOf(network), textOf(address)), asset);
    }
  }

  of(network: string, address: string): Asset {
    if (address === LOVELACE) return ADA;
    return this.#listed.get(keyOf(network, address)) ?? STABLECOIN;
  }
}

const keyOf = (network: string, address: string): string => `${network}/${comparable(address)}`;
