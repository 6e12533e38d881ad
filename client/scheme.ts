// The signer as a scheme of the reference client, for agents that already use @x402/core and its wrappers:
//
//     const scheme = createSchemeClient({ context: { solana: { rpc: ["https://..."] } } });
//     new x402Client().register("eip155:*", scheme).register("solana:*", scheme).registerV1("base", scheme)
//
// That client has spend controls of its own on top: it refuses what is not a dollar token pinned here, and more than $1 a
// payment, until `setSpendControls` says otherwise; ADA is for `allowedAssets`. It tells a scheme what the seller claims to sell but not the URL that
// was fetched, so these payments claim none; under rules about domains they are declined, and createPaymentFetch pays.
import { randomUUIDv7 } from "node:crypto";
import type { PaymentPayloadResult, PaymentRequirements, SchemeNetworkClient } from "@x402/core/types";
import { PINNED_ASSETS, assetKey } from "../protocol/assets.ts";
import type { Json } from "../protocol/json.ts";
import { networkOf } from "../protocol/networks.ts";
import { type Terms, readTerms, readTermsValue, withPaymentIdentifier } from "../protocol/x402.ts";
import { askToSign } from "./ask.ts";
import { offersOf } from "./choose.ts";
import { Contexts } from "./contexts.ts";
import type { ContextOption } from "./context/sources.ts";
import { PaymentHeld, withIntentId } from "./outcome.ts";
import { Payer, type PayerOptions } from "./payer.ts";

export interface SchemeClientOptions extends PayerOptions {
  /** As createPaymentFetch has it: payments on Solana and Cardano need it. */
  context?: ContextOption;
}

/** Serves both protocol versions. Throws as createPaymentFetch does; the wrappers keep the message only. */
export function createSchemeClient(options: SchemeClientOptions = {}): SchemeNetworkClient {
  const payer = new Payer(options);
  const contexts = new Contexts(options.context, () => payer.addresses());
  // The reference client asks again with the same object when a hook wants a retry: that is the same payment.
  const ids = new WeakMap<PaymentRequirements, string>();
  const idOf = (requirements: PaymentRequirements): string => {
    const id = ids.get(requirements) ?? randomUUIDv7();
    ids.set(requirements, id);
    return id;
  };
  return {
    scheme: "exact",
    findDefaultAsset,
    createPaymentPayload: (version, requirements, context) =>
      payload(payer, contexts, idOf(requirements), termsOf(version, requirements, context?.extensions)),
  };
}

async function payload(
  payer: Payer,
  contexts: Contexts,
  id: string,
  terms: Terms,
): Promise<PaymentPayloadResult> {
  const [offer] = offersOf(terms, id, {}, contexts);
  const { item } = offer;
  const result = await askToSign(payer, contexts, offer).catch((error: unknown) => {
    throw withIntentId(error, id);
  });
  if (result.outcome === "held") throw new PaymentHeld(result, id);
  if (terms.version === 1) {
    // Of version 1 the reference client sends on what it gets, as it is.
    return { x402Version: 1, scheme: item.scheme, network: item.network, payload: result.payload } as never;
  }
  const extensions = withPaymentIdentifier(terms.extensions, id);
  return { x402Version: 2, payload: result.payload, ...(extensions && { extensions }) };
}

/** The chosen requirements, read with the same strictness as a 402. */
function termsOf(version: number, requirements: PaymentRequirements, extensions: unknown): Terms {
  const envelope = { x402Version: version, accepts: [requirements], extensions };
  return version === 1
    ? (readTerms({ body: JSON.stringify(envelope) }) as Terms)
    : readTermsValue(JSON.parse(JSON.stringify(envelope)) as Json);
}

/** A default asset counts at a dollar there. */
const findDefaultAsset: NonNullable<SchemeNetworkClient["findDefaultAsset"]> = (asset, network) => {
  const caip2 = networkOf(network);
  const key = caip2 && assetKey(caip2, asset);
  const pinned = PINNED_ASSETS.find(
    (known) => known.pegged && assetKey(known.network, known.address) === key,
  );
  return pinned && { asset: pinned.address, decimals: pinned.decimals, symbol: pinned.symbol };
};
