// The bytes of an EIP-3009 transferWithAuthorization, and back.
//
// draft bytes = 32-byte EIP-712 domain separator || 224-byte struct preimage:
//   type hash | from | to | value | validAfter | validBefore | nonce, each 32 bytes (EIP-712, "encodeData").
// What is hashed and signed is what the outflow is read from: nothing beside these bytes decides anything.
import { type PinnedAsset } from "../../protocol/assets.ts";
import { evmChainId } from "../../protocol/networks.ts";
import { toAddress } from "./address.ts";
import { keccak256 } from "./keccak.ts";

export const DRAFT_BYTES = 256;
const WORD = 32;

const ascii = (text: string): Buffer => Buffer.from(text, "ascii");
const DOMAIN_TYPE = keccak256(
  ascii("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
);
const TRANSFER_TYPE = keccak256(
  ascii(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
  ),
);

export interface Authorization {
  /** 20 bytes each. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly value: bigint;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** 32 bytes. */
  readonly nonce: Uint8Array;
}

const separators = new WeakMap<PinnedAsset, Uint8Array>();

/** The EIP-712 domain separator of a pinned token; its name and version never come from a seller. */
export function domainSeparator(asset: PinnedAsset): Uint8Array {
  const known = separators.get(asset);
  if (known) return known;
  const chainId = evmChainId(asset.network);
  const { name, version } = asset;
  if (chainId === undefined || name === undefined || version === undefined)
    throw new RangeError(`not an EVM asset: ${asset.network}`);
  const words = Buffer.alloc(5 * WORD);
  words.set(DOMAIN_TYPE, 0);
  words.set(keccak256(Buffer.from(name, "utf8")), WORD);
  words.set(keccak256(Buffer.from(version, "utf8")), 2 * WORD);
  writeUint(words, 3, chainId);
  words.set(Buffer.from(asset.address.slice(2), "hex"), 4 * WORD + 12);
  const separator = keccak256(words);
  separators.set(asset, separator);
  return separator;
}

export function encodeAuthorization(asset: PinnedAsset, a: Authorization): Uint8Array {
  const bytes = Buffer.allocUnsafe(DRAFT_BYTES).fill(0); // pooled, unlike alloc
  bytes.set(domainSeparator(asset), 0);
  bytes.set(TRANSFER_TYPE, WORD);
  bytes.set(a.from, 2 * WORD + 12);
  bytes.set(a.to, 3 * WORD + 12);
  writeUint(bytes, 4, a.value);
  writeUint(bytes, 5, a.validAfter);
  writeUint(bytes, 6, a.validBefore);
  bytes.set(a.nonce, 7 * WORD);
  return bytes;
}

/** Undefined for anything that encodeAuthorization cannot have made; never guesses. */
export function decodeAuthorization(bytes: Uint8Array): Authorization | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length !== DRAFT_BYTES || !view.subarray(WORD, 2 * WORD).equals(TRANSFER_TYPE)) return undefined;
  const from = readAccount(view, 2);
  const to = readAccount(view, 3);
  if (!from || !to) return undefined;
  return {
    from,
    to,
    value: readUint(view, 4),
    validAfter: readUint(view, 5),
    validBefore: readUint(view, 6),
    nonce: view.subarray(7 * WORD),
  };
}

/** True when the bytes are for this token: the first word is its domain separator. */
export const isFor = (bytes: Uint8Array, asset: PinnedAsset): boolean =>
  Buffer.compare(bytes.subarray(0, WORD), domainSeparator(asset)) === 0;

/** The EIP-712 digest: keccak256(0x1901 || separator || keccak256(struct preimage)). */
export function digestOf(bytes: Uint8Array): Uint8Array {
  const message = Buffer.allocUnsafe(2 + 2 * WORD);
  message.writeUInt16BE(0x1901, 0);
  message.set(bytes.subarray(0, WORD), 2);
  message.set(keccak256(bytes.subarray(WORD)), 2 + WORD);
  return keccak256(message);
}

/** "0x" and the bytes in hex, without copying them first. */
export const hex = (bytes: Uint8Array): string =>
  `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;

/** The wire form: numbers as decimal strings (x402 "exact" on EVM). */
export const wireAuthorization = (a: Authorization) => ({
  from: toAddress(a.from),
  to: toAddress(a.to),
  value: a.value.toString(),
  validAfter: a.validAfter.toString(),
  validBefore: a.validBefore.toString(),
  nonce: hex(a.nonce),
});

const UINT64 = 1n << 64n;

/** `words` is zero where it is written. */
function writeUint(words: Buffer, index: number, value: bigint): void {
  const end = (index + 1) * WORD;
  for (let at = end - 8, rest = value; rest > 0n; at -= 8, rest /= UINT64)
    words.writeBigUInt64BE(rest % UINT64, at);
}

function readUint(words: Buffer, index: number): bigint {
  const end = (index + 1) * WORD;
  // Nearly every amount and every time fits 64 bits.
  if (isZero(words, index * WORD, end - 8)) return words.readBigUInt64BE(end - 8);
  return BigInt(`0x${words.toString("hex", index * WORD, end)}`);
}

/** A word that holds an account has twelve zero bytes in front. */
function readAccount(words: Buffer, index: number): Uint8Array | undefined {
  const start = index * WORD;
  return isZero(words, start, start + 12) ? words.subarray(start + 12, start + WORD) : undefined;
}

function isZero(words: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 4) if (words.readUInt32BE(at) !== 0) return false;
  return true;
}
