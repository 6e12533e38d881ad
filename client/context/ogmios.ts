// Cardano over Ogmios, version 6, of one's own node: JSON-RPC 2.0 over HTTP. Source: its API reference
// ("queryLedgerState/utxo", "queryLedgerState/protocolParameters", "queryNetwork/genesisConfiguration").
import { z } from "zod";
import type { Caip2 } from "../../protocol/networks.ts";
import {
  type CardanoProvider,
  type Told,
  isMagicOf,
  ownUtxos,
  readParameters,
  whole,
  wholeNumber,
} from "./cardano-provider.ts";
import { Endpoint, type EndpointOptions, readAs, rpc } from "./endpoint.ts";
import { checkedOnce } from "./failover.ts";

const utxosSchema = z.array(
  z.object({
    address: z.string(),
    transaction: z.object({ id: z.string() }),
    index: z.int(),
    // {ada: {lovelace}} and for each policy {asset name: quantity}
    value: z.record(z.string(), z.record(z.string(), whole)),
    datumHash: z.unknown().optional(),
    datum: z.unknown().optional(),
    script: z.unknown().optional(),
  }),
);

const bytes = z.object({ bytes: wholeNumber });
const parametersSchema = z.object({
  minFeeCoefficient: wholeNumber,
  minFeeConstant: z.object({ ada: z.object({ lovelace: wholeNumber }) }),
  minUtxoDepositCoefficient: wholeNumber,
  maxTransactionSize: bytes,
  maxValueSize: bytes,
});

const genesisSchema = z.object({ networkMagic: whole });

export function ogmios(network: Caip2, url: string, options: EndpointOptions): CardanoProvider {
  const endpoint = new Endpoint(url, options);
  const assertNetwork = checkedOnce(async () => {
    const answer = await rpc(endpoint, "queryNetwork/genesisConfiguration", { era: "shelley" });
    return isMagicOf(network, readAs(genesisSchema, answer, "genesis").networkMagic);
  });
  const { origin, timeoutMs } = endpoint;
  return {
    origin,
    timeoutMs,
    assertNetwork,
    utxos: async (address) => {
      const answer = await rpc(endpoint, "queryLedgerState/utxo", { addresses: [address] });
      return ownUtxos(address, readAs(utxosSchema, answer, "list of outputs").map(told));
    },
    parameters: async () => {
      const answer = await rpc(endpoint, "queryLedgerState/protocolParameters", {});
      const read = readAs(parametersSchema, answer, "set of protocol parameters");
      return readParameters({
        minFeeA: read.minFeeCoefficient,
        minFeeB: read.minFeeConstant.ada.lovelace,
        coinsPerUtxoByte: read.minUtxoDepositCoefficient,
        maxTxSize: read.maxTransactionSize.bytes,
        maxValueSize: read.maxValueSize.bytes,
      });
    },
  };
}

function told({ value, ...one }: z.output<typeof utxosSchema>[number]): Told {
  const { ada, ...policies } = value;
  return {
    address: one.address,
    transaction: one.transaction.id,
    index: one.index,
    lovelace: ada?.["lovelace"] ?? "",
    tokens: Object.entries(policies).flatMap(([policy, names]) =>
      Object.entries(names).map(([name, quantity]) => [`${policy}.${name}`, quantity] as const),
    ),
    isBound: [one.datumHash, one.datum, one.script].some((held) => held !== undefined && held !== null),
  };
}
