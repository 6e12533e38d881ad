// A ledger of cardano-ledger.ts as Ogmios tells it (version 6, JSON-RPC 2.0 over HTTP): see METHODS. As a node does, it
// knows of the present alone.
import { HttpError, type Lie, honestly, jsonOf, serveJson } from "./cardano-http.ts";
import { type CardanoLedger, type Holding, type Utxo, nameOf } from "./cardano-ledger.ts";

interface Params {
  readonly addresses?: string[];
  readonly outputReferences?: { transaction: { id: string }; index: number }[];
  readonly era?: string;
  readonly transaction?: { cbor: string };
}
type Method = (ledger: CardanoLedger, params: Params) => unknown;

class RpcError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const tipOf = (ledger: CardanoLedger) => {
  const { slot, hash } = ledger.block();
  return { slot, id: hash };
};

const METHODS: Readonly<Record<string, Method>> = {
  "queryNetwork/tip": tipOf,
  "queryLedgerState/tip": tipOf,
  "queryNetwork/blockHeight": (ledger) => ledger.block().height,
  "queryNetwork/genesisConfiguration": ({ magic }, { era }) => {
    if (era !== "shelley") throw new RpcError(-32_602, "the era is not known here");
    return { era, networkMagic: magic, securityParameter: 2160, slotLength: { milliseconds: 1000 } };
  },
  "queryLedgerState/protocolParameters": ({ parameters }) => ({
    minFeeCoefficient: parameters.minFeeA,
    minFeeConstant: { ada: { lovelace: parameters.minFeeB } },
    minUtxoDepositCoefficient: parameters.coinsPerUtxoByte,
    maxTransactionSize: { bytes: parameters.maxTxSize },
    maxValueSize: { bytes: parameters.maxValueSize },
  }),
  "queryLedgerState/utxo": (ledger, { addresses, outputReferences }) => {
    const unspent = (one: Utxo): boolean => ledger.spentBy(nameOf(one)) === undefined;
    const named = outputReferences?.flatMap(
      ({ transaction, index }) => ledger.output(`${transaction.id}#${index}`) ?? [],
    );
    return (named ?? addresses?.flatMap((one) => ledger.utxos(one)) ?? []).filter(unspent).map(outputOf);
  },
  submitTransaction: (ledger, { transaction }) => {
    const submitted = ledger.submit(Buffer.from(transaction?.cbor ?? "", "hex"));
    if ("refused" in submitted) throw new RpcError(3997, submitted.refused);
    return { transaction: { id: submitted.transaction } };
  },
};

/** Answers to POST, on any path. */
export const serveOgmios = (ledger: CardanoLedger, lie: Lie = honestly) =>
  serveJson("", (asked) => {
    const { method, params = {}, id } = jsonOf(asked);
    const about = { jsonrpc: "2.0", method, id };
    const answer = METHODS[String(method)];
    if (!answer) throw new HttpError(400, { ...about, error: { code: -32_601, message: "no such method" } });
    try {
      const result = lie(String(method), asked, () => answer(ledger, params as Params));
      return { ...about, result };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      throw new HttpError(400, { ...about, error: { code: error.code, message: error.message } });
    }
  });

const valueOf = ({ lovelace, tokens }: Holding) => {
  const value: Record<string, Record<string, bigint>> = { ada: { lovelace } };
  for (const [unit, quantity] of Object.entries(tokens)) {
    const [policy = "", name = ""] = unit.split(".");
    (value[policy] ??= {})[name] = quantity;
  }
  return value;
};

const outputOf = (output: Utxo) => ({
  ...{ transaction: { id: output.transaction }, index: output.index, address: output.address },
  ...{ value: valueOf(output), ...(output.datumHash !== undefined && { datumHash: output.datumHash }) },
});
