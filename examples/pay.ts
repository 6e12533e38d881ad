// What an agent runs: node examples/pay.ts URL. It knows a socket and a URL, and holds no key.
// In a project of your own: import { ... } from "x402-signer".
import { createPaymentFetch, PaymentDeclined, paymentOf } from "../client/fetch.ts";

const pay = createPaymentFetch(); // the signer listens where X402_SIGNER_SOCK says, or at the default place
try {
  const response = await pay(process.argv[2] ?? "");
  console.log(response.status, await response.text());
  console.log("paid in", paymentOf(response)?.settlement?.transaction ?? "nothing");
} catch (error) {
  if (!(error instanceof PaymentDeclined)) throw error;
  console.log(`declined, ${error.code}: ${error.message}`);
  process.exitCode = 1;
}
