// One request for a signature, with what the network needs to be known.
import type { SignResult } from "../protocol/shapes.ts";
import type { Offer } from "./choose.ts";
import type { Contexts, Known } from "./contexts.ts";
import { PaymentDeclined } from "./outcome.ts";
import type { Payer } from "./payer.ts";

/**
 * Asks also without a context: an authorization that is on record and alive is given again without one. Throws
 * PaymentDeclined, with a hint that says what is wrong with the context if that is what it is.
 */
export async function askToSign(
  payer: Payer,
  contexts: Contexts,
  offer: Offer,
): Promise<Exclude<SignResult, { outcome: "declined" }>> {
  const { network, id } = offer.intent;
  let known = await contexts.of(offer);
  let result = await payer.sign(offer.intent, known.context);
  if (known.cached === true && mayBeStale(result)) {
    contexts.forget(network);
    known = await contexts.of(offer);
    result = await payer.sign(offer.intent, known.context);
  }
  if (result.outcome === "declined")
    throw new PaymentDeclined(result.check, id, reasonOf(result.check.code, known));
  if (result.outcome === "signed") contexts.spent(network);
  return result;
}

/** The change of a payment that was just settled, and a blockhash of a moment ago, are known a moment later. */
const mayBeStale = (result: SignResult): boolean =>
  result.outcome === "declined" && ["CONTEXT_INVALID", "FUNDS_INSUFFICIENT"].includes(result.check.code);

const reasonOf = (code: string, { hint, cause }: Known): { hint?: string; cause?: unknown } =>
  code === "CONTEXT_INVALID" && hint !== undefined ? { hint, cause } : {};
