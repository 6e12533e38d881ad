// What a response asks to be paid.
import { MAX_TERMS_BYTES, type Terms, readTerms } from "../protocol/x402.ts";
import { discard, readAtMost } from "./http/body.ts";

/** The terms of a 402; undefined when it is none, or not x402. Leaves the response's own body to the caller. */
export async function termsOf(response: Response): Promise<Terms | undefined> {
  if (response.status !== 402) return undefined;
  const header = response.headers.get("PAYMENT-REQUIRED");
  try {
    return readTerms(header === null ? { body: await startOf(response) } : { header });
  } catch (error) {
    discard(response);
    throw error;
  }
}

/** One byte more than terms may have, so that longer ones are seen to be. */
async function startOf(response: Response): Promise<string> {
  const { body } = response.clone();
  return new TextDecoder().decode(body === null ? undefined : await readAtMost(body, MAX_TERMS_BYTES + 1));
}
