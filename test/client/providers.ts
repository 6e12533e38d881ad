// What chains are asked about over HTTP, as scripted servers: honest ones that tell of a wallet that the test describes, in
// each provider's own form, and doors to them that lie.
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach } from "vitest";
import type { CardanoParameters, Utxo } from "../../protocol/context.ts";
import { listen } from "../counterparts/listen.ts";

const open: { close: () => Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

export interface Question {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  /** Parsed. */
  body: unknown;
}

/** JSON, or a function that writes what it likes, or nothing at all. */
export type Answer = object | string | ((response: ServerResponse, request: IncomingMessage) => void);

/** `asked` keeps every question. */
export async function startProvider(answer: (question: Question, index: number) => Answer) {
  const asked: Question[] = [];
  const server = await listen((request, response) => {
    void (async () => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
      const body = await text(request);
      const { method = "", headers } = request;
      const parsed: unknown = body === "" ? undefined : JSON.parse(body);
      const question = { method, headers, path: pathname, query: searchParams, body: parsed };
      const said = answer(question, asked.push(question) - 1);
      if (typeof said === "function") said(response, request);
      else response.writeHead(200).end(typeof said === "string" ? said : JSON.stringify(said));
    })().catch(() => response.destroy());
  });
  open.push(server);
  return { ...server, asked };
}

export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(code, headers).end(`{"secret":"the provider's words"}`);
  };

/** Nothing, for ever. */
export const silence: Answer = () => undefined;

export const rpcResult = (result: unknown): Answer => ({ jsonrpc: "2.0", id: 1, result });
export const methodOf = ({ body }: Question): string => (body as { method: string }).method;

export const PARAMETERS: CardanoParameters = {
  minFeeA: 44,
  minFeeB: 155_381,
  coinsPerUtxoByte: 4_310,
  maxTxSize: 16_384,
  maxValueSize: 5_000,
};

export interface World {
  address: string;
  utxos: readonly (Utxo & { datum?: "hash" | "inline"; script?: true })[];
  parameters: CardanoParameters;
  magic: number;
}

type Told = World["utxos"][number];
const tokensOf = ({ tokens = {} }: Told) =>
  Object.entries(tokens).map(([asset, quantity]) => {
    const [policy = "", name = ""] = asset.split(".");
    return { policy, name, quantity: String(quantity) };
  });

// As the documents of each show it, with fields that nobody reads.
const BLOCKFROST = (address: string, one: Told) => ({
  address,
  tx_hash: one.transaction,
  tx_index: one.index,
  output_index: one.index,
  amount: [
    { unit: "lovelace", quantity: String(one.lovelace) },
    ...tokensOf(one).map(({ policy, name, quantity }) => ({ unit: policy + name, quantity })),
  ],
  block: "00".repeat(32),
  data_hash: one.datum ? "11".repeat(32) : null,
  inline_datum: one.datum === "inline" ? "d87980" : null,
  reference_script_hash: one.script ? "22".repeat(28) : null,
});

const KOIOS = (address: string, one: Told) => ({
  tx_hash: one.transaction,
  tx_index: one.index,
  address,
  value: String(one.lovelace),
  stake_address: null,
  payment_cred: "33".repeat(28),
  epoch_no: 500,
  block_height: 1,
  block_time: 1_700_000_000,
  datum_hash: one.datum ? "11".repeat(32) : null,
  inline_datum: one.datum === "inline" ? { bytes: "d87980", value: {} } : null,
  reference_script: one.script ? { hash: "22".repeat(28), size: 5 } : null,
  asset_list: tokensOf(one).map(({ policy, name, quantity }) => ({
    policy_id: policy,
    asset_name: name === "" ? null : name,
    quantity,
    decimals: 0,
    fingerprint: "asset1",
  })),
  is_spent: false,
});

