// What a draft needs to know of a chain, as the client brings it: the signer has no network. Every value is a claim,
// and the rail reads from the finished bytes what it would cost.
import { z } from "zod";
import { isAtomic } from "./amount.ts";

const atomic = z
  .string()
  .max(20)
  .refine(isAtomic)
  .transform((text) => BigInt(text));

/** Solana: a blockhash of the last minute or so, in base58. What the client says of its height is shown, never used. */
export const solanaContextSchema = z.strictObject({
  recentBlockhash: z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{32,44}$/),
  lastValidBlockHeight: z.int().min(0).optional(),
});
export type SolanaContext = z.infer<typeof solanaContextSchema>;

/** More inputs than one payment can use. */
export const MAX_UTXOS = 200;

/** An output that our account can spend. Amounts in atomic units, as decimal text on the wire. */
const utxoSchema = z.strictObject({
  transaction: z.string().regex(/^[0-9a-f]{64}$/),
  index: z.int().min(0).max(65_535),
  lovelace: atomic,
  /** Tokens by policy id and name: "56 hex digits.0-64 hex digits". */
  tokens: z.record(z.string().regex(/^[0-9a-f]{56}\.([0-9a-f]{2}){0,32}$/), atomic).optional(),
});
export type Utxo = z.infer<typeof utxoSchema>;

/** Protocol parameters, under the names of the ledger's specification (Shelley to Conway). */
const cardanoParametersSchema = z.strictObject({
  minFeeA: z.int().min(0).max(1_000_000),
  minFeeB: z.int().min(0).max(100_000_000),
  coinsPerUtxoByte: z.int().min(0).max(1_000_000),
  maxTxSize: z.int().min(1).max(65_536),
  maxValueSize: z.int().min(1).max(65_536),
});
export type CardanoParameters = z.infer<typeof cardanoParametersSchema>;

/** Cardano: outputs of our address that hold no datum and no script, and the parameters of the current epoch. */
export const cardanoContextSchema = z.strictObject({
  utxos: z.array(utxoSchema).max(MAX_UTXOS),
  parameters: cardanoParametersSchema,
});
/** In memory amounts are bigint; on the wire they are text. */
export type CardanoContext = z.infer<typeof cardanoContextSchema>;
export type WireCardanoContext = z.input<typeof cardanoContextSchema>;
