// What a human or a file gives as a wallet, recognised by its form: a phrase, or a key of one of the rails. And a key
// written again, in a form that is read here.
import { EXTENDED_BYTES, type Ed25519, loadEd25519 } from "../../chains/ed25519.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { BareKey } from "../accounts.ts";
import { entropyOf } from "../phrase.ts";
import type { Secret } from "../secret.ts";
import type { Wallet } from "../vault.ts";
import { fromBase58, toBase58 } from "./base58.ts";
import { fromBech32, toBech32 } from "./bech32.ts";
import { CARDANO_PREFIXES, cardanoKeyOf, readCardanoFile } from "./cardano-key.ts";
import { fromHex, toHex } from "./hex.ts";
import { KEYPAIR_BYTES, pairOf, readKeypairFile, seedOfPair } from "./keypair.ts";

const EVM_BYTES = 32;
const SPACE = 32;

/** Throws PHRASE_INVALID, never with a part of the text. The caller wipes what it gets, and the text. */
export async function readWallet(text: Secret): Promise<Wallet> {
  const ed25519 = await loadEd25519();
  return text.use((bytes) => {
    const trimmed = trim(bytes);
    return evmKey(trimmed) ?? fileKey(trimmed, ed25519) ?? wordsOrLine(text, trimmed, ed25519);
  });
}

/** A key in the form that the rail's own wallets take: hex, base58 of 64 bytes, bech32. The caller wipes it. */
export async function writeKey({
  rail,
  key,
}: {
  readonly rail: string;
  readonly key: Secret;
}): Promise<Secret> {
  if (rail === "evm") return key.use(toHex);
  if (rail === "solana") {
    using pair = pairOf(key, await loadEd25519());
    return pair.use(toBase58);
  }
  return key.use((bytes) => toBech32(bytes.length === EXTENDED_BYTES ? "ed25519e_sk" : "ed25519_sk", bytes));
}

function evmKey(text: Uint8Array): BareKey | undefined {
  const prefixed = text[0] === "0".charCodeAt(0) && ((text[1] ?? 0) | 0x20) === "x".charCodeAt(0);
  const key = fromHex(prefixed ? text.subarray(2) : text, EVM_BYTES);
  return key && { rail: "evm", key };
}

function fileKey(text: Uint8Array, ed25519: Ed25519): BareKey | undefined {
  if (text[0] === "{".charCodeAt(0)) return readCardanoFile(text, ed25519);
  if (text[0] !== "[".charCodeAt(0)) return undefined;
  using pair = readKeypairFile(text);
  return { rail: "solana", key: seedOfPair(pair, ed25519) };
}

function wordsOrLine(whole: Secret, text: Uint8Array, ed25519: Ed25519): Wallet {
  if (text.some((byte) => byte <= SPACE)) return { entropy: entropyOf(whole) };
  if (CARDANO_PREFIXES.some((prefix) => begins(text, `${prefix}1`))) {
    const read = fromBech32(text);
    if (read === undefined)
      throw new X402Error("PHRASE_INVALID", "the checksum of this Cardano key is wrong");
    return cardanoKeyOf(read, ed25519);
  }
  using pair = fromBase58(text, KEYPAIR_BYTES);
  if (pair === undefined) throw new X402Error("PHRASE_INVALID", UNKNOWN, { hint: FORMS });
  return { rail: "solana", key: seedOfPair(pair, ed25519) };
}

const begins = (text: Uint8Array, start: string): boolean =>
  Buffer.compare(text.subarray(0, start.length), Buffer.from(start)) === 0;

const UNKNOWN = "neither 12 to 24 words nor a private key in a form that is known";
const FORMS =
  "EVM: 64 hex digits; Solana: id.json, or 64 bytes in base58; Cardano: .skey of a payment key, ed25519_sk1, ed25519e_sk1, addr_sk1, addr_xsk1, acct_xsk1, root_xsk1";

function trim(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte > SPACE);
  if (start === -1) return bytes.subarray(0, 0);
  return bytes.subarray(start, 1 + bytes.findLastIndex((byte) => byte > SPACE));
}
