// The accounts of a phrase are those that common wallets and the specifications' own vectors have, and on random phrases
// those that other libraries derive.
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import { ed25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { entropyToMnemonic, mnemonicToEntropy, mnemonicToSeedSync } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english";
import { Keypair } from "@solana/web3.js";
import fc from "fast-check";
import { C } from "lucid-cardano";
import { describe, expect, it } from "vitest";
import { loadEd25519 } from "../../chains/ed25519.ts";
import { Accounts } from "../../vault/accounts.ts";
import { HARDENED, descend, icarusMaster, isExtended } from "../../vault/bip32-ed25519.ts";
import { Secret } from "../../vault/secret.ts";
import { slip10 } from "../../vault/slip10.ts";
import { JUNK, JUNK_ADDRESS } from "./home.ts";

const accounts = await Accounts.load();
const sodium = await loadEd25519();
const hex = (bytes: Uint8Array | Secret): string =>
  bytes instanceof Secret ? bytes.use(hex) : Buffer.from(bytes).toString("hex");
const secret = (text: string) => Secret.take(Buffer.from(text, "hex"));
const entropyOf = (phrase: string) => Secret.take(Uint8Array.from(mnemonicToEntropy(phrase, wordlist)));
const entropies = fc
  .constantFrom(16, 20, 24, 28, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

const ABANDON = `${"abandon ".repeat(11)}about`;
const WALK = "test walk nut penalty hip pave soap entry language right filter choice";
const COUNTRY = "eight country switch draw meat scout mystery blade tip drift useless good keep usage title";

describe("published phrases", () => {
  it.each([
    ["MetaMask", "evm", ABANDON, 0, "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"],
    ["MetaMask", "evm", JUNK, 0, JUNK_ADDRESS],
    ["Phantom", "solana", JUNK, 0, "oeYf6KAJkLYhBuR8CiGc6L4D4Xtfepr85fuDgA9kq96"],
    ["Phantom", "solana", JUNK, 1, "AqynRZwvVqUPRwRJXvm6odUb3t93fDjnWe3p6BeuUFxD"],
    [
      "Phantom, and solana-keygen with m/44'/501'/0'/0'",
      "solana",
      ABANDON,
      0,
      "HAgk14JpMQLgt6rVgv7cBQFJWFto5Dqxi472uT3DKpqk",
    ],
    [
      "Eternl and Yoroi",
      "cardano",
      ABANDON,
      0,
      "addr1qy8ac7qqy0vtulyl7wntmsxc6wex80gvcyjy33qffrhm7sh927ysx5sftuw0dlft05dz3c7revpf7jx0xnlcjz3g69mq4afdhv",
    ],
    [
      "cardano-serialization-lib's own test of a base address",
      "cardano",
      WALK,
      0,
      "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3jcu5d8ps7zex2k2xt3uqxgjqnnj83ws8lhrn648jjxtwqfjkjv7",
    ],
  ] as const)("have the accounts that %s shows", (_, rail, phrase, index, address) => {
    expect(accounts.fromPhrase(rail, entropyOf(phrase), index).address).toBe(address);
  });

  it("have the payment key of CIP-19's test vectors", () => {
    const { key } = accounts.fromPhrase("cardano", entropyOf(WALK));
    const enterprise = "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8";
    const base =
      "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x";
    expect(accounts.fromKey({ rail: "cardano", key }).address).toBe(enterprise);
    expect(accounts.owns("cardano", key, base)).toBe(true);
  });

  it("have the root of CIP-3's Icarus vector", () => {
    expect(hex(icarusMaster(entropyOf(COUNTRY)))).toBe(
      "c065afd2832cd8b087c4d9ab7011f481ee1e0721e78ea5dd609f3ab3f156d245d176bd8fd4ec60b4731c3918a2a72a0226c0cd119ec35b47e4d55884667f552a23f7fdcd4a10c6cd2c7393ac61d877873e248f417634aa3d812af327ffe9d620",
    );
  });

  // SLIP-0010, test vectors 1 and 2 for ed25519: every node of both chains.
  it.each([
    [
      "000102030405060708090a0b0c0d0e0f",
      [0, 1, 2, 2, 1000000000],
      [
        "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7",
        "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3",
        "b1d0bad404bf35da785a64ca1ac54b2617211d2777696fbffaf208f746ae84f2",
        "92a5b23c0b8a99e37d07df3fb9966917f5d06e02ddbd909c7e184371463e9fc9",
        "30d1dc7e5fc04c31219ab25a27ae00b50f6fd66622f6e9c913253d6511d1e662",
        "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793",
      ],
    ],
    [
      "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542",
      [0, 2147483647, 1, 2147483646, 2],
      [
        "171cb88b1b3c1db25add599712e36245d75bc65a1a5c9e18d76f9f2b1eab4012",
        "1559eb2bbec5790b0c65d8693e4d0875b1747f4970ae8b650486ed7470845635",
        "ea4f5bfe8694d8bb74b7b59404632fd5968b774ed545e810de9c32a4fb4192f4",
        "3757c7577170179c7868353ada796c839135b3d30554bbb74a4b1e4a5a58505c",
        "5837736c89570de861ebc173b1086da4f505d4adb387c6a1b1342d5e4ac9ec72",
        "551d333177df541ad876a60ea71f00447931c0a9da16f227c11ea080d7391b8d",
      ],
    ],
  ])("of SLIP-0010 have its keys: seed %s", (seed, path, keys) => {
    const derived = keys.map((_, depth) => hex(slip10(secret(seed), path.slice(0, depth))));
    expect(derived).toEqual(keys);
  });
});

/** SLIP-0010 by other libraries. */
function solanaOracle(seed: Uint8Array, index: number): { address: string; key: Uint8Array } {
  let node = hmac(sha512, new TextEncoder().encode("ed25519 seed"), seed);
  for (const step of [44, 501, index, 0]) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(step + 0x80000000);
    node = hmac(sha512, node.slice(32), Uint8Array.from([0, ...node.slice(0, 32), ...number]));
  }
  const key = node.slice(0, 32);
  return { key, address: Keypair.fromSeed(key).publicKey.toBase58() };
}

/** The same account from either build of the Rust library. */
function cardanoOracle(lib: typeof C | typeof CSL, entropy: Uint8Array, index: number) {
  const hard = (step: number) => 0x80000000 + step;
  const from = lib.Bip32PrivateKey as typeof CSL.Bip32PrivateKey;
  const account = from
    .from_bip39_entropy(entropy, new Uint8Array())
    .derive(hard(1852))
    .derive(hard(1815))
    .derive(hard(index));
  const payment = account.derive(0).derive(0);
  const stake = account.derive(2).derive(0);
  return { account, payment, stake, key: payment.to_raw_key().as_bytes() };
}

const cslAddress = (payment: Uint8Array, stake: Uint8Array): string => {
  const credential = (bytes: Uint8Array) =>
    CSL.Credential.from_keyhash(CSL.PublicKey.from_bytes(bytes).hash());
  return CSL.BaseAddress.new(1, credential(payment), credential(stake)).to_address().to_bech32();
};

describe("random phrases", () => {
  it("have the Solana accounts of SLIP-0010 by noble and web3.js", () => {
    fc.assert(
      fc.property(entropies, fc.nat(0x7fffffff), (entropy, index) => {
        const mine = accounts.fromPhrase("solana", Secret.take(Uint8Array.from(entropy)), index);
        const theirs = solanaOracle(mnemonicToSeedSync(entropyToMnemonic(entropy, wordlist)), index);
        expect([mine.address, hex(mine.key)]).toEqual([theirs.address, hex(theirs.key)]);
      }),
      { numRuns: 200 },
    );
  });

  it("have the Cardano accounts of the two builds of the Rust library, lucid's and Emurgo's", () => {
    fc.assert(
      fc.property(entropies, fc.nat(0x7fffffff), (entropy, index) => {
        const mine = accounts.fromPhrase("cardano", Secret.take(Uint8Array.from(entropy)), index);
        const emurgo = cardanoOracle(CSL, entropy, index);
        const lucid = cardanoOracle(C, entropy, index);
        expect(hex(mine.key)).toBe(hex(emurgo.key));
        expect(hex(mine.key)).toBe(hex(lucid.key));
        const publics = [emurgo.payment, emurgo.stake].map((node) =>
          node.to_public().to_raw_key().as_bytes(),
        );
        expect(mine.address).toBe(cslAddress(publics[0]!, publics[1]!));
      }),
      { numRuns: 150 },
    );
  });

  it("have, along any path, soft and hard, the nodes of Emurgo's library", () => {
    const step = fc
      .tuple(fc.boolean(), fc.nat(0x7fffffff))
      .map(([hard, index]) => index + (hard ? HARDENED : 0));
    fc.assert(
      fc.property(entropies, fc.array(step, { maxLength: 12 }), (entropy, path) => {
        const root = icarusMaster(Secret.take(Uint8Array.from(entropy)));
        const mine = descend(root, path, sodium);
        const from = CSL.Bip32PrivateKey.from_bip39_entropy(entropy, new Uint8Array());
        const theirs = path.reduce((node, index) => node.derive(index), from);
        expect(hex(mine)).toBe(hex(theirs.as_bytes()));
        expect(mine.use((bytes) => isExtended(bytes.subarray(0, 64)))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("carry every byte of a sum, in both halves", () => {
    // Nodes that no phrase has: long runs of ff make a carry go the whole way.
    const half = fc.oneof(
      fc.constant(new Uint8Array(32).fill(0xff)),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
    );
    fc.assert(
      fc.property(half, half, half, fc.nat(0x7fffffff), (scalar, prefix, chain, index) => {
        const node = Uint8Array.from([...scalar, ...prefix, ...chain]);
        node[0]! &= 0xf8;
        node[31] = (node[31]! & 0x1f) | 0x40;
        const theirs = CSL.Bip32PrivateKey.from_bytes(node);
        for (const step of [index, index + HARDENED]) {
          expect(hex(descend(Secret.copyOf(node), [step], sodium))).toBe(hex(theirs.derive(step).as_bytes()));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("give keys that sign for their addresses", () => {
    fc.assert(
      fc.property(entropies, (entropy) => {
        const message = Buffer.from("a message");
        const { key, address } = accounts.fromPhrase("solana", Secret.take(Uint8Array.from(entropy)));
        const signature = key.use((bytes) => sodium.sign(message, bytes));
        expect(
          ed25519.verify(
            signature,
            message,
            Keypair.fromSeed(key.use((b) => Uint8Array.from(b))).publicKey.toBytes(),
          ),
        ).toBe(true);
        expect(accounts.owns("solana", key, address)).toBe(true);
        const cardano = accounts.fromPhrase("cardano", Secret.take(Uint8Array.from(entropy)));
        const signed = cardano.key.use((bytes) => sodium.sign(message, bytes));
        const publicKey = cardano.key.use((bytes) => sodium.publicKey(bytes));
        expect(
          CSL.PublicKey.from_bytes(publicKey).verify(message, CSL.Ed25519Signature.from_bytes(signed)),
        ).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});
