// The forms that Cardano's signing keys are kept in: bech32 (CIP-5) and the files of cardano-cli. Only keys that pay are
// taken: a payment key on its own, or the node of a wallet or an account, from which it follows.
import { EXTENDED_BYTES, type Ed25519, SEED_BYTES } from "../../chains/ed25519.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { BareKey } from "../accounts.ts";
import { NODE_BYTES } from "../bip32-ed25519.ts";
import { fromAccount, fromRoot } from "../cardano-account.ts";
import { Secret, unmoved } from "../secret.ts";
import type { Bech32 } from "./bech32.ts";
import { fromHex } from "./hex.ts";
import { readTextEnvelope } from "./text-envelope.ts";

/** kL, kR, public key, chain code. */
const WITH_PUBLIC_BYTES = 128;
const PUBLIC_BYTES = 32;

/** How such a key begins in bech32; the rest is secret. */
export const CARDANO_PREFIXES = ["ed25519_sk", "ed25519e_sk", "addr_sk", "addr_xsk", "acct_xsk", "root_xsk"];

/** The account of a key in bech32, whose bytes it takes over. Throws PHRASE_INVALID. */
export function cardanoKeyOf({ prefix, bytes }: Bech32, ed25519: Ed25519): BareKey {
  using read = bytes;
  if (prefix === "ed25519_sk" || prefix === "addr_sk") return bare(prefix, read, [SEED_BYTES]);
  if (prefix === "ed25519e_sk") return bare(prefix, read, [EXTENDED_BYTES]);
  using node = nodeOf(prefix, read, ed25519);
  if (prefix === "root_xsk") return { rail: "cardano", ...fromRoot(node, ed25519) };
  if (prefix === "acct_xsk") return { rail: "cardano", ...fromAccount(node, ed25519) };
  return { rail: "cardano", key: firstOf(node, EXTENDED_BYTES) };
}

/** What a file's type says how many bytes follow, and the CBOR head of a byte string that long (RFC 8949). */
const ENVELOPES: Readonly<Record<string, readonly [head: string, length: number]>> = {
  PaymentSigningKeyShelley_ed25519: ["5820", SEED_BYTES],
  PaymentExtendedSigningKeyShelley_ed25519_bip32: ["5880", WITH_PUBLIC_BYTES],
};

/** The key in a file of cardano-cli. Throws PHRASE_INVALID. */
export function readCardanoFile(text: Uint8Array, ed25519: Ed25519): BareKey {
  const { type, cborHex } = readTextEnvelope(text);
  const kind = Object.hasOwn(ENVELOPES, type) ? ENVELOPES[type] : undefined;
  if (kind === undefined) {
    throw new X402Error(
      "PHRASE_INVALID",
      `this is no payment signing key of cardano-cli: ${Object.keys(ENVELOPES).join(" or ")}`,
    );
  }
  const [head, length] = kind;
  const headed = Buffer.from(cborHex.subarray(0, head.length)).equals(Buffer.from(head));
  using bytes = headed ? fromHex(cborHex.subarray(head.length), length) : undefined;
  if (bytes === undefined)
    throw new X402Error("PHRASE_INVALID", `its cborHex is not ${head} and ${length} bytes`);
  if (length === SEED_BYTES) return bare(type, bytes, [SEED_BYTES]);
  using node = nodeOf(type, bytes, ed25519);
  return { rail: "cardano", key: firstOf(node, EXTENDED_BYTES) };
}

function bare(what: string, bytes: Secret, lengths: readonly number[]): BareKey {
  if (!lengths.includes(bytes.length)) throw wrongLength(what, lengths);
  return { rail: "cardano", key: bytes.copy() };
}

/** 96 bytes, with or without the public key in the middle. Throws PHRASE_INVALID when that is another one's. */
function nodeOf(what: string, bytes: Secret, ed25519: Ed25519): Secret {
  if (bytes.length === NODE_BYTES) return bytes.copy();
  if (bytes.length !== WITH_PUBLIC_BYTES) throw wrongLength(what, [NODE_BYTES, WITH_PUBLIC_BYTES]);
  return bytes.use((all) => {
    const key = all.subarray(0, EXTENDED_BYTES);
    const chainAt = EXTENDED_BYTES + PUBLIC_BYTES;
    if (Buffer.compare(ed25519.publicKey(key), all.subarray(EXTENDED_BYTES, chainAt)) !== 0) {
      throw new X402Error("PHRASE_INVALID", "the public key in it is not its own");
    }
    const node = unmoved(NODE_BYTES);
    node.set(key);
    node.set(all.subarray(chainAt), EXTENDED_BYTES);
    return Secret.take(node);
  });
}

const firstOf = (secret: Secret, length: number): Secret =>
  secret.use((bytes) => Secret.copyOf(bytes.subarray(0, length)));

const wrongLength = (what: string, lengths: readonly number[]): X402Error =>
  new X402Error("PHRASE_INVALID", `${what} has ${lengths.join(" or ")} bytes`);
