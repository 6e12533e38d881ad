// A paid API as sellers build it: express with the x402 middleware. GET answers a bit of JSON, POST answers the body it got.

import type { FacilitatorClient, RouteConfig } from "@x402/core/server";
import type { AssetAmount, SchemeNetworkServer } from "@x402/core/types";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express, { type Request, type Response } from "express";
import { listen } from "./listen.ts";

export interface ShopOptions {
  chain: { network: `${string}:${string}` };
  facilitator: FacilitatorClient;
  payTo: string;
  /** Route to price in dollars, such as `{ "GET /weather": "0.01" }`, or in units of an asset. */
  prices?: Record<string, string | AssetAmount>;
  /** How the seller's side writes terms; EVM's when absent. */
  scheme?: SchemeNetworkServer;
  /** What every 402 advertises under `extensions`. */
  extensions?: Record<string, unknown>;
}

export type Shop = Awaited<ReturnType<typeof startShop>>;

const PRICES = { "GET /weather": "0.01", "GET /dear": "0.50", "POST /echo": "0.01" };

function paywall({ chain, facilitator, payTo, prices = PRICES, extensions, scheme }: ShopOptions) {
  const route = (said: string | AssetAmount): RouteConfig => ({
    accepts: {
      ...{ scheme: "exact", network: chain.network, payTo },
      price: typeof said === "string" ? `$${said}` : said,
    },
    ...(extensions && { extensions }),
  });
  const routes = Object.entries(prices).map(([name, price]) => [name, route(price)] as const);
  const server = new x402ResourceServer(facilitator).register(chain.network, scheme ?? new ExactEvmScheme());
  return paymentMiddleware(Object.fromEntries(routes), server);
}

function answer(request: Request, response: Response): void {
  if (Buffer.isBuffer(request.body)) {
    response.type(request.get("content-type") ?? "application/octet-stream").send(request.body);
  } else {
    response.json({ path: request.path, forecast: "clear skies" });
  }
}

/** `GET /moved/<path>` redirects to `/<path>`. `served` lists what was handed out, with the payment's header if there was one. */
export async function startShop(options: ShopOptions) {
  const served: { route: string; payment?: string }[] = [];
  const app = express();
  app.get("/moved/:path", (request, response) => {
    response.redirect(307, `/${request.params.path}`);
  });
  app.use(paywall(options));
  app.use(express.raw({ type: () => true, limit: "10mb" }), (request, response) => {
    const payment = request.get("payment-signature");
    served.push({ route: `${request.method} ${request.path}`, ...(payment !== undefined && { payment }) });
    answer(request, response);
  });
  return { served, ...(await listen(app as never)) };
}
