// Cardano's Shelley addresses that a key pays from and to. Source: CIP-19 (bytes), CIP-5 (prefixes), BIP-173 (bech32).
//
// One header byte (type in the upper half, network in the lower), 28 bytes of the payment key's hash, and in a base
// address 28 bytes of the stake credential. Addresses of scripts, pointers and Byron have no place here.
import { bech32 } from "@scure/base";
import type { Caip2 } from "./networks.ts";

const HASH_BYTES = 28;
const BASE = 0; // payment key, stake key
const BASE_WITH_SCRIPT_STAKE = 2;
const ENTERPRISE = 6; // no stake part
const MAINNET = 1;
const TESTNET = 0;
const MAX_LENGTH = 110;

export interface CardanoAddress {
  /** 1 on mainnet, 0 on every test network. */
  readonly networkId: 0 | 1;
  readonly type: 0 | 2 | 6;
  /** The address as it stands in a transaction: 57 bytes, or 29 without a stake part. */
  readonly bytes: Uint8Array;
  /** 28 bytes: BLAKE2b-224 of the payment key. */
  readonly paymentHash: Uint8Array;
}

// Addresses read lately: a wallet pays from one account, and mostly to the same payees.
const lately = new Map<string, CardanoAddress>();
const MOST_LATELY = 1024;

/** Undefined for what is no such address in its one spelling: lower case, right prefix, right checksum. */
export function parseCardanoAddress(text: string): CardanoAddress | undefined {
  const known = lately.get(text);
  if (known) return known;
  const address = parse(text);
  if (lately.size >= MOST_LATELY) lately.clear();
  if (address) lately.set(text, address);
  return address;
}

function parse(text: string): CardanoAddress | undefined {
  if (!/^addr(_test)?1[a-z0-9]+$/.test(text) || text.length > MAX_LENGTH) return undefined;
  const decoded = bech32.decodeUnsafe(text, MAX_LENGTH);
  const bytes = decoded && bech32.fromWordsUnsafe(decoded.words);
  const address = bytes ? cardanoAddressOf(Uint8Array.from(bytes)) : undefined;
  return address && cardanoText(address.bytes) === text ? address : undefined;
}

/** What 29 or 57 bytes mean; undefined for other kinds of address. */
export function cardanoAddressOf(bytes: Uint8Array): CardanoAddress | undefined {
  const [header = 0xff] = bytes;
  const type = header >> 4;
  const networkId = header & 0x0f;
  if (networkId !== MAINNET && networkId !== TESTNET) return undefined;
  if (type !== BASE && type !== BASE_WITH_SCRIPT_STAKE && type !== ENTERPRISE) return undefined;
  const length = 1 + (type === ENTERPRISE ? 1 : 2) * HASH_BYTES;
  if (bytes.length !== length) return undefined;
  return { networkId, type, bytes, paymentHash: bytes.subarray(1, 1 + HASH_BYTES) };
}

/** The one text of an address's bytes. */
export function cardanoText(bytes: Uint8Array): string {
  const prefix = ((bytes[0] ?? 0) & 0x0f) === MAINNET ? "addr" : "addr_test";
  return bech32.encode(prefix, bech32.toWords(bytes), MAX_LENGTH);
}

/** The network id in addresses of a CAIP-2 network; undefined for networks that are not Cardano's. */
export function cardanoNetworkId(network: Caip2): 0 | 1 | undefined {
  if (network === "cardano:mainnet") return MAINNET;
  return network === "cardano:preprod" || network === "cardano:preview" ? TESTNET : undefined;
}

/** The same account as it is written on a network; undefined when it is no address or no network of Cardano. */
export function cardanoAddressOn(network: Caip2, text: string): string | undefined {
  const address = parseCardanoAddress(text);
  const networkId = cardanoNetworkId(network);
  if (!address || networkId === undefined) return undefined;
  const bytes = Uint8Array.from(address.bytes);
  bytes[0] = (address.type << 4) | networkId;
  return cardanoText(bytes);
}
