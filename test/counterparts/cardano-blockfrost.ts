// A ledger of cardano-ledger.ts as Blockfrost tells it (OpenAPI document of Blockfrost, version 0): see ROUTES.
import { type Asked, HttpError, type Lie, honestly, match, serveJson } from "./cardano-http.ts";
import {
  type Block,
  type CardanoLedger,
  type Holding,
  type Recorded,
  type Utxo,
  nameOf,
} from "./cardano-ledger.ts";

type Answer = (ledger: CardanoLedger, parts: string[], asked: Asked) => unknown;

const ROUTES: Readonly<Record<string, Answer>> = {
  "GET /genesis": ({ magic }) => ({ network_magic: magic, slot_length: 1, security_param: 2160 }),
  "GET /blocks/latest": (ledger) => blockOf(ledger, ledger.block()),
  "GET /blocks/{}": (ledger, [which = ""]) => blockOf(ledger, findBlock(ledger, which)),
  "GET /epochs/latest/parameters": (ledger) => parametersOf(ledger),
  "GET /addresses/{}/utxos": utxosOf,
  "GET /txs/{}": (ledger, [hash = ""]) => {
    const transaction = known(ledger.transaction(hash));
    const block = ledger.blockOf(transaction);
    return {
      ...{ hash, block: block.hash, block_height: block.height, block_time: block.time },
      ...{ slot: block.slot, index: 0, fees: transaction.fee.toString(), valid_contract: true },
    };
  },
  "GET /txs/{}/utxos": (ledger, [hash = ""]) => spendingsOf(ledger, known(ledger.transaction(hash))),
  "POST /tx/submit": (ledger, _parts, { body }) => {
    const submitted = ledger.submit(body);
    if ("refused" in submitted) throw refused(400, submitted.refused);
    return submitted.transaction;
  },
};

/** `url` ends in /api/v0. */
export const serveBlockfrost = (ledger: CardanoLedger, lie: Lie = honestly) =>
  serveJson("/api/v0", (asked) => {
    for (const [route, answer] of Object.entries(ROUTES)) {
      const [method, pattern = ""] = route.split(" ");
      const parts = method === asked.method ? match(pattern, asked.path) : undefined;
      if (parts) return lie(route, asked, () => answer(ledger, parts, asked));
    }
    throw refused(400, "Invalid path");
  });

const refused = (status: number, message: string): HttpError =>
  new HttpError(status, {
    status_code: status,
    error: status === 404 ? "Not Found" : "Bad Request",
    message,
  });

function known<T>(value: T | undefined): T {
  if (value === undefined) throw refused(404, "The requested component has not been found.");
  return value;
}

function findBlock(ledger: CardanoLedger, which: string): Block {
  const tip = ledger.block();
  if (which === tip.hash) return tip;
  return known(
    /^[0-9]+$/.test(which) && Number(which) <= tip.height ? ledger.block(Number(which)) : undefined,
  );
}

const blockOf = (ledger: CardanoLedger, { height, hash, slot, time }: Block) => ({
  ...{ time, height, hash, slot, confirmations: ledger.block().height - height },
});

const parametersOf = ({ parameters }: CardanoLedger) => ({
  min_fee_a: parameters.minFeeA,
  min_fee_b: parameters.minFeeB,
  max_tx_size: parameters.maxTxSize,
  max_val_size: String(parameters.maxValueSize),
  coins_per_utxo_size: String(parameters.coinsPerUtxoByte),
  coins_per_utxo_word: String(parameters.coinsPerUtxoByte),
  key_deposit: "2000000",
  pool_deposit: "500000000",
});

const amountOf = ({ lovelace, tokens }: Holding) => [
  { unit: "lovelace", quantity: lovelace.toString() },
  ...Object.entries(tokens).map(([unit, quantity]) => ({
    unit: unit.replace(".", ""),
    quantity: quantity.toString(),
  })),
];

const outputOf = (output: Utxo) => ({
  ...{ address: output.address, amount: amountOf(output), output_index: output.index },
  ...{ data_hash: output.datumHash ?? null, inline_datum: null, reference_script_hash: null },
});

/** 404 for an address that was never paid. */
function utxosOf(ledger: CardanoLedger, [address = ""]: string[], { query }: Asked) {
  const outputs = ledger.transactions().flatMap((transaction) => transaction.outputs);
  known(outputs.find((one) => one.address === address));
  const count = Number(query.get("count") ?? 100);
  const page = Number(query.get("page") ?? 1);
  if (!(count >= 1 && count <= 100 && page >= 1)) throw refused(400, "querystring");
  const listed = ledger.utxos(address).slice((page - 1) * count, page * count);
  return listed.map((one) => {
    const block = ledger.blockOf(known(ledger.transaction(one.transaction))).hash;
    return { ...outputOf(one), tx_hash: one.transaction, tx_index: one.index, block };
  });
}

function spendingsOf(ledger: CardanoLedger, { hash, inputs, outputs }: Recorded) {
  return {
    hash,
    inputs: inputs.map((name) => {
      const { transaction, ...input } = known(ledger.output(name));
      return {
        ...outputOf({ transaction, ...input }),
        tx_hash: transaction,
        collateral: false,
        reference: false,
      };
    }),
    outputs: outputs.map((one) => ({
      ...outputOf(one),
      collateral: false,
      consumed_by_tx: ledger.spentBy(nameOf(one)) ?? null,
    })),
  };
}
