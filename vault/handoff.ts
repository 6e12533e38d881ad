// How the signing part travels from the command to the signer: sealed to a one-time key of the signer.
//
// The signing part crosses the socket as it lies in the vault, under its own key; only that key is boxed. So every
// string on the way holds ciphertext, and what a listener records is worthless once the offer is used or dropped.
// The one-time key says nothing about *who* offered it: the command checks the socket's owner before it seals.
//
// X25519 (RFC 7748) -> HKDF-SHA256 over both public keys -> AES-256-GCM.
import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from "node:crypto";
import { X402Error } from "../protocol/errors.ts";
import { KEY_BYTES, label } from "./keys.ts";
import { open as openSeal, seal } from "./seal.ts";
import { Secret } from "./secret.ts";

/** base64url without padding, each canonical. `sealed` is the vault's signing part as it stands in the file. */
export interface HandoffMessage {
  /** The command's one-time X25519 public key. */
  readonly ephemeral: string;
  /** The key of `sealed`, sealed under the shared key. */
  readonly box: string;
  readonly sealed: string;
}

export interface Offer {
  /** The signer's one-time X25519 public key, base64url. */
  readonly publicKey: string;
  /**
   * The plaintext signing part, for `decode` of vault/signing.ts; the caller wipes it. Works once: the private key is
   * gone after the first try. Throws INVALID_REQUEST for a message that was not made for this offer.
   */
  open(message: HandoffMessage): Uint8Array;
  /** Drops the private key of an offer that nobody took up. */
  drop(): void;
}

/** Signer's side. Only the published vectors pass a key. */
export function createOffer(privateKey: Secret = Secret.random(KEY_BYTES)): Offer {
  const publicKey = publicOf(privateKey);
  return {
    publicKey: encode(publicKey),
    open(message) {
      if (privateKey.wiped) throw refuse("this offer was used");
      using own = privateKey.copy();
      privateKey.wipe();
      return openMessage(own, publicKey, message);
    },
    drop: () => {
      privateKey.wipe();
    },
  };
}

/** Command's side. `key` opens `sealed`; both come from `signingPart()` of an open vault. */
export function sealFor(publicKey: string, key: Secret, sealed: Uint8Array): HandoffMessage {
  using own = Secret.random(KEY_BYTES);
  const ephemeral = publicOf(own);
  const theirs = decode(publicKey);
  using shared = sharedKey(own, theirs, theirs, ephemeral);
  const box = key.use((bytes) => seal(shared, bytes, AAD));
  return { ephemeral: encode(ephemeral), box: encode(box), sealed: encode(sealed) };
}

const AAD = Buffer.from("x402-vault/1/handoff");

function openMessage(own: Secret, publicKey: Uint8Array, message: HandoffMessage): Uint8Array {
  const ephemeral = decode(message.ephemeral);
  using shared = sharedKey(own, ephemeral, publicKey, ephemeral);
  using key = openSeal(shared, decode(message.box), AAD);
  if (key?.length !== KEY_BYTES) throw refuse("the box was not made for this offer");
  using part = openSeal(key, decode(message.sealed), label("signing"));
  if (part === undefined) throw refuse("the box does not fit the sealed part");
  return part.use((bytes) => Uint8Array.from(bytes));
}

function sharedKey(own: Secret, theirs: Uint8Array, offer: Uint8Array, ephemeral: Uint8Array): Secret {
  using secret = exchange(own, theirs);
  const info = Buffer.concat([AAD, offer, ephemeral]);
  return secret.use((bytes) => {
    const derived = hkdfSync("sha256", bytes, new Uint8Array(), info, KEY_BYTES);
    return Secret.take(new Uint8Array(derived));
  });
}

function exchange(own: Secret, theirs: Uint8Array): Secret {
  if (theirs.length !== KEY_BYTES) throw refuse("an X25519 key has 32 bytes");
  try {
    // OpenSSL refuses points of small order, which would make the shared secret all zeros.
    return Secret.take(diffieHellman({ privateKey: privateObject(own), publicKey: publicObject(theirs) }));
  } catch {
    throw refuse("this is no usable X25519 key");
  }
}

const privateObject = (own: Secret) =>
  own.use((bytes) =>
    createPrivateKey({ key: view(bytes), format: "raw-private", asymmetricKeyType: "x25519" }),
  );

const publicObject = (bytes: Uint8Array) =>
  createPublicKey({ key: view(bytes), format: "raw-public", asymmetricKeyType: "x25519" });

const publicOf = (own: Secret): Uint8Array =>
  createPublicKey(privateObject(own)).export({ format: "raw-public" });

/** The same memory as a Buffer: what is not copied need not be wiped. */
const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const encode = (bytes: Uint8Array): string => view(bytes).toString("base64url");

function decode(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw refuse("not canonical base64url");
  return bytes;
}

const refuse = (detail: string): X402Error => new X402Error("INVALID_REQUEST", detail);
