// What a client says that our account can spend, and under which parameters. All of it may be a lie. What an input holds
// is not in the signed bytes, so a lie about it makes a transaction that no node takes; a lie about parameters makes a
// dearer one, which is outflow. The bounds here keep such a lie small and the arithmetic inside 64 bits.
import {
  type CardanoContext,
  type CardanoParameters,
  type Utxo,
  cardanoContextSchema,
} from "../../protocol/context.ts";
import { type Input, type Value, inputName } from "./body.ts";

/** An output of our account. */
export interface Coin extends Input {
  /** "transaction#index". */
  readonly name: string;
  readonly value: Value;
}

export interface Wallet {
  readonly coins: readonly Coin[];
  readonly parameters: CardanoParameters;
}

/** The most of a token that one output holds. Source: the ledger's CDDL, "positive_coin" bounded as in "mint". */
export const MAX_TOKEN = (1n << 63n) - 1n;
/** All the lovelace there will ever be. Source: the Shelley genesis files, "maxLovelaceSupply". */
const MAX_LOVELACE = 45_000_000_000_000_000n;

// What a vote may set. Source: the Cardano Constitution, appendix I, guardrails TFPB-01 and -02, TFF-01 and -02, UCPB-01
// and -02. The least matters, too: a body that no node takes must not be had for nothing, since it locks its inputs.
const FEE_A: Bounds = [30, 1_000];
const FEE_B: Bounds = [100_000, 10_000_000];
const COINS_PER_BYTE: Bounds = [3_000, 6_500];
/** A value with one token of the longest name has 81 bytes. */
const LEAST_VALUE_SIZE = 100;

/** Undefined for what is no context, and for what no chain can have. */
export function readWallet(context: unknown): Wallet | undefined {
  const { success, data } = cardanoContextSchema.safeParse(context);
  if (!success || !isPossible(data.parameters)) return undefined;
  const coins = data.utxos.map(coinOf);
  if (new Set(coins.map(({ name }) => name)).size !== coins.length) return undefined;
  if (!coins.every(({ value }) => isValue(value))) return undefined;
  // An output may hold more of a token than its change could: whoever sends us one must not keep us from paying.
  return { coins: coins.filter(({ value }) => isSpendable(value)), parameters: data.parameters };
}

const coinOf = ({ transaction, index, lovelace, tokens }: Utxo): Coin => ({
  transaction,
  index,
  name: inputName({ transaction, index }),
  value: { lovelace, tokens: new Map(Object.entries(tokens ?? {})) },
});

type Bounds = readonly [least: number, most: number];
const isWithin = ([least, most]: Bounds, value: number): boolean => value >= least && value <= most;

const isPossible = (parameters: CardanoContext["parameters"]): boolean =>
  isWithin(FEE_A, parameters.minFeeA) &&
  isWithin(FEE_B, parameters.minFeeB) &&
  isWithin(COINS_PER_BYTE, parameters.coinsPerUtxoByte) &&
  parameters.maxValueSize >= LEAST_VALUE_SIZE;

const isValue = ({ lovelace, tokens }: Value): boolean =>
  lovelace > 0n && lovelace <= MAX_LOVELACE && [...tokens.values()].every((amount) => amount > 0n);

const isSpendable = ({ tokens }: Value): boolean =>
  [...tokens.values()].every((amount) => amount <= MAX_TOKEN);

export function sumOf(values: readonly Value[]): Value {
  let lovelace = 0n;
  const tokens = new Map<string, bigint>();
  for (const value of values) {
    lovelace += value.lovelace;
    for (const [unit, amount] of value.tokens) tokens.set(unit, (tokens.get(unit) ?? 0n) + amount);
  }
  return { lovelace, tokens };
}
