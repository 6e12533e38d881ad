// The tokens that come back to us, in bundles that fit an output. Source: the ledger's specification, "maxValSize".
import type { CardanoParameters } from "../../protocol/context.ts";

export type Tokens = ReadonlyMap<string, bigint>;

/** Heads of array and maps, and a lovelace amount, at their longest. */
const VALUE_BYTES = 1 + 9 + 3;
/** A policy id, its head, and the head of the map of its tokens at its longest. */
const POLICY_BYTES = 30 + 3;
/** A token's amount and the head of its name, at their longest. */
const TOKEN_BYTES = 9 + 2;

/**
 * At least one bundle, which may be empty; in the order of policies and names, so that the same tokens give the same
 * bundles. Sizes are counted a few bytes too high, never too low.
 */
export function bundlesOf(tokens: Tokens, { maxValueSize }: CardanoParameters): Tokens[] {
  const bundles = [new Map<string, bigint>()];
  let size = VALUE_BYTES;
  let last = "";
  for (const [unit, amount] of [...tokens].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [policy = "", name = ""] = unit.split(".");
    const token = TOKEN_BYTES + name.length / 2;
    size += token + (policy === last ? 0 : POLICY_BYTES);
    if (size > maxValueSize && bundles.at(-1)?.size !== 0) {
      bundles.push(new Map());
      size = VALUE_BYTES + POLICY_BYTES + token;
    }
    bundles.at(-1)?.set(unit, amount);
    last = policy;
  }
  return bundles;
}
