// Random payments, and the same ones in viem's terms.
import fc from "fast-check";
import type { Address, Hex, TypedDataDefinition } from "viem";
import { toAddress } from "../../chains/evm/address.ts";
import type { Authorization } from "../../chains/evm/eip3009.ts";
import type { Order } from "../../chains/rail.ts";
import type { PinnedAsset } from "../../protocol/assets.ts";

// SEC 2, section 2.4.1.
export const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Random, and every shape of number at its edges. */
export const uint256 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  fc.integer({ min: 0, max: 256 }).map((bits) => (1n << BigInt(bits)) - 1n),
  fc.integer({ min: 0, max: 255 }).map((bits) => 1n << BigInt(bits)),
);
export const account = bytes(20);

export const asset: fc.Arbitrary<PinnedAsset> = fc.record({
  network: fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }).map((id) => `eip155:${id}` as const),
  address: account.map(toAddress),
  symbol: fc.constant("TEST"),
  decimals: fc.constant(6),
  // viem leaves an empty version out of the domain; a policy takes neither.
  name: fc.string({ unit: "grapheme", minLength: 1 }),
  version: fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
  pegged: fc.boolean(),
});

export const authorization: fc.Arbitrary<Authorization> = fc.record({
  from: account,
  to: account,
  value: uint256,
  validAfter: uint256,
  validBefore: uint256,
  nonce: bytes(32),
});

/** A private key as bytes: 1 to the order of secp256k1 minus 1, edges among them. */
export const privateKey = fc
  .oneof(
    fc.bigInt({ min: 1n, max: SECP256K1_ORDER - 1n }),
    fc.constantFrom(1n, 2n, SECP256K1_ORDER - 1n, SECP256K1_ORDER / 2n),
  )
  .map((scalar) => Buffer.from(scalar.toString(16).padStart(64, "0"), "hex"));

export const hex = (value: Uint8Array): Hex => `0x${Buffer.from(value).toString("hex")}`;

const addressOf = (bytes: Uint8Array): Address => toAddress(bytes) as Address;

/** The payment as EIP-712 typed data (EIP-3009, "transferWithAuthorization"). */
export const typedData = (token: PinnedAsset, a: Authorization) =>
  ({
    domain: {
      name: token.name!,
      version: token.version!,
      chainId: BigInt(token.network.slice("eip155:".length)),
      verifyingContract: token.address as Address,
    },
    types: {
      TransferWithAuthorization: [
        { name: "from", type: "address" },
        { name: "to", type: "address" },
        { name: "value", type: "uint256" },
        { name: "validAfter", type: "uint256" },
        { name: "validBefore", type: "uint256" },
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "TransferWithAuthorization",
    message: {
      from: addressOf(a.from),
      to: addressOf(a.to),
      value: a.value,
      validAfter: a.validAfter,
      validBefore: a.validBefore,
      nonce: hex(a.nonce),
    },
  }) as const satisfies TypedDataDefinition;

export const PAYER = "0x2222222222222222222222222222222222222222";

/** An order that a rail drafts, with what a test wants to be otherwise. */
export function orderOf(
  token: PinnedAsset,
  change: { payTo?: string; amount?: bigint; method?: string } = {},
): Order {
  return {
    asset: token,
    from: PAYER,
    nonce: new Uint8Array(32).fill(7),
    validBefore: 1_900_000_000,
    lockedUntil: () => undefined,
    intent: {
      id: "0123456789abcdef",
      scheme: "exact",
      network: token.network,
      asset: token.address,
      payTo: change.payTo ?? "0x1111111111111111111111111111111111111111",
      amount: change.amount ?? 10_000n,
      maxTimeoutSeconds: 60,
      ...(change.method === undefined ? {} : { extra: { assetTransferMethod: change.method } }),
      claims: {},
    },
  };
}
