// What one endpoint says of transactions that were signed for Cardano. chains/cardano/proof.ts says what follows from it.
//
// The final block and the output may be asked of two servers behind one name, of which one is behind. It would have to be
// behind by all the blocks on top of the final one, some twelve hours, to call unspent what was spent before the TTL.
import { timeOfSlot } from "../../chains/cardano/slots.ts";
import type { Look, Unresolved } from "../../protocol/finding.ts";
import type { Caip2 } from "../../protocol/networks.ts";
import { Blockfrost } from "./reconcile-blockfrost.ts";
import type { CardanoApi, Final } from "./reconcile-cardano-api.ts";
import { type Endpoint, EndpointFailed } from "./reconcile-endpoint.ts";
import { Koios } from "./reconcile-koios.ts";
import { Ogmios } from "./reconcile-ogmios.ts";

const MAGIC: Readonly<Record<Caip2, number>> = {
  "cardano:mainnet": 764_824_073,
  "cardano:preprod": 1,
  "cardano:preview": 2,
};

const APIS: Readonly<Record<string, new (endpoint: Endpoint) => CardanoApi>> = {
  blockfrost: Blockfrost,
  koios: Koios,
  ogmios: Ogmios,
};

export const CARDANO_APIS = Object.keys(APIS);

export class CardanoChain {
  readonly #network: Caip2;
  readonly #api: CardanoApi;
  readonly #final: Final;

  private constructor(network: Caip2, api: CardanoApi, final: Final) {
    this.#network = network;
    this.#api = api;
    this.#final = final;
  }

  static async at(endpoint: Endpoint): Promise<CardanoChain> {
    const Api = APIS[endpoint.api ?? ""];
    if (!Api) throw new TypeError("no such kind of endpoint");
    const api = new Api(endpoint);
    const magic = await api.magic();
    if (magic !== MAGIC[endpoint.network]) throw new EndpointFailed(`serves a network with magic ${magic}`);
    return new CardanoChain(endpoint.network, api, await api.final());
  }

  async look({ trace }: Unresolved): Promise<Look | undefined> {
    if (trace.kind !== "cardano") throw new TypeError("not a trace of this chain");
    const { block, slot } = this.#final;
    const spending = await this.#api.spending(trace);
    if (!spending) return undefined;
    const time = timeOfSlot(this.#network, block.slot) ?? 0;
    return {
      block: { number: block.number, hash: block.hash, time },
      finalized: true,
      seen: { kind: "cardano", slot, ...spending },
    };
  }
}
