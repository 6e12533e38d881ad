// The bytes that were signed, read back by whatever rail they are of: a draft must be one that pays what its row says.
import { readCardano } from "./draft-cardano.ts";
import { readEvm } from "./draft-evm.ts";
import { readSolana } from "./draft-solana.ts";
import { type JsonObject, canonical, textOf } from "./text.ts";

/** Something that leaves the wallet. */
export interface Part {
  readonly symbol: string;
  /** Atomic. */
  readonly units: bigint;
  readonly why: "payment" | "fee" | "minAda";
}

export interface Draft {
  /** What every draft of the intent has to use, because it can be used once: EVM's nonce, Cardano's first input. */
  readonly nonce: string;
  /** What no other payment may spend while this one is alive. */
  readonly inputs: readonly string[];
  /** As the row has to tell them. */
  readonly parts: readonly Part[];
}

/** By the beginning of a CAIP-2 network. */
const READERS: Readonly<Record<string, (bytes: Buffer, row: JsonObject) => Draft | undefined>> = {
  eip155: readEvm,
  solana: readSolana,
  cardano: readCardano,
};

/** Undefined for a draft that pays anything else than its row says, or that is not in the one spelling of base64. */
export function readDraft(row: JsonObject): Draft | undefined {
  const { draft, network, outflow = null } = row;
  const text = textOf(draft);
  const [rail = ""] = textOf(network).split(":", 1);
  const read = Object.hasOwn(READERS, rail) ? READERS[rail] : undefined;
  const bytes = Buffer.from(text, "base64");
  const made = bytes.toString("base64") === text ? read?.(bytes, row) : undefined;
  return made && canonical(outflow) === told(made.parts) ? made : undefined;
}

/** One part is told by amount and symbol alone. */
const told = (parts: readonly Part[]): string =>
  parts.length === 1
    ? "null"
    : canonical(parts.map(({ symbol, units, why }) => [symbol, units.toString(), why]));
