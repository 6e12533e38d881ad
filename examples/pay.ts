// What an agent runs: node examples/pay.ts URL [CONTEXT]. It knows a socket and a URL, and holds no key. On Solana and
// Cardano it also says where to ask about the chain, such as '{"solana":{"rpc":["https://..."]}}'.
// In a project of your own: import { ... } from "x402-signer".
import type { ContextSources } from "../client/context/sources.ts";
import { createPaymentFetch, PaymentDeclined, paymentOf } from "../client/fetch.ts";

const [url = "", context = "{}"] = process.argv.slice(2);
// The signer listens where X402_SIGNER_SOCK says, or at the default place.
const pay = createPaymentFetch({ context: JSON.parse(context) as ContextSources });
try {
  const response = await pay(url);
  console.log(response.status, await response.text());
  console.log("paid in", paymentOf(response)?.settlement?.transaction ?? "nothing");
} catch (error) {
  if (!(error instanceof PaymentDeclined)) throw error;
  console.log(`declined, ${error.code}: ${error.message}`);
  process.exitCode = 1;
}
