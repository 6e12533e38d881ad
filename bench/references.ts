// What others take for the same payment, in process and unguarded: the reference client of x402 on Solana, Lucid on
// Cardano. Neither asks a network here, nor looks at a policy, nor records anything.
import { createKeyPairSignerFromPrivateKeyBytes } from "@solana/kit";
import { ExactSvmScheme } from "@x402/svm/exact/client";
import { C, Lucid, PROTOCOL_PARAMETERS_DEFAULT } from "lucid-cardano";
import { randomBytes } from "node:crypto";
import { USDC, startSolanaChain } from "../test/counterparts/solana-chain.ts";
import { BLOCKHASH, cardanoIntent, freshOutputs, solanaIntent } from "./terms.ts";

/** One payment each time it is called. */
export type Reference = () => Promise<unknown>;

/** With the mint read once and the blockhash from the seller, as it is when neither costs a round trip. */
export async function solanaReference(): Promise<Reference> {
  const chain = await startSolanaChain();
  const signer = await createKeyPairSignerFromPrivateKeyBytes(randomBytes(32));
  const client = new ExactSvmScheme(signer, { rpcUrl: chain.url });
  const sign: Reference = () => {
    const { network, payTo, amount, maxTimeoutSeconds, extra } = solanaIntent();
    return client.createPaymentPayload(2, {
      ...{ scheme: "exact", network: network, asset: USDC.mint, payTo, amount, maxTimeoutSeconds },
      extra: { ...extra, recentBlockhash: BLOCKHASH, lastValidBlockHeight: "1000000" },
    });
  };
  await sign();
  await chain.close();
  return sign;
}

export async function cardanoReference(): Promise<Reference> {
  const lucid = await Lucid.new(undefined, "Preprod");
  const key = C.PrivateKey.generate_ed25519().to_bech32();
  lucid.selectWalletFromPrivateKey(key);
  const address = await lucid.wallet.address();
  lucid.provider = {
    getProtocolParameters: () => Promise.resolve(PROTOCOL_PARAMETERS_DEFAULT),
    getUtxos: () =>
      Promise.resolve(
        freshOutputs().map(({ transaction, index, lovelace }) => ({
          ...{ txHash: transaction, outputIndex: index, address },
          assets: { lovelace: BigInt(lovelace) },
        })),
      ),
  } as never;
  const ready = await Lucid.new(lucid.provider, "Preprod");
  ready.selectWalletFromPrivateKey(key);
  return async () => {
    const { payTo, amount } = cardanoIntent();
    const transaction = await ready
      .newTx()
      .payToAddress(payTo, { lovelace: BigInt(amount) })
      .validTo(Date.now() + 60_000)
      .complete();
    return (await transaction.sign().complete()).toString();
  };
}
