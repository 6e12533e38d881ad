// Compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037), as an audit key makes them: one spelling for each.
import { createHash, createPublicKey, verify } from "node:crypto";
import { type JsonObject, canonical, readExact } from "./text.ts";
import { Untrue } from "./untrue.ts";

/** RFC 7638 thumbprint of a public key in base64url. */
export const keyIdOf = (key: string): string =>
  createHash("sha256")
    .update(canonical({ crv: "Ed25519", kty: "OKP", x: key }))
    .digest("base64url");

export interface Jws {
  readonly type: string;
  readonly keyId: string;
  readonly payload: JsonObject;
  /** Whether this public key signed it. */
  isBy(key: string): boolean;
}

/** Takes one apart. Throws Untrue, which names `what` it is, for anything but the one form. */
export function readJws(text: string, what: string, row?: number): Jws {
  const parts = text.split(".").map((part) => Buffer.from(part, "base64url"));
  const [header, payload, signature] = parts;
  const spelled = parts.map((part) => part.toString("base64url")).join(".") === text;
  if (parts.length !== 3 || !header || !payload || signature?.length !== 64 || !spelled)
    throw new Untrue(`${what} is not a signature`, row);
  const { alg, kid, typ, ...others } = readExact(header.toString(), `the header of ${what}`, row);
  if (alg !== "EdDSA" || typeof kid !== "string" || typeof typ !== "string" || Object.keys(others).length > 0)
    throw new Untrue(`${what} has an unknown header`, row);
  const signed = Buffer.from(text.slice(0, text.lastIndexOf(".")));
  return {
    type: typ,
    keyId: kid,
    payload: readExact(payload.toString(), `the payload of ${what}`, row),
    isBy: (key) =>
      keyIdOf(key) === kid &&
      verify(
        null,
        signed,
        createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: key }, format: "jwk" }),
        signature,
      ),
  };
}
