// Cardano over Blockfrost's HTTP API, version 0. Source: its OpenAPI document ("/addresses/{address}/utxos",
// "/epochs/latest/parameters", "/genesis").
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

export const BLOCKFROST_URLS: Readonly<Record<string, string>> = {
  "cardano:mainnet": "https://cardano-mainnet.blockfrost.io/api/v0",
  "cardano:preprod": "https://cardano-preprod.blockfrost.io/api/v0",
  "cardano:preview": "https://cardano-preview.blockfrost.io/api/v0",
};

const POLICY_DIGITS = 56;

const utxosSchema = z
  .array(
    z.object({
      address: z.string(),
      tx_hash: z.string(),
      output_index: z.int(),
      amount: z.array(z.object({ unit: z.string(), quantity: whole })).max(2_000),
      data_hash: z.string().nullish(),
      inline_datum: z.string().nullish(),
      reference_script_hash: z.string().nullish(),
    }),
  )
  .max(PAGE);

const genesisSchema = z.object({ network_magic: whole });

export function blockfrost(network: Caip2, url: string, options: EndpointOptions): CardanoProvider {
  const endpoint = new Endpoint(url, options);
  const assertNetwork = checkedOnce(async () => {
    const { network_magic } = readAs(genesisSchema, await endpoint.ask("/genesis"), "genesis");
    return isMagicOf(network, network_magic);
  });
  const page = async (address: string, number: number): Promise<Told[]> => {
    const query = { count: PAGE, page: number };
    // It knows nothing of an address that was never paid.
    const answer = (await endpoint.ask(`/addresses/${address}/utxos`, { query })) ?? [];
    return readAs(utxosSchema, answer, "list of outputs").map(told);
  };
  const { origin, timeoutMs } = endpoint;
  return {
    origin,
    timeoutMs,
    assertNetwork,
    utxos: async (address) => ownUtxos(address, await allPages((number) => page(address, number))),
    parameters: async () => {
      const answer = await endpoint.ask("/epochs/latest/parameters");
      return readParameters(readAs(parametersSchema, answer, "set of protocol parameters"));
    },
  };
}

function told(one: z.output<typeof utxosSchema>[number]): Told {
  const lovelace = one.amount.filter(({ unit }) => unit === "lovelace");
  const tokens = one.amount.filter(({ unit }) => unit !== "lovelace");
  return {
    address: one.address,
    transaction: one.tx_hash,
    index: one.output_index,
    lovelace: lovelace.length === 1 && lovelace[0] ? lovelace[0].quantity : "",
    tokens: tokens.map(({ unit, quantity }) => [
      `${unit.slice(0, POLICY_DIGITS)}.${unit.slice(POLICY_DIGITS)}`,
      quantity,
    ]),
    isBound: Boolean(one.data_hash ?? one.inline_datum ?? one.reference_script_hash),
  };
}
