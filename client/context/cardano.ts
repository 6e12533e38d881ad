// What a payment on Cardano needs to know: outputs to spend, and the protocol parameters that fees follow from.
import type { CardanoParameters, Utxo, WireCardanoContext } from "../../protocol/context.ts";
import { Cached } from "./cached.ts";
import type { CardanoProvider } from "./cardano-provider.ts";
import { chooseUtxos } from "./choose-utxos.ts";
import { Failover } from "./failover.ts";

/** Parameters change at the end of an epoch, of five days; with older ones a payment is refused by the chain at most. */
const PARAMETERS_MS = 120_000;
/** What is spent stays listed until its block is made; the signer does not spend it twice. */
const UTXOS_MS = 1_000;

export class CardanoSource {
  readonly rail = "cardano";
  readonly #providers: Failover<CardanoProvider>;
  readonly #parameters: Cached<CardanoParameters>;
  /** By address: a wallet can be replaced while its signer's client lives. */
  readonly #utxos = new Map<string, Cached<Utxo[]>>();

  constructor(providers: readonly CardanoProvider[]) {
    this.#providers = new Failover(providers);
    this.#parameters = new Cached(PARAMETERS_MS, () => this.#providers.first((one) => one.parameters()));
  }

  /** A context with outputs for payments in these assets, of at most `bytes` in JSON. Throws NoAnswer. */
  async context(
    address: string,
    assets: readonly string[],
    bytes: number,
  ): Promise<{ context: WireCardanoContext; cached: boolean }> {
    const [utxos, parameters] = await Promise.all([this.#utxosOf(address).get(), this.#parameters.get()]);
    const room = bytes - JSON.stringify({ utxos: [], parameters: parameters.value }).length;
    const context = { utxos: chooseUtxos(utxos.value, assets, room), parameters: parameters.value };
    return { context, cached: utxos.cached || parameters.cached };
  }

  /** After a payment, and when what was known turned out to be wrong. */
  forget(): void {
    this.#utxos.clear();
    this.#parameters.forget();
  }

  forgetUtxos(): void {
    this.#utxos.clear();
  }

  #utxosOf(address: string): Cached<Utxo[]> {
    const known = this.#utxos.get(address);
    if (known) return known;
    const utxos = new Cached(UTXOS_MS, () => this.#providers.first((one) => one.utxos(address)));
    this.#utxos.set(address, utxos);
    return utxos;
  }
}
