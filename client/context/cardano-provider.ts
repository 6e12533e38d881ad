// What a source tells of Cardano, in the form that all of them are read into.
import { z } from "zod";
import { type CardanoParameters, type Utxo, cardanoContextSchema } from "../../protocol/context.ts";
import type { Caip2 } from "../../protocol/networks.ts";
import { EndpointFailed, readAs } from "./endpoint.ts";
import type { Provider } from "./failover.ts";

export interface CardanoProvider extends Provider {
  /** Outputs of the address that a key alone can spend. */
  utxos(address: string): Promise<Utxo[]>;
  /** Of the current epoch. */
  parameters(): Promise<CardanoParameters>;
}

/** Sources that tell in pages are asked for so many: a thousand outputs are more than a payment can choose from. */
export const MAX_PAGES = 10;
export const PAGE = 100;

/** Sources write whole numbers as numbers or as text. */
export const whole = z.union([z.int().min(0), z.string().max(24)]).transform(String);
export const wholeNumber = z.union([
  z.int().min(0),
  z
    .string()
    .regex(/^(0|[1-9][0-9]{0,9})$/)
    .transform(Number),
]);

/** An output as a source tells it. */
export interface Told {
  address: string;
  transaction: string;
  index: number;
  lovelace: string;
  /** By "policy id.asset name", in hex. */
  tokens: readonly (readonly [asset: string, quantity: string])[];
  /** It holds a datum or a script, and is no change of a payment. */
  isBound: boolean;
}

const utxoSchema = cardanoContextSchema.shape.utxos.element;
/** All the lovelace there will ever be, and the most of a token in one output. Source: Shelley genesis; ledger CDDL. */
const MAX_LOVELACE = 45_000_000_000_000_000n;
const MAX_QUANTITY = (1n << 64n) - 1n;
/** The most that the signer takes in. Whoever sends us more of a worthless token keeps us from nothing else. */
const MAX_SPENDABLE = (1n << 63n) - 1n;

/** Ours that can be spent, each once. Throws EndpointFailed when one is of another address, or nothing a ledger holds. */
export function ownUtxos(address: string, told: readonly Told[]): Utxo[] {
  const own = new Map<string, Utxo>();
  for (const one of told) {
    if (one.address !== address) throw new EndpointFailed("answers with outputs of another address", false);
    if (one.isBound) continue;
    const utxo = utxoOf(one);
    const isSpendable = quantitiesOf(utxo).every((quantity) => quantity <= MAX_SPENDABLE);
    if (isSpendable) own.set(`${utxo.transaction}#${utxo.index}`, utxo);
  }
  return [...own.values()];
}

const quantitiesOf = ({ tokens }: Utxo): bigint[] => Object.values(tokens ?? {});

function utxoOf({ transaction, index, lovelace, tokens }: Told): Utxo {
  const wire = {
    transaction,
    index,
    lovelace,
    ...(tokens.length > 0 && { tokens: Object.fromEntries(tokens) }),
  };
  const utxo = readAs(utxoSchema, wire, "list of outputs");
  const quantities = quantitiesOf(utxo);
  const isPossible =
    quantities.length === tokens.length &&
    quantities.every((quantity) => quantity > 0n && quantity <= MAX_QUANTITY) &&
    utxo.lovelace > 0n &&
    utxo.lovelace <= MAX_LOVELACE;
  if (!isPossible) throw new EndpointFailed("answers with something that is no list of outputs", false);
  return utxo;
}

/** Throws EndpointFailed for what no ledger has. */
export const readParameters = (told: CardanoParameters): CardanoParameters =>
  readAs(cardanoContextSchema.shape.parameters, told, "set of protocol parameters");

/** As Blockfrost and Koios name them, after the database that both read. */
export const parametersSchema = z
  .object({
    min_fee_a: wholeNumber,
    min_fee_b: wholeNumber,
    coins_per_utxo_size: wholeNumber,
    max_tx_size: wholeNumber,
    max_val_size: wholeNumber,
  })
  .transform((row) => ({
    minFeeA: row.min_fee_a,
    minFeeB: row.min_fee_b,
    coinsPerUtxoByte: row.coins_per_utxo_size,
    maxTxSize: row.max_tx_size,
    maxValueSize: row.max_val_size,
  }));

/** Source: the genesis files of the networks; CIP-34. */
const MAGIC: Readonly<Record<Caip2, string>> = {
  "cardano:mainnet": "764824073",
  "cardano:preprod": "1",
  "cardano:preview": "2",
};

export const isMagicOf = (network: Caip2, magic: string): boolean => MAGIC[network] === magic;

/** Pages from the first to the one that is not full. */
export async function allPages<T>(page: (number: number) => Promise<T[]>): Promise<T[]> {
  const all: T[] = [];
  for (let number = 1; number <= MAX_PAGES; number++) {
    const entries = await page(number);
    all.push(...entries);
    if (entries.length < PAGE) break;
  }
  return all;
}
