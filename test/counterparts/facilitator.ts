// The reference facilitator, in process: it verifies payments of both protocol versions and submits them to the chain.

import { x402Facilitator } from "@x402/core/facilitator";
import type { FacilitatorClient } from "@x402/core/server";
import type { SupportedResponse } from "@x402/core/types";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/facilitator";
import {
  createWalletClient,
  type Hex,
  http,
  type PublicActions,
  publicActions,
  type WalletClient,
  type WriteContractParameters,
} from "viem";
import { type Chain, devAccount } from "./chain.ts";

// Version 1 has names where version 2 has CAIP-2 ids; the types know only the latter.
const V1_NETWORKS = ["base-sepolia", "base"] as unknown as Chain["network"][];

function signerOn(chain: Chain) {
  const account = devAccount(1);
  const options = { account, chain: chain.client.chain, pollingInterval: 10, cacheTime: 0 };
  const client = createWalletClient({ ...options, transport: http(chain.url) }).extend(publicActions);
  return toFacilitatorEvmSigner({ ...client, ...inTurn(client), address: account.address } as never);
}

// One transaction is sent after another, under a nonce counted here. Asked for its count while it mines, the chain may
// give one that is already taken; viem's nonce manager trusts that answer and loses payments under load.
function inTurn(client: WalletClient & PublicActions) {
  const { address } = client.account!;
  let next = client.getTransactionCount({ address });
  const writeContract = (call: WriteContractParameters): Promise<Hex> => {
    const sent = next.then((nonce) => client.writeContract({ ...call, nonce }));
    next = Promise.all([next, sent.then(() => 1).catch(() => 0)]).then(([nonce, used]) => nonce + used);
    return sent;
  };
  return { writeContract };
}

/** What a resource server asks of a facilitator. One for each chain: two would take each other's nonces. */
export function startFacilitator(chain: Chain): FacilitatorClient {
  const signer = signerOn(chain);
  const facilitator = new x402Facilitator()
    .register(chain.network, new ExactEvmScheme(signer))
    .registerV1(V1_NETWORKS, new ExactEvmSchemeV1(signer));
  return {
    verify: facilitator.verify.bind(facilitator),
    settle: facilitator.settle.bind(facilitator),
    getSupported: () => Promise.resolve(facilitator.getSupported() as SupportedResponse),
  };
}
