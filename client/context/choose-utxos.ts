// Of all outputs that the wallet could spend, those that the signer is told of: a request has at most 64 KiB.
import { LOVELACE } from "../../protocol/assets.ts";
import { MAX_UTXOS, type Utxo, type WireCardanoContext } from "../../protocol/context.ts";

type WireUtxo = WireCardanoContext["utxos"][number];

/**
 * In turn the one with the most of each asset and the one with the most ADA, so that a hundred outputs of dust do not keep out
 * what pays the fee; each of a size that still fits into `bytes` of JSON.
 */
export function chooseUtxos(utxos: readonly Utxo[], assets: readonly string[], bytes: number): WireUtxo[] {
  const queues = [...assets.filter((asset) => asset !== LOVELACE).map((asset) => mostFirst(utxos, asset))];
  queues.push(mostFirst(utxos, LOVELACE));
  const chosen = new Map<Utxo, WireUtxo>();
  let left = bytes;
  for (let place = 0; chosen.size < MAX_UTXOS && queues.some((queue) => place < queue.length); place++) {
    for (const utxo of queues.map((queue) => queue[place])) {
      if (utxo === undefined || chosen.has(utxo) || chosen.size >= MAX_UTXOS) continue;
      const wire = wireUtxo(utxo);
      const size = JSON.stringify(wire).length + 1;
      if (size > left) continue;
      chosen.set(utxo, wire);
      left -= size;
    }
  }
  return [...chosen.values()];
}

const held = ({ lovelace, tokens }: Utxo, asset: string): bigint =>
  asset === LOVELACE ? lovelace : (tokens?.[asset] ?? 0n);

const mostFirst = (utxos: readonly Utxo[], asset: string): Utxo[] =>
  utxos
    .filter((utxo) => held(utxo, asset) > 0n)
    .sort((a, b) => Number(held(b, asset) > held(a, asset)) - Number(held(a, asset) > held(b, asset)));

const wireUtxo = ({ transaction, index, lovelace, tokens }: Utxo): WireUtxo => ({
  transaction,
  index,
  lovelace: String(lovelace),
  ...(tokens && {
    tokens: Object.fromEntries(Object.entries(tokens).map(([asset, quantity]) => [asset, String(quantity)])),
  }),
});
