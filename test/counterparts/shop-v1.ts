// A paid API of protocol version 1: terms in the 402's body, payment in X-PAYMENT, networks by name.

import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import type { FacilitatorClient } from "@x402/core/server";
import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { getDefaultAsset } from "@x402/evm";
import type { Chain } from "./chain.ts";
import { listen } from "./listen.ts";

export interface ShopV1Options {
  chain: Chain;
  facilitator: FacilitatorClient;
  payTo: string;
  /** Atomic units for anything on this server. */
  price?: bigint;
}

const NAMES: Record<number, string> = { 8453: "base", 84532: "base-sepolia" };

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");

function requirements({ chain, payTo, price = 10_000n }: ShopV1Options, resource: string) {
  const { name, version } = getDefaultAsset(chain.network);
  const offer = {
    scheme: "exact",
    network: NAMES[chain.chainId],
    maxAmountRequired: String(price),
    asset: chain.token,
  };
  const about = { resource, description: "", mimeType: "application/json", maxTimeoutSeconds: 60 };
  return { ...offer, payTo, ...about, extra: { name, version } };
}

/** Reads, verifies, settles, and answers 200 with the request's body; or 402 with the terms and the reason. */
export async function startShopV1(options: ShopV1Options) {
  const served: string[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const terms = requirements(options, `http://${request.headers.host!}${request.url!}`);
    const refuse = (error: string): void => {
      response.writeHead(402, { "content-type": "application/json" });
      response.end(JSON.stringify({ x402Version: 1, error, accepts: [terms] }));
    };
    const header = request.headers["x-payment"];
    if (typeof header !== "string") {
      refuse("X-PAYMENT header is required");
      return;
    }
    const payload = JSON.parse(Buffer.from(header, "base64").toString()) as PaymentPayload;
    const asked = terms as unknown as PaymentRequirements;
    const { isValid, invalidReason } = await options.facilitator.verify(payload, asked);
    const settled = isValid ? await options.facilitator.settle(payload, asked) : undefined;
    if (settled?.success !== true) {
      refuse(settled?.errorReason ?? invalidReason ?? "invalid");
      return;
    }
    served.push(`${request.method!} ${request.url!}`);
    response.writeHead(200, { "x-payment-response": base64(settled) }).end(body);
  }

  const shop = await listen((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  return { served, ...shop };
}
