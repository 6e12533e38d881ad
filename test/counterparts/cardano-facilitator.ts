// A facilitator for Cardano, in process: it checks payments (cardano-verify.ts) and submits them to a ledger. There is no
// reference one on npm.
import type { FacilitatorClient } from "@x402/core/server";
import type {
  AssetAmount,
  Network,
  PaymentPayload,
  PaymentRequirements,
  Price,
  SchemeNetworkServer,
  SettleResponse,
} from "@x402/core/types";
import type { CardanoLedger } from "./cardano-ledger.ts";
import { verifyPayment } from "./cardano-verify.ts";

interface Options {
  /** So many times a settlement is not known yet: the same payload is to be sent again. */
  readonly pending?: number;
}

export interface CardanoFacilitator extends FacilitatorClient {
  /** Ids of the transactions that were settled, in order. */
  readonly settled: readonly string[];
}

/** What a resource server asks of a facilitator. */
export function startCardanoFacilitator(
  ledger: CardanoLedger,
  { pending = 0 }: Options = {},
): CardanoFacilitator {
  const network = ledger.network as Network;
  const settled: string[] = [];
  let unknown = pending;
  const settle = ({ payload }: PaymentPayload, terms: PaymentRequirements): SettleResponse => {
    const failed = (errorReason: string, transaction = "") => ({
      ...{ success: false, errorReason, transaction, network },
    });
    const verdict = verifyPayment(ledger, payload, terms);
    if (!verdict.valid) return failed(verdict.reason);
    const { hash, payer, bytes } = verdict;
    if (!ledger.transaction(hash)) {
      const submitted = ledger.submit(bytes);
      if ("refused" in submitted) return failed("submission_failed");
    }
    if (unknown-- > 0) return failed("settlement_pending", hash);
    if (!settled.includes(hash)) settled.push(hash);
    return { success: true, transaction: hash, network, payer };
  };
  return {
    settled,
    verify: ({ payload }, terms) => {
      const verdict = verifyPayment(ledger, payload, terms);
      return Promise.resolve(
        verdict.valid
          ? { isValid: true, payer: verdict.payer }
          : { isValid: false, invalidReason: verdict.reason },
      );
    },
    settle: (payload, terms) => Promise.resolve(settle(payload, terms)),
    getSupported: () =>
      Promise.resolve({
        kinds: [{ x402Version: 2, scheme: "exact", network }],
        ...{ extensions: [], signers: {} },
      }),
  };
}

const USDM: Readonly<Record<string, string>> = {
  "cardano:mainnet": "c48cbb3d5e57ed56e276bc45f99ab39abe94e6cd7ac39fb402da47ad.0014df105553444d",
  "cardano:preprod": "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d",
};

/** The seller's side, for x402ResourceServer.register: "$0.10" is so much USDM, { asset, amount } is what it says. */
export const exactCardanoServer: SchemeNetworkServer = {
  scheme: "exact",
  defaultAssetTransferMethod: "default",
  paymentFlows: { default: { supported: ["authorization", "upfront"], default: "authorization" } },
  parsePrice: (price: Price, network: Network): Promise<AssetAmount> => {
    if (typeof price === "object") return Promise.resolve(price);
    const [, whole = "0", fraction = ""] = /^\$?([0-9]+)(?:\.([0-9]{1,6}))?$/.exec(String(price)) ?? [];
    const amount = BigInt(whole + fraction.padEnd(6, "0")).toString();
    return Promise.resolve({ asset: USDM[network] ?? "", amount });
  },
  getAssetDecimals: () => 6,
  enhancePaymentRequirements: (requirements) => Promise.resolve(requirements),
};
