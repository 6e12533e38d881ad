// What the Cardano rail makes of bytes and a key, and the slots that stand in the bytes.
import { ed25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { SLOT_CONFIG_NETWORK } from "lucid-cardano";
import { describe, expect, it } from "vitest";
import { slotAt, timeOfSlot } from "../../chains/cardano/slots.ts";
import { cardanoAddressOn, parseCardanoAddress } from "../../protocol/cardano-address.ts";
import {
  ADA,
  KEY,
  PAYEE,
  contextOf,
  drafted,
  holderOf,
  nameOf,
  orderOf,
  rail,
  utxo,
} from "./cardano-orders.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("a signature", () => {
  const seed = new Uint8Array(32).fill(9);
  const key = holderOf(seed);
  const own = rail.addressOf(key);
  const from = cardanoAddressOn("cardano:preprod", own)!;
  const { bytes } = drafted(orderOf(ADA, {}, { from }), contextOf(utxo(1, 10)));

  it("is over the hash of the body, which stands in the transaction as it is", () => {
    const payload = rail.sign(bytes, key) as unknown as { transaction: string; nonce: string };
    expect(rail.sign(bytes, key)).toEqual(payload);
    const transaction = Buffer.from(payload.transaction, "base64");
    const publicKey = ed25519.getPublicKey(seed);
    const signature = ed25519.sign(blake2b(bytes, { dkLen: 32 }), seed);
    expect(hex(transaction)).toBe(
      `84${hex(bytes)}a100818258` + `20${hex(publicKey)}5840${hex(signature)}f5f6`,
    );
    expect(payload.nonce).toBe(nameOf(utxo(1, 10)));
    expect(Object.keys(payload)).toEqual(["transaction", "nonce"]);
  });

  it("is of the address's key, whatever its stake part, and of no other", () => {
    const hash = parseCardanoAddress(own)!.paymentHash;
    expect(hex(hash)).toBe(hex(blake2b(ed25519.getPublicKey(seed), { dkLen: 28 })));
    expect(own.startsWith("addr1v")).toBe(true);
    expect(rail.selfTest(key, own)).toBe(true);
    expect(rail.selfTest(key, from)).toBe(true);
    expect(rail.selfTest(KEY, own)).toBe(false);
    expect(rail.selfTest(key, PAYEE)).toBe(false);
    expect(rail.selfTest(key, "")).toBe(false);
  });
});

it("slots begin when lucid says", () => {
  const networks = {
    Mainnet: "cardano:mainnet",
    Preprod: "cardano:preprod",
    Preview: "cardano:preview",
  } as const;
  for (const [name, network] of Object.entries(networks)) {
    const { zeroTime, zeroSlot, slotLength } = SLOT_CONFIG_NETWORK[name as keyof typeof networks];
    expect(slotLength).toBe(1000);
    expect(slotAt(network, zeroTime / 1000)).toBe(zeroSlot);
    expect(timeOfSlot(network, zeroSlot)).toBe(zeroTime / 1000);
    for (const time of [1_700_000_000, 1_900_000_000])
      expect(timeOfSlot(network, slotAt(network, time)!)).toBe(time);
    expect(slotAt(network, 0)).toBeUndefined();
  }
  expect(slotAt("cardano:sancho", 1_700_000_000)).toBeUndefined();
  expect(timeOfSlot("cardano:sancho", 1)).toBeUndefined();
});
