// The body of a Cardano transaction, as far as a payment needs one: inputs, outputs, fee and TTL. Its bytes are what is
// hashed and signed. Source: the ledger's CDDL, "transaction_body" (Conway).
//
// Where the CDDL has two forms of the same thing, the older one is written, which every reader takes: a set of inputs
// is an array without a tag, an output is an array of address and value. Inputs: the first is the payment's nonce, those
// behind it are sorted. A decoded body encodes to the bytes that it was read from, so there is one text for each.
import { cardanoAddressOf } from "../../protocol/cardano-address.ts";
import type { Ed25519 } from "../ed25519.ts";
import { CborReader, NotCbor, array, byteString, map, uint } from "./cbor.ts";

const INPUTS = 0;
const OUTPUTS = 1;
const FEE = 2;
const TTL = 3;
const ID_BYTES = 32;
const POLICY_BYTES = 28;
const MAX_NAME_BYTES = 32;
const MAX_INDEX = 0xffff;

/** A reference to an output of an earlier transaction. */
export interface Input {
  /** 64 hex digits in lower case. */
  readonly transaction: string;
  readonly index: number;
}

export interface Value {
  readonly lovelace: bigint;
  /** By "policy.name" in lower-case hex; amounts above zero. */
  readonly tokens: ReadonlyMap<string, bigint>;
}

export interface Output {
  /** 29 or 57 bytes: protocol/cardano-address.ts. */
  readonly address: Uint8Array;
  readonly value: Value;
}

export interface Body {
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  /** Lovelace. */
  readonly fee: bigint;
  /** The first slot in which the transaction is invalid. */
  readonly ttl: number;
}

/** As x402 and the vault's locks name it: "transaction#index". */
export const inputName = ({ transaction, index }: Input): string => `${transaction}#${index}`;

/** The order of inputs behind the first, and the one that the ledger itself sorts them in. */
export function compareInputs(a: Input, b: Input): number {
  if (a.transaction !== b.transaction) return a.transaction < b.transaction ? -1 : 1;
  return a.index - b.index;
}

/** BLAKE2b-256 of the body's bytes: the transaction's id, and what is signed. */
export const transactionHash = (ed25519: Ed25519, body: Uint8Array): Uint8Array => ed25519.blake2b(body, 32);

export function encodeBody({ inputs, outputs, fee, ttl }: Body): Uint8Array {
  return map([
    [uint(INPUTS), array(inputs.map(encodeInput))],
    [uint(OUTPUTS), array(outputs.map(encodeOutput))],
    [uint(FEE), uint(fee)],
    [uint(TTL), uint(ttl)],
  ]);
}

const encodeInput = ({ transaction, index }: Input): Uint8Array =>
  array([byteString(Buffer.from(transaction, "hex")), uint(index)]);

export const encodeOutput = ({ address, value }: Output): Uint8Array =>
  array([byteString(address), encodeValue(value)]);

export function encodeValue({ lovelace, tokens }: Value): Uint8Array {
  if (tokens.size === 0) return uint(lovelace);
  const policies = new Map<string, (readonly [Uint8Array, Uint8Array])[]>();
  for (const [unit, amount] of tokens) {
    const [policy = "", name = ""] = unit.split(".");
    const entry = [byteString(Buffer.from(name, "hex")), uint(amount)] as const;
    const entries = policies.get(policy);
    if (entries) entries.push(entry);
    else policies.set(policy, [entry]);
  }
  const bundle = [...policies].map(
    ([policy, entries]) => [byteString(Buffer.from(policy, "hex")), map(entries)] as const,
  );
  return array([uint(lovelace), map(bundle)]);
}

/** Undefined for anything that encodeBody cannot have made of a payment; never guesses. */
export function decodeBody(bytes: Uint8Array): Body | undefined {
  const body = readBody(bytes);
  if (!body || !isOrdered(body.inputs)) return undefined;
  return Buffer.compare(encodeBody(body), bytes) === 0 ? body : undefined;
}

function readBody(bytes: Uint8Array): Body | undefined {
  const reader = new CborReader(bytes);
  try {
    reader.mapOf(4);
    const body = {
      inputs: readField(reader, INPUTS, () => reader.array(() => readInput(reader))),
      outputs: readField(reader, OUTPUTS, () => reader.array(() => readOutput(reader))),
      fee: readField(reader, FEE, () => reader.uint()),
      ttl: readField(reader, TTL, () => reader.small()),
    };
    reader.end();
    return body;
  } catch (error) {
    if (error instanceof NotCbor) return undefined;
    throw error;
  }
}

function readField<T>(reader: CborReader, key: number, read: () => T): T {
  if (reader.small() !== key) throw new NotCbor("another field");
  return read();
}

function readInput(reader: CborReader): Input {
  reader.arrayOf(2);
  const transaction = hexOf(reader.bytes(), ID_BYTES, ID_BYTES);
  const index = reader.small();
  if (index > MAX_INDEX) throw new NotCbor("no index of an output");
  return { transaction, index };
}

function readOutput(reader: CborReader): Output {
  reader.arrayOf(2);
  const address = reader.bytes();
  if (!cardanoAddressOf(address)) throw new NotCbor("no address of a key");
  return { address, value: readValue(reader) };
}

function readValue(reader: CborReader): Value {
  if (!reader.atArray) return { lovelace: reader.uint(), tokens: new Map() };
  reader.arrayOf(2);
  const lovelace = reader.uint();
  const bundle = reader.map(() => {
    const policy = hexOf(reader.bytes(), POLICY_BYTES, POLICY_BYTES);
    return reader.map(() => readToken(reader, policy));
  });
  return { lovelace, tokens: new Map(bundle.flat()) };
}

function readToken(reader: CborReader, policy: string): readonly [unit: string, amount: bigint] {
  const name = hexOf(reader.bytes(), 0, MAX_NAME_BYTES);
  const amount = reader.uint();
  if (amount === 0n) throw new NotCbor("a token that is not there");
  return [`${policy}.${name}`, amount];
}

function hexOf(bytes: Uint8Array, least: number, most: number): string {
  if (bytes.length < least || bytes.length > most) throw new NotCbor("bytes of another length");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function isOrdered([nonce, ...others]: readonly Input[]): boolean {
  if (!nonce || others.some((input) => compareInputs(input, nonce) === 0)) return false;
  return others.every((input, at) => at === 0 || compareInputs(others[at - 1] ?? input, input) < 0);
}
