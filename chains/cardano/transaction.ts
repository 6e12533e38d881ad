// A signed transaction around a body. Source: the ledger's CDDL, "transaction" (Conway).
import { array, byteString, map, uint } from "./cbor.ts";

const VKEY_WITNESSES = 0;
const TRUE = Uint8Array.of(0xf5); // scripts are valid: there are none
const NULL = Uint8Array.of(0xf6); // no metadata

/** `body` stands in it as it is: what was hashed is what is sent. */
export function signedTransaction(
  body: Uint8Array,
  publicKey: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  const witness = array([byteString(publicKey), byteString(signature)]);
  return array([body, map([[uint(VKEY_WITNESSES), array([witness])]]), TRUE, NULL]);
}
