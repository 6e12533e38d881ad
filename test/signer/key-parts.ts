// What a search of memory looks for: every key that a signer is handed, its halves, and what Ed25519 makes of it.
import { createHash } from "node:crypto";
import type { SignerHome } from "../counterparts/signer.ts";

export interface KeyPart {
  readonly name: string;
  readonly bytes: Buffer;
  /** Is it in memory all the time that the signer is unlocked, once it has paid? */
  readonly held: boolean;
}

const KEYS = ["passphrase", "key of the signing part", "nonce key", "audit key"] as const;

/** Of a home with an account on every rail. */
export function keyParts(home: SignerHome): KeyPart[] {
  const secrets = home.secrets();
  const wallet = home.vault.addresses.map(({ rail }, index) => {
    const bytes = secrets[KEYS.length + index]!;
    return [{ name: `${rail} key`, bytes, held: true }, ...(EXPAND[rail]?.(bytes) ?? [])];
  });
  const others = KEYS.map((name, index) => ({ name, bytes: secrets[index]!, held: index > 1 }));
  return [...others, ...wallet.flat()];
}

const EXPAND: Readonly<Record<string, (key: Buffer) => KeyPart[]>> = {
  /** As libsecp256k1 has numbers, on the stack of its last signature. */
  evm: (key) => [{ name: "evm key backwards", bytes: Buffer.from(key).reverse(), held: true }],
  /** A seed: RFC 8032, section 5.1.5. */
  solana: (seed) => {
    const expanded = createHash("sha512").update(seed).digest();
    expanded[0]! &= 0xf8;
    expanded[31] = (expanded[31]! & 0x7f) | 0x40;
    return halves("solana", expanded, false);
  },
  /** An extended key: scalar and prefix as they are. */
  cardano: (key) => halves("cardano", key, true),
};

function halves(rail: string, key: Buffer, held: boolean): KeyPart[] {
  const scalar = key.subarray(0, 32);
  return [
    { name: `${rail} scalar`, bytes: scalar, held },
    { name: `${rail} prefix`, bytes: key.subarray(32), held },
    { name: `${rail} scalar in digits`, bytes: digitsOf(scalar), held: false },
  ];
}

/** A scalar as it lies on the stack of a multiplication (ge25519_scalarmult_base): 64 digits from -8 to 8, base 16. */
export function digitsOf(scalar: Buffer): Buffer {
  const digits = Int8Array.from({ length: 64 }, (_, at) => (scalar[at >> 1]! >> (4 * (at & 1))) & 15);
  for (let at = 0; at < 63; at++) {
    const carry = (digits[at]! + 8) >> 4;
    digits[at]! -= carry * 16;
    digits[at + 1]! += carry;
  }
  return Buffer.from(digits.buffer);
}
