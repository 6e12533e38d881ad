// A ledger of cardano-ledger.ts as Koios tells it (API document of Koios, version 1): see ROUTES. Of PostgREST's filters
// it knows those on the columns that are asked for: eq, lte, order, limit, offset.
import { type Asked, HttpError, type Lie, honestly, jsonOf, serveJson } from "./cardano-http.ts";
import { type CardanoLedger, type Recorded, type Utxo, nameOf } from "./cardano-ledger.ts";

type Answer = (ledger: CardanoLedger, asked: Asked) => unknown;

const ROUTES: Readonly<Record<string, Answer>> = {
  "GET /genesis": ({ magic }) => [{ networkmagic: String(magic), securityparam: "2160", slotlength: "1" }],
  "GET /tip": (ledger) => {
    const { height, hash, slot, time } = ledger.block();
    return [{ hash, abs_slot: slot, block_height: height, block_no: height, block_time: time }];
  },
  "GET /blocks": blocksOf,
  "GET /epoch_params": ({ parameters }) => [
    {
      ...{ min_fee_a: parameters.minFeeA, min_fee_b: parameters.minFeeB },
      ...{ max_tx_size: parameters.maxTxSize, max_val_size: parameters.maxValueSize },
      coins_per_utxo_size: String(parameters.coinsPerUtxoByte),
    },
  ],
  "POST /address_utxos": (ledger, asked) => {
    const utxos = listIn(asked, "_addresses").flatMap((address) => ledger.utxos(address));
    const isExtended = jsonOf(asked)["_extended"] === true;
    return paged(
      asked,
      utxos.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)).map((one) => utxoOf(ledger, one, isExtended)),
    );
  },
  "POST /utxo_info": (ledger, asked) => {
    const isExtended = jsonOf(asked)["_extended"] === true;
    const found = listIn(asked, "_utxo_refs").flatMap((name) => ledger.output(name) ?? []);
    return found.map((one) => utxoOf(ledger, one, isExtended));
  },
  "POST /address_txs": (ledger, asked) => {
    const addresses = listIn(asked, "_addresses");
    const after = Number(jsonOf(asked)["_after_block_height"] ?? 0);
    const touched = ledger.transactions().filter((one) => touches(ledger, one, addresses));
    return paged(
      asked,
      touched
        .map((one) => ({ tx_hash: one.hash, block: ledger.blockOf(one) }))
        .filter(({ block }) => block.height >= after)
        .map(({ tx_hash, block }) => ({ tx_hash, block_height: block.height, block_time: block.time })),
    );
  },
  "POST /tx_info": (ledger, asked) => {
    const found = listIn(asked, "_tx_hashes").flatMap((hash) => ledger.transaction(hash) ?? []);
    return found.map((one) => transactionOf(ledger, one, jsonOf(asked)["_inputs"] === true));
  },
  "POST /tx_status": (ledger, asked) =>
    listIn(asked, "_tx_hashes").map((hash) => {
      const found = ledger.transaction(hash);
      const depth = found ? ledger.block().height - ledger.blockOf(found).height : null;
      return { tx_hash: hash, num_confirmations: depth };
    }),
  "POST /submittx": (ledger, { body }) => {
    const submitted = ledger.submit(body);
    if ("refused" in submitted) throw new HttpError(400, submitted.refused);
    return submitted.transaction;
  },
};

/** `url` ends in /api/v1. */
export const serveKoios = (ledger: CardanoLedger, lie: Lie = honestly) =>
  serveJson("/api/v1", (asked) => {
    const what = `${asked.method} ${asked.path}`;
    const answer = ROUTES[what];
    if (!answer) throw new HttpError(404, { message: "not found" });
    return lie(what, asked, () => answer(ledger, asked));
  });

const listIn = (asked: Asked, key: string): string[] => {
  const list = jsonOf(asked)[key];
  if (!Array.isArray(list)) throw new HttpError(400, { message: `no ${key}` });
  return list as string[];
};

const paged = <T>({ query }: Asked, rows: T[]): T[] => {
  const offset = Number(query.get("offset") ?? 0);
  return rows.slice(offset, offset + Number(query.get("limit") ?? 1000));
};

/** The newest first, as many as are asked for, or the one of a height. */
function blocksOf(ledger: CardanoLedger, { query }: Asked) {
  const tip = ledger.block();
  const [, filter, height] = /^(eq|lte)\.([0-9]+)$/.exec(query.get("block_height") ?? "") ?? [];
  const newest = height === undefined ? tip.height : Number(height);
  if (newest > tip.height && filter === "eq") return [];
  const count = filter === "eq" ? 1 : Math.min(Number(query.get("limit") ?? 10), 1000);
  return Array.from({ length: count }, (_, at) => ledger.block(Math.min(newest, tip.height) - at)).map(
    (block) => ({
      hash: block.hash,
      abs_slot: block.slot,
      block_height: block.height,
      block_time: block.time,
    }),
  );
}

function utxoOf(ledger: CardanoLedger, one: Utxo, isExtended: boolean) {
  const block = ledger.blockOf(ledger.transaction(one.transaction)!);
  const assets = Object.entries(one.tokens).map(([unit, quantity]) => {
    const [policy_id = "", asset_name = ""] = unit.split(".");
    return { policy_id, asset_name, quantity: quantity.toString(), decimals: 0 };
  });
  return {
    ...{ tx_hash: one.transaction, tx_index: one.index, address: one.address },
    ...{ value: one.lovelace.toString(), block_height: block.height, block_time: block.time },
    ...{ datum_hash: one.datumHash ?? null, inline_datum: null, reference_script: null },
    asset_list: isExtended ? assets : null,
    is_spent: ledger.spentBy(nameOf(one)) !== undefined,
  };
}

const touches = (ledger: CardanoLedger, { inputs, outputs }: Recorded, addresses: string[]): boolean =>
  [...outputs, ...inputs.map((name) => ledger.output(name))].some(
    (output) => output !== undefined && addresses.includes(output.address),
  );

function transactionOf(ledger: CardanoLedger, one: Recorded, withInputs: boolean) {
  const block = ledger.blockOf(one);
  const put = ({ transaction, index, address, lovelace }: Utxo) => ({
    ...{ tx_hash: transaction, tx_index: index, payment_addr: { bech32: address } },
    value: lovelace.toString(),
  });
  return {
    ...{ tx_hash: one.hash, block_hash: block.hash, block_height: block.height },
    ...{ absolute_slot: block.slot, tx_timestamp: block.time, fee: one.fee.toString() },
    inputs: withInputs ? one.inputs.map((name) => put(ledger.output(name)!)) : [],
    outputs: one.outputs.map(put),
  };
}
