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
const MAX_QUANTITY = (1n << 64n) - 1n;

/** Ours that can be spent, each once. Throws EndpointFailed when one is of another address, or nothing a ledger holds. */
export function ownUtxos(address: string, told: readonly Told[]): Utxo[] {
  const own = new Map<string, Utxo>();
  for (const one of told) {
    if (one.address !== address) throw new EndpointFailed("answers with outputs of another address", false);
    if (!one.isBound) own.set(`${one.transaction}#${one.index}`, utxoOf(one));
  }
  return [...own.values()];
}

function utxoOf({ transaction, index, lovelace, tokens }: Told): Utxo {
  const wire = {
    transaction,
    index,
    lovelace,
    ...(tokens.length > 0 && { tokens: Object.fromEntries(tokens) }),
  };
  const utxo = readAs(utxoSchema, wire, "list of outputs");
  const quantities = [utxo.lovelace, ...Object.values(utxo.tokens ?? {})];
  if (quantities.some((quantity) => quantity > MAX_QUANTITY) || quantities.length !== tokens.length + 1)
    throw new EndpointFailed("answers with something that is no list of outputs");
  return utxo;
}

/** Throws EndpointFailed for what no ledger has. */
export const readParameters = (told: CardanoParameters): CardanoParameters =>
  readAs(cardanoContextSchema.shape.parameters, told, "set of protocol parameters");

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
