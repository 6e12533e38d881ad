// What a facilitator checks of a payment on Cardano, rule by rule, with the library of another house (CSL) and none of our
// code. Source: x402 specification, scheme "exact", Cardano, asset transfer method "default".
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import { type CardanoLedger, type Holding, each, readValue } from "./cardano-ledger.ts";

export interface Terms {
  readonly network: string;
  readonly asset: string;
  readonly payTo: string;
  readonly amount: string;
  readonly maxTimeoutSeconds: number;
}

/** What the rules look at. */
interface Case {
  readonly ledger: CardanoLedger;
  readonly terms: Terms;
  readonly nonce: string;
  readonly size: number;
  readonly hash: string;
  readonly body: CSL.TransactionBody;
  readonly witnesses: CSL.TransactionWitnessSet;
  readonly inputs: readonly string[];
  readonly outputs: readonly CSL.TransactionOutput[];
}

type Rule = (one: Case) => boolean;

const sameHolding = (a: Holding, b: Holding): boolean => {
  const units = [...new Set([...Object.keys(a.tokens), ...Object.keys(b.tokens)])];
  const tokens = units.every((unit) => (a.tokens[unit] ?? 0n) === (b.tokens[unit] ?? 0n));
  return a.lovelace === b.lovelace && tokens;
};

function sum(holdings: readonly Holding[]): Holding {
  const tokens: Record<string, bigint> = {};
  for (const holding of holdings)
    for (const [unit, amount] of Object.entries(holding.tokens)) tokens[unit] = (tokens[unit] ?? 0n) + amount;
  return { lovelace: holdings.reduce((total, { lovelace }) => total + lovelace, 0n), tokens };
}

const amountIn = (holding: Holding, asset: string): bigint =>
  asset === "lovelace" ? holding.lovelace : (holding.tokens[asset] ?? 0n);

const paidTo = (payTo: string, outputs: Case["outputs"]): CSL.TransactionOutput[] =>
  outputs.filter((one) => one.address().to_bech32() === payTo);

function leastFee({ ledger: { parameters }, size }: Case): bigint {
  return BigInt(parameters.minFeeA * size + parameters.minFeeB);
}

function leastLovelace({ ledger: { parameters } }: Case, output: CSL.TransactionOutput): bigint {
  return BigInt((160 + output.to_bytes().length) * parameters.coinsPerUtxoByte);
}

/** Hashes of the keys that signed this body. */
function signers({ witnesses, hash }: Case): string[] {
  const keys = witnesses.vkeys();
  return (keys ? each(keys) : [])
    .filter((one) => one.vkey().public_key().verify(Buffer.from(hash, "hex"), one.signature()))
    .map((one) => one.vkey().public_key().hash().to_hex());
}

const keyOf = (address: string): string | undefined =>
  CSL.Address.from_bech32(address).payment_cred()?.to_keyhash()?.to_hex();

/** By the reason that is given when one does not hold; the first one is. */
const RULES: Readonly<Record<string, Rule>> = {
  wrong_network: ({ terms, ledger, body, outputs }) => {
    const id = terms.network === "cardano:mainnet" ? 1 : 0;
    const own = body.network_id()?.kind() as number | undefined;
    const all = outputs.every((one) => one.address().network_id() === id);
    return terms.network === ledger.network && all && (own === undefined || own === id);
  },
  not_a_plain_payment: ({ body }) =>
    [body.mint(), body.withdrawals(), body.certs(), body.voting_procedures(), body.voting_proposals()].every(
      (field) => field === undefined,
    ) &&
    [body.donation(), body.current_treasury_value(), body.collateral(), body.script_data_hash()].every(
      (field) => field === undefined,
    ),
  wrong_recipient: ({ terms, outputs }) => paidTo(terms.payTo, outputs).length === 1,
  wrong_amount: ({ terms, outputs }) =>
    paidTo(terms.payTo, outputs).every(
      (one) => amountIn(readValue(one.amount()), terms.asset) >= BigInt(terms.amount),
    ),
  nonce_not_spent: ({ nonce, inputs }) => inputs.includes(nonce),
  input_missing: ({ ledger, inputs, hash }) =>
    inputs.every((name) => {
      const spentBy = ledger.spentBy(name);
      return ledger.output(name) !== undefined && (spentBy === undefined || spentBy === hash);
    }),
  not_balanced: ({ ledger, inputs, outputs, body }) => {
    const fee = { lovelace: BigInt(body.fee().to_str()), tokens: {} };
    const spent = sum(inputs.map((name) => ledger.output(name)!));
    return sameHolding(spent, sum([...outputs.map((one) => readValue(one.amount())), fee]));
  },
  fee_too_low: (one) => BigInt(one.body.fee().to_str()) >= leastFee(one),
  wrong_ttl: ({ ledger, terms, body }) => {
    const ttl = Number(body.ttl_bignum()?.to_str() ?? 0);
    return ttl > ledger.slot && ttl <= ledger.slot + terms.maxTimeoutSeconds;
  },
  too_little_ada: (one) =>
    one.outputs.every((output) => BigInt(output.amount().coin().to_str()) >= leastLovelace(one, output)),
  too_large: ({ ledger, size, outputs }) =>
    size <= ledger.parameters.maxTxSize &&
    outputs.every((one) => one.amount().to_bytes().length <= ledger.parameters.maxValueSize),
  not_signed: (one) => {
    const keys = signers(one);
    return one.inputs.every((name) => keys.includes(keyOf(one.ledger.output(name)!.address) ?? ""));
  },
};

export type Verdict =
  | { readonly valid: true; readonly hash: string; readonly payer: string; readonly bytes: Uint8Array }
  | { readonly valid: false; readonly reason: string };

/** `payload` is the scheme's: { transaction, nonce }. A transaction that is on the ledger already is judged as it was. */
export function verifyPayment(ledger: CardanoLedger, payload: unknown, terms: Terms): Verdict {
  const { transaction = "", nonce = "" } = payload as { transaction?: string; nonce?: string };
  const bytes = Buffer.from(transaction, "base64");
  if (bytes.toString("base64") !== transaction) return { valid: false, reason: "not_base64" };
  let read: CSL.FixedTransaction;
  try {
    read = CSL.FixedTransaction.from_bytes(bytes);
  } catch {
    return { valid: false, reason: "not_a_transaction" };
  }
  const body = read.body();
  const one: Case = {
    ...{ ledger, terms, nonce, body, size: bytes.length, hash: read.transaction_hash().to_hex() },
    witnesses: read.witness_set(),
    inputs: each(body.inputs()).map((input) => `${input.transaction_id().to_hex()}#${input.index()}`),
    outputs: each(body.outputs()),
  };
  const broken = Object.entries(RULES).find(([, holds]) => !holds(one));
  if (broken) return { valid: false, reason: broken[0] };
  return { valid: true, hash: one.hash, bytes, payer: ledger.output(one.inputs[0]!)!.address };
}