/** Numbers above 2^53 stand in its JSON as what they are. */
function ogmiosUtxo(address: string, one: Told): string {
  const policies = Map.groupBy(tokensOf(one), ({ policy }) => policy);
  const value = [...policies].map(([policy, tokens]) => {
    const names = tokens.map(({ name, quantity }) => `"${name}":${quantity}`);
    return `"${policy}":{${names.join(",")}}`;
  });
  const held = [
    ...(one.datum ? [`"datumHash":"${"11".repeat(32)}"`] : []),
    ...(one.script ? [`"script":{"language":"plutus:v3","cbor":"46"}`] : []),
  ];
  return `{${[
    `"transaction":{"id":"${one.transaction}"},"index":${one.index},"address":"${address}"`,
    `"value":{${[`"ada":{"lovelace":${one.lovelace}}`, ...value].join(",")}}`,
    ...held,
  ].join(",")}}`;
}

const rows = ({ minFeeA, minFeeB, coinsPerUtxoByte, maxTxSize }: CardanoParameters) => ({
  epoch: 500,
  min_fee_a: minFeeA,
  min_fee_b: minFeeB,
  coins_per_utxo_size: String(coinsPerUtxoByte),
  max_tx_size: maxTxSize,
});

function pageOf<T>(all: readonly T[], size: number, start: number): T[] {
  return all.slice(start, start + size);
}

/** Each answers from the world as it is when it is asked. */
export const CARDANO = {
  blockfrost:
    (world: World) =>
    ({ path, query }: Question): Answer => {
      if (path.endsWith("/genesis")) return { network_magic: world.magic, epoch_length: 432_000 };
      if (path.endsWith("/epochs/latest/parameters"))
        return { ...rows(world.parameters), max_val_size: String(world.parameters.maxValueSize) };
      if (!path.endsWith(`/addresses/${world.address}/utxos`) || world.utxos.length === 0) return status(404);
      const [count, page] = [Number(query.get("count")), Number(query.get("page"))];
      return pageOf(world.utxos, count, (page - 1) * count).map((one) => BLOCKFROST(world.address, one));
    },
  koios:
    (world: World) =>
    ({ path, query, body }: Question): Answer => {
      if (path.endsWith("/genesis")) return [{ networkmagic: String(world.magic), networkid: "Testnet" }];
      if (path.endsWith("/epoch_params"))
        return [{ ...rows(world.parameters), max_val_size: world.parameters.maxValueSize }];
      const { _addresses, _extended } = body as { _addresses: string[]; _extended: boolean };
      if (!path.endsWith("/address_utxos") || !_extended || _addresses[0] !== world.address)
        return status(400);
      const [limit, offset] = [Number(query.get("limit")), Number(query.get("offset"))];
      return pageOf(world.utxos, limit, offset).map((one) => KOIOS(world.address, one));
    },
  ogmios:
    (world: World) =>
    ({ body }: Question): Answer => {
      const { method } = body as { method: string };
      const answer = (result: string): Answer =>
        `{"jsonrpc":"2.0","method":"${method}","result":${result},"id":1}`;
      if (method === "queryNetwork/genesisConfiguration")
        return answer(JSON.stringify({ era: "shelley", networkMagic: world.magic }));
      if (method === "queryLedgerState/utxo")
        return answer(`[${world.utxos.map((one) => ogmiosUtxo(world.address, one)).join(",")}]`);
      const { parameters } = world;
      return answer(
        JSON.stringify({
          minFeeCoefficient: parameters.minFeeA,
          minFeeConstant: { ada: { lovelace: parameters.minFeeB } },
          minUtxoDepositCoefficient: parameters.coinsPerUtxoByte,
          maxTransactionSize: { bytes: parameters.maxTxSize },
          maxValueSize: { bytes: parameters.maxValueSize },
          plutusCostModels: {},
        }),
      );
    },
} as const;
export type ProviderName = keyof typeof CARDANO;

/** How a `context` option names a server of this kind. */
export const sourceFor = (name: ProviderName, url: string): object =>
  ({
    blockfrost: { blockfrost: [{ url, projectId: "a-project-key" }] },
    koios: { koios: [url] },
    ogmios: { ogmios: [url] },
  })[name];
