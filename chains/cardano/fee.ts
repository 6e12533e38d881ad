// What a transaction costs: the fee by its size, and the lovelace that every output has to hold. Source: the ledger's
// specification, "minfee" (Shelley) and "minimum UTxO value" (Babbage).
import type { CardanoParameters } from "../../protocol/context.ts";
import { type Output, encodeOutput } from "./body.ts";

/**
 * What stands around a body: the head of an array of four, a witness set with one key (32 bytes) and one signature (64),
 * and the two bytes for valid scripts and no metadata.
 */
const AROUND_BYTES = 1 + 106;
/** What an output takes in a node's memory beside its own bytes. */
const ENTRY_BYTES = 160;

export const transactionSize = (bodyBytes: number): number => bodyBytes + AROUND_BYTES;

export const leastFee = (bodyBytes: number, { minFeeA, minFeeB }: CardanoParameters): bigint =>
  BigInt(minFeeA) * BigInt(transactionSize(bodyBytes)) + BigInt(minFeeB);

/** The output with as much more lovelace as the ledger asks of it. More of it may take more bytes, so it is approached. */
export function raised(output: Output, parameters: CardanoParameters): Output {
  const bytes = ENTRY_BYTES + encodeOutput(output).length;
  const least = BigInt(bytes) * BigInt(parameters.coinsPerUtxoByte);
  if (output.value.lovelace >= least) return output;
  return raised({ ...output, value: { ...output.value, lovelace: least } }, parameters);
}
