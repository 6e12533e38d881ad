// The body of a payment out of chosen inputs: what is left comes back to us, and the fee is the least that its own size
// asks for. Lovelace that is too little for an output of its own is never left to the fee; it is a shortage.
import type { CardanoParameters } from "../../protocol/context.ts";
import { type Output, type Value, compareInputs, encodeBody } from "./body.ts";
import { bundlesOf } from "./change.ts";
import { leastFee, raised, transactionSize } from "./fee.ts";
import { type Coin, sumOf } from "./wallet.ts";

/** What all three networks take. Neither the hash nor the signature is made of more. */
export const MAX_SIZE = 16_384;

/** What a body is made for, whatever its inputs. */
export interface Plan {
  readonly payment: Output;
  /** Our own address. */
  readonly change: Uint8Array;
  readonly ttl: number;
  readonly parameters: CardanoParameters;
}

/** What the inputs lack, of lovelace and of the token that is paid; not both are zero. */
export interface Shortage {
  readonly lovelace: bigint;
  readonly token: bigint;
}

export type Built =
  | { readonly made: "body"; readonly bytes: Uint8Array }
  | { readonly made: "shortage"; readonly short: Shortage }
  | { readonly made: "too-large" };

/** The first coin is the nonce input. */
export function build(plan: Plan, coins: readonly Coin[]): Built {
  const left = leftOf(plan.payment.value, coins);
  if (left.token === 0n && left.tokens.size === 0) {
    const { bytes, fee } = settle(plan, coins, [], 0n);
    if (left.lovelace === fee) return sized(plan, bytes);
  }
  const change = bundlesOf(left.tokens, plan.parameters).map((tokens) =>
    raised({ address: plan.change, value: { lovelace: 0n, tokens } }, plan.parameters),
  );
  const spare = left.lovelace - sumOf(change.map(({ value }) => value)).lovelace;
  const { bytes, fee } = settle(plan, coins, change, spare);
  const short = { lovelace: positive(fee - spare), token: left.token };
  const built = sized(plan, bytes);
  const isShort = short.lovelace + short.token > 0n;
  return isShort && built.made === "body" ? { made: "shortage", short } : built;
}

const sized = ({ parameters }: Plan, bytes: Uint8Array): Built =>
  transactionSize(bytes.length) > Math.min(MAX_SIZE, parameters.maxTxSize)
    ? { made: "too-large" }
    : { made: "body", bytes };

/** What the payment leaves: of lovelace perhaps less than nothing, of the token `token` too little. */
function leftOf(payment: Value, coins: readonly Coin[]): Value & { token: bigint } {
  const total = sumOf(coins.map(({ value }) => value));
  const tokens = new Map(total.tokens);
  let token = 0n;
  for (const [unit, amount] of payment.tokens) {
    const left = (tokens.get(unit) ?? 0n) - amount;
    if (left > 0n) tokens.set(unit, left);
    else tokens.delete(unit);
    token += positive(-left);
  }
  return { lovelace: total.lovelace - payment.lovelace, tokens, token };
}

/** As many bytes in CBOR as a fee has today: a guess that mostly gives the right size at once. */
const USUAL_FEE = 170_000n;

/**
 * The fee is part of the size that it is for, and so is what it leaves of `spare`, which goes to the first output of
 * change. After the guess it only grows, so this ends.
 */
function settle(plan: Plan, coins: readonly Coin[], change: readonly Output[], spare: bigint) {
  const [first, ...others] = change;
  const inputs = inputsOf(coins);
  for (let fee = USUAL_FEE, guessed = true; ; guessed = false) {
    const kept = first ? [more(first, positive(spare - fee)), ...others] : [];
    const bytes = encodeBody({ inputs, outputs: [plan.payment, ...kept], fee, ttl: plan.ttl });
    const least = leastFee(bytes.length, plan.parameters);
    if (least === fee || (least < fee && !guessed)) return { bytes, fee };
    fee = least;
  }
}

const inputsOf = ([nonce, ...others]: readonly Coin[]): Coin[] =>
  nonce ? [nonce, ...others.sort(compareInputs)] : [];

const more = ({ address, value }: Output, lovelace: bigint): Output => ({
  address,
  value: { ...value, lovelace: value.lovelace + lovelace },
});

const positive = (amount: bigint): bigint => (amount > 0n ? amount : 0n);
