// The reference facilitator for Solana, in process: it verifies payments, signs them as the fee payer and submits them.
import { createKeyPairSignerFromPrivateKeyBytes, createSolanaRpc, devnet } from "@solana/kit";
import { x402Facilitator } from "@x402/core/facilitator";
import type { FacilitatorClient } from "@x402/core/server";
import type { SupportedResponse } from "@x402/core/types";
import { toFacilitatorSvmSigner } from "@x402/svm";
import { ExactSvmScheme } from "@x402/svm/exact/facilitator";
import { DEVNET, type SolanaChain } from "./solana-chain.ts";

const KEY = new Uint8Array(32).fill(0xfa);

/** What a resource server asks of a facilitator. `feePayer` has lamports on the chain. */
export async function startSolanaFacilitator(
  chain: Pick<SolanaChain, "ledger" | "url">,
): Promise<FacilitatorClient & { readonly feePayer: string }> {
  const key = await createKeyPairSignerFromPrivateKeyBytes(KEY);
  chain.ledger.airdrop(key.address);
  const signer = toFacilitatorSvmSigner(key, { [DEVNET]: createSolanaRpc(devnet(chain.url)) });
  const facilitator = new x402Facilitator().register(DEVNET, new ExactSvmScheme(signer));
  return {
    feePayer: key.address,
    verify: facilitator.verify.bind(facilitator),
    settle: facilitator.settle.bind(facilitator),
    getSupported: () => Promise.resolve(facilitator.getSupported() as SupportedResponse),
  };
}
