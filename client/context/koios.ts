// Cardano over Koios, version 1. Source: its API document ("address_utxos", "epoch_params", "genesis"); rows are chosen and
// ordered as PostgREST does it.
import { z } from "zod";
import type { Caip2 } from "../../protocol/networks.ts";
import {
  type CardanoProvider,
  PAGE,
  type Told,
  allPages,
  isMagicOf,
  ownUtxos,
  parametersSchema,
  readParameters,
  whole,
} from "./cardano-provider.ts";
import { Endpoint, type EndpointOptions, readAs } from "./endpoint.ts";
import { checkedOnce } from "./failover.ts";

const utxosSchema = z
  .array(
    z.object({
      address: z.string(),
      tx_hash: z.string(),
      tx_index: z.int(),
      value: whole,
      datum_hash: z.string().nullish(),
      inline_datum: z.unknown().optional(),
      reference_script: z.unknown().optional(),
      // Present because of "_extended"; without it tokens would go missing.
      asset_list: z
        .array(z.object({ policy_id: z.string(), asset_name: z.string().nullable(), quantity: whole }))
        .max(2_000),
    }),
  )
  .max(PAGE);

const newestSchema = z.tuple([parametersSchema]);

const genesisSchema = z.tuple([z.object({ networkmagic: whole })]);

const NEWEST = { order: "epoch_no.desc", limit: 1 };
/** Pages need an order, so that none is told twice or not at all. */
const IN_ORDER = "tx_hash.asc,tx_index.asc";

export function koios(network: Caip2, url: string, options: EndpointOptions): CardanoProvider {
  const endpoint = new Endpoint(url, options);
  const assertNetwork = checkedOnce(async () => {
    const [{ networkmagic }] = readAs(genesisSchema, await endpoint.ask("/genesis"), "genesis");
    return isMagicOf(network, networkmagic);
  });
  const page = async (address: string, number: number): Promise<Told[]> => {
    const query = { order: IN_ORDER, limit: PAGE, offset: (number - 1) * PAGE };
    const body = { _addresses: [address], _extended: true };
    return readAs(utxosSchema, await endpoint.ask("/address_utxos", { query, body }), "list of outputs").map(
      told,
    );
  };
  const { origin, timeoutMs } = endpoint;
  return {
    origin,
    timeoutMs,
    assertNetwork,
    utxos: async (address) => ownUtxos(address, await allPages((number) => page(address, number))),
    parameters: async () => {
      const answer = await endpoint.ask("/epoch_params", { query: NEWEST });
      return readParameters(readAs(newestSchema, answer, "set of protocol parameters")[0]);
    },
  };
}

const told = (one: z.output<typeof utxosSchema>[number]): Told => ({
  address: one.address,
  transaction: one.tx_hash,
  index: one.tx_index,
  lovelace: one.value,
  tokens: one.asset_list.map(({ policy_id, asset_name, quantity }) => [
    `${policy_id}.${asset_name ?? ""}`,
    quantity,
  ]),
  isBound: Boolean(one.datum_hash ?? one.inline_datum ?? one.reference_script),
});
