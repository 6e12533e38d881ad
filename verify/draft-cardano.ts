// The body of a transaction on Cardano: inputs, outputs, fee and TTL, and nothing else. What leaves the wallet is its
// first output and the fee; all other outputs are the wallet's own. Sources: the ledger's CDDL, "transaction_body"; the
// networks' genesis files (slots).
import { ADA, LOVELACE } from "./assets.ts";
import { addressText, networkIdOf, onNetwork } from "./cardano-address.ts";
import { type Cbor, CborMap, readCbor } from "./cbor.ts";
import type { Draft, Part } from "./draft.ts";
import { type JsonObject, isCount, textOf } from "./text.ts";

interface Network {
  /** In the first byte of its addresses. */
  readonly id: number;
  /** Unix seconds at which slot 0 would have begun, had slots lasted a second from the start. */
  readonly slotZero: number;
}

const NETWORKS: ReadonlyMap<string, Network> = new Map([
  ["cardano:mainnet", { id: 1, slotZero: 1_596_059_091 - 4_492_800 }],
  ["cardano:preprod", { id: 0, slotZero: 1_655_769_600 - 86_400 }],
  ["cardano:preview", { id: 0, slotZero: 1_666_656_000 }],
]);
const MAINNET = 1;

interface Output {
  readonly address: Buffer;
  readonly lovelace: bigint;
  /** ["policy.name", amount] */
  readonly tokens: readonly (readonly [string, bigint])[];
}

/** Undefined for any bytes that do not pay what the row says. */
export function readCardano(bytes: Buffer, row: JsonObject): Draft | undefined {
  const network = NETWORKS.get(textOf(row["network"]));
  const [inputs, outputs, fee, ttl] = fieldsOf(readCbor(bytes));
  const spent = each(inputs, inputOf);
  const [payment, ...change] = each(outputs, outputOf) ?? [];
  if (!network || !payment || !spent || typeof fee !== "bigint" || !isCount(row["expires"])) return undefined;
  const isOurs = ({ address }: Output): boolean =>
    networkIdOf(address) === network.id && addressText(onNetwork(address, MAINNET)) === row["from"];
  const isPayees =
    networkIdOf(payment.address) === network.id && addressText(payment.address) === row["payTo"];
  const isTimed = ttl === BigInt(row["expires"]) - BigInt(network.slotZero);
  const paid = paidBy(payment, row);
  const [nonce] = spent;
  if (!isPayees || !isTimed || !change.every(isOurs) || !paid || nonce === undefined) return undefined;
  if (new Set(spent).size !== spent.length) return undefined;
  return { nonce, inputs: spent, parts: [...paid, { symbol: ADA.symbol, units: fee, why: "fee" }] };
}

/** What goes to the payee: exactly the amount, and the ADA above it or beside it. */
function paidBy({ lovelace, tokens }: Output, row: JsonObject): Part[] | undefined {
  const symbol = textOf(row["symbol"]);
  const amount = BigInt(textOf(row["amount"]));
  const payment = { symbol, units: amount, why: "payment" } as const;
  if (row["asset"] === LOVELACE) {
    const isRight = tokens.length === 0 && lovelace >= amount && amount >= 0n;
    const more = lovelace - amount;
    return isRight ? [payment, ...(more > 0n ? [minAda(more)] : [])] : undefined;
  }
  const [[unit, units] = []] = tokens;
  return tokens.length === 1 && unit === row["asset"] && units === amount
    ? [payment, minAda(lovelace)]
    : undefined;
}

const minAda = (units: bigint): Part => ({ symbol: ADA.symbol, units, why: "minAda" });

/** The values under the keys 0 to 3, if there are no others. */
function fieldsOf(body: Cbor | undefined): readonly Cbor[] {
  const entries = body instanceof CborMap ? body.entries : [];
  const isRight = entries.length === 4 && entries.every(([key], i) => key === BigInt(i));
  return isRight ? entries.map(([, value]) => value) : [];
}

/** All of them as what they should be; undefined where one is not. */
function each<T>(list: Cbor | undefined, read: (item: Cbor) => T | undefined): T[] | undefined {
  if (!isList(list)) return undefined;
  const items = list.map(read);
  return items.every((item) => item !== undefined) ? items : undefined;
}

const isList = (item: Cbor | undefined): item is readonly Cbor[] => Array.isArray(item);

/** "transaction#index" */
function inputOf(item: Cbor): string | undefined {
  const [transaction, index] = isList(item) && item.length === 2 ? item : [];
  const isRight = Buffer.isBuffer(transaction) && transaction.length === 32 && typeof index === "bigint";
  return isRight ? `${transaction.toString("hex")}#${index}` : undefined;
}

function outputOf(item: Cbor): Output | undefined {
  const [address, value] = isList(item) && item.length === 2 ? item : [];
  if (!Buffer.isBuffer(address) || value === undefined) return undefined;
  if (typeof value === "bigint") return { address, lovelace: value, tokens: [] };
  const [lovelace, bundle] = isList(value) && value.length === 2 ? value : [];
  if (typeof lovelace !== "bigint" || !(bundle instanceof CborMap)) return undefined;
  const tokens = bundle.entries.flatMap(([policy, names]) => tokensOf(policy, names));
  return tokens.every((token) => token !== undefined) ? { address, lovelace, tokens } : undefined;
}

function tokensOf(policy: Cbor, names: Cbor): (readonly [string, bigint] | undefined)[] {
  if (!Buffer.isBuffer(policy) || !(names instanceof CborMap)) return [undefined];
  return names.entries.map(([name, amount]) =>
    Buffer.isBuffer(name) && typeof amount === "bigint"
      ? ([`${policy.toString("hex")}.${name.toString("hex")}`, amount] as const)
      : undefined,
  );
}
