// A wallet as people have it: which forms are read, that wrong ones are refused and named, and that what is written is
// read again. Published keys first, then random ones against other libraries, then whatever comes.
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import { base58, bech32 } from "@scure/base";
import { mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english";
import { Keypair } from "@solana/web3.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { X402Error } from "../../protocol/errors.ts";
import { Accounts, type BareKey } from "../../vault/accounts.ts";
import { fromBase58, toBase58 } from "../../vault/forms/base58.ts";
import { fromBech32, toBech32 } from "../../vault/forms/bech32.ts";
import { readWallet, writeKey } from "../../vault/forms/wallet.ts";
import { Secret } from "../../vault/secret.ts";
import { codeOf } from "./code.ts";
import { JUNK, JUNK_CARDANO, JUNK_SOLANA, ascii, textOf } from "./home.ts";

const accounts = await Accounts.load();
const hex = (bytes: Uint8Array | Secret): string =>
  bytes instanceof Secret ? bytes.use(hex) : Buffer.from(bytes).toString("hex");
const bech = (prefix: string, bytes: Uint8Array) => bech32.encode(prefix, bech32.toWords(bytes), 1000);
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const read = async (text: string): Promise<BareKey> => {
  const wallet = await readWallet(ascii(text));
  if ("entropy" in wallet) throw new Error("a phrase");
  return wallet;
};
const keyed = async (text: string, address?: string) =>
  accounts.fromKey({ ...(await read(text)), ...(address === undefined ? {} : { address }) });

/** Root, account, payment and stake nodes of the junk phrase, by Emurgo's library. */
const root = CSL.Bip32PrivateKey.from_bip39_entropy(mnemonicToEntropy(JUNK, wordlist), new Uint8Array());
const account = [1852, 1815, 0].reduce((node, step) => node.derive(0x80000000 + step), root);
const payment = account.derive(0).derive(0);
const paymentKey = payment.to_raw_key();
const publicOf = (node: CSL.Bip32PrivateKey) => node.to_public().to_raw_key().as_bytes();
const withPublic = (node: CSL.Bip32PrivateKey): Uint8Array => {
  const bytes = node.as_bytes();
  return Uint8Array.from([...bytes.slice(0, 64), ...publicOf(node), ...bytes.slice(64)]);
};
const envelope = (type: string, cborHex: string, description = "Payment Signing Key") =>
  JSON.stringify({ type, description, cborHex }, null, 4);
const NORMAL = "PaymentSigningKeyShelley_ed25519";
const EXTENDED = "PaymentExtendedSigningKeyShelley_ed25519_bip32";
const enterprise = (key: CSL.PublicKey) =>
  CSL.EnterpriseAddress.new(1, CSL.Credential.from_keyhash(key.hash())).to_address().to_bech32();

/** The junk phrase's Solana key as Phantom exports it. */
const PHANTOM = "4Cfc4TJ6dsWwLcw8aJ5uhx7UJKPR5VGXTu2iJr5bVRoTDsxzb6qfJrzR5HNhBcwGwsXqGeHzDR3eUWLr7MRnska8";

describe("a Solana key", () => {
  it("is read as Phantom exports it and as the Solana CLI writes it", async () => {
    const pair = [...base58.decode(PHANTOM)];
    const spaced = `\n[ ${pair.join(" ,\r\n\t")} ]\n`;
    for (const text of [PHANTOM, ` ${PHANTOM}\n`, JSON.stringify(pair), spaced]) {
      const { rail, address, key, origin } = await keyed(text);
      expect([rail, address, origin]).toEqual(["solana", JUNK_SOLANA, "imported"]);
      expect(hex(key)).toBe(hex(Uint8Array.from(pair.slice(0, 32))));
    }
  });

  it("is web3.js's, whatever the key, and is written as it was read", async () => {
    await fc.assert(
      fc.asyncProperty(bytes32, async (seed) => {
        const pair = Keypair.fromSeed(seed);
        for (const text of [base58.encode(pair.secretKey), JSON.stringify([...pair.secretKey])]) {
          const { address, key } = await keyed(text);
          expect(address).toBe(pair.publicKey.toBase58());
          expect(textOf(await writeKey({ rail: "solana", key }))).toBe(base58.encode(pair.secretKey));
        }
      }),
      { numRuns: 200 },
    );
  });

  const pair = [...base58.decode(PHANTOM)];
  const changed = (at: number) => pair.map((byte, index) => (index === at ? byte ^ 1 : byte));
  it.each([
    ["another public key", JSON.stringify(changed(63)), "public half"],
    ["another seed", JSON.stringify(changed(0)), "public half"],
    ["another public key in base58", base58.encode(Uint8Array.from(changed(40))), "public half"],
    ["63 numbers", JSON.stringify(pair.slice(1)), "array of 64 numbers"],
    ["65 numbers", JSON.stringify([...pair, 0]), "array of 64 numbers"],
    ["32 numbers", JSON.stringify(pair.slice(0, 32)), "array of 64 numbers"],
    ["256", JSON.stringify([256, ...pair.slice(1)]), "array of 64 numbers"],
    ["-1", JSON.stringify([-1, ...pair.slice(1)]), "array of 64 numbers"],
    ["a fraction", JSON.stringify([1.5, ...pair.slice(1)]), "array of 64 numbers"],
    ["an exponent", `[1e1,${pair.slice(1).join()}]`, "array of 64 numbers"],
    ["a leading zero", `[00,${pair.slice(1).join()}]`, "array of 64 numbers"],
    ["a long number", `[1000,${pair.slice(1).join()}]`, "array of 64 numbers"],
    ["a string in it", JSON.stringify([String(pair[0]), ...pair.slice(1)]), "array of 64 numbers"],
    ["a comma too many", `[${pair.join()},]`, "array of 64 numbers"],
    ["two arrays", `${JSON.stringify(pair)}[]`, "array of 64 numbers"],
    ["no end", JSON.stringify(pair).slice(0, -1), "array of 64 numbers"],
    ["nothing in it", "[]", "array of 64 numbers"],
    ["the seed alone in base58", base58.encode(Uint8Array.from(pair.slice(0, 32))), "neither"],
    ["an address", JUNK_SOLANA, "neither"],
    ["a digit that base58 has not", PHANTOM.replace("C", "0"), "neither"],
    ["a 1 in front", `1${PHANTOM}`, "neither"],
    ["a digit less", PHANTOM.slice(0, -1), "public half"],
    ["a digit more", `${PHANTOM}z`, "neither"],
  ])("is refused with %s", async (_, text, why) => {
    expect(await codeOf(() => keyed(text))).toBe("PHRASE_INVALID");
    await expect(keyed(text)).rejects.toThrow(why);
  });
});

describe("a Cardano key", () => {
  // PyCardano's own test of an extended key file (test/pycardano/test_key.py).
  const PUBLISHED =
    "5880e8428867ab9cc9304379a3ce0c238a592bd6d2349d2ebaf8a6ed2c6d2974a15ad59c74b6d8fa3edd032c6261a73998b7deafe983b6eeaff8b6fb3fab06bdf8019b693a62bce7a3cad1b9c02d22125767201c65db27484bb67d3cee7df7288d62c099ac0ce4a215355b149fd3114a2a7ef0438f01f8872c4487a61b469e26aae4";

  it("is read from a published file of cardano-cli", async () => {
    const publicKey = CSL.PublicKey.from_bytes(Buffer.from(PUBLISHED.slice(4 + 128, 4 + 192), "hex"));
    const { rail, address, key } = await keyed(envelope(EXTENDED, PUBLISHED));
    expect([rail, address, key.length]).toEqual(["cardano", enterprise(publicKey), 64]);
    expect((await keyed(envelope(EXTENDED, PUBLISHED.toUpperCase(), ""))).address).toBe(address);
    const reordered = `{"cborHex":"${PUBLISHED}","description":"a \\"key\\" \\\\","type":"${EXTENDED}"}\n`;
    expect((await keyed(reordered)).address).toBe(address);
  });

  it("is read in each form of CIP-5, and derived where it is a node above", async () => {
    const own = enterprise(paymentKey.to_public());
    const forms: [string, string][] = [
      [bech("root_xsk", root.as_bytes()), JUNK_CARDANO],
      [bech("acct_xsk", account.as_bytes()), JUNK_CARDANO],
      [bech("acct_xsk", withPublic(account)), JUNK_CARDANO],
      [bech("addr_xsk", payment.as_bytes()), own],
      [bech("addr_xsk", withPublic(payment)), own],
      [paymentKey.to_bech32(), own],
      [envelope(EXTENDED, `5880${hex(withPublic(payment))}`), own],
    ];
    for (const [text, address] of forms) {
      const account = await keyed(text);
      expect([account.address, hex(account.key)]).toEqual([address, hex(paymentKey.as_bytes())]);
    }
  });

  it("is Emurgo's, whatever the seed, and is written as it was read", async () => {
    await fc.assert(
      fc.asyncProperty(bytes32, async (seed) => {
        const theirs = CSL.PrivateKey.from_normal_bytes(seed);
        const forms = [theirs.to_bech32(), bech("addr_sk", seed), envelope(NORMAL, `5820${hex(seed)}`)];
        for (const text of forms) {
          const { address, key } = await keyed(text);
          expect([address, hex(key)]).toEqual([enterprise(theirs.to_public()), hex(seed)]);
          expect(textOf(await writeKey({ rail: "cardano", key }))).toBe(theirs.to_bech32());
        }
      }),
      { numRuns: 200 },
    );
    const { key } = await keyed(paymentKey.to_bech32());
    expect(textOf(await writeKey({ rail: "cardano", key }))).toBe(paymentKey.to_bech32());
  });

  it("takes the address that it belongs to, of any network, and no other", async () => {
    const text = paymentKey.to_bech32();
    const onTestnet = CSL.BaseAddress.from_address(CSL.Address.from_bech32(JUNK_CARDANO))!;
    const test = CSL.BaseAddress.new(0, onTestnet.payment_cred(), onTestnet.stake_cred())
      .to_address()
      .to_bech32();
    for (const address of [JUNK_CARDANO, test])
      expect((await keyed(text, address)).address).toBe(JUNK_CARDANO);
    const theirs = enterprise(CSL.PrivateKey.from_normal_bytes(new Uint8Array(32)).to_public());
    for (const address of [theirs, JUNK_SOLANA, "", JUNK_CARDANO.slice(0, -1), JUNK_CARDANO.toUpperCase()])
      expect(await codeOf(() => keyed(text, address))).toBe("PHRASE_INVALID");
  });

  const seed = "11".repeat(32);
  const pub = withPublic(payment);
  const extended = paymentKey.as_bytes();
  const file = (fields: object) =>
    JSON.stringify({ type: NORMAL, description: "", cborHex: `5820${seed}`, ...fields });
  it.each([
    ["the type of a stake key", file({ type: "StakeSigningKeyShelley_ed25519" }), "no payment signing key"],
    [
      "the type of a public key",
      file({ type: "PaymentVerificationKeyShelley_ed25519" }),
      "no payment signing key",
    ],
    ["a type out of Object's own", file({ type: "constructor" }), "no payment signing key"],
    ["the other length's head", file({ cborHex: `5880${seed}` }), "cborHex"],
    ["a byte less", file({ cborHex: `5820${seed.slice(2)}` }), "cborHex"],
    ["a byte more", file({ cborHex: `5820${seed}00` }), "cborHex"],
    ["no hex", file({ cborHex: `5820${seed.slice(1)}g` }), "cborHex"],
    ["an escape in the hex", file({}).replace("5820", "\\u0035820"), "cborHex"],
    ["a field more", file({ more: "" }), "nothing else"],
    ["a field less", JSON.stringify({ type: NORMAL, cborHex: `5820${seed}` }), "nothing else"],
    ["a field twice", `{"type":"${NORMAL}","type":"${NORMAL}","cborHex":"5820${seed}"}`, "nothing else"],
    ["a number for a text", file({ description: 1 }), "nothing else"],
    ["something behind it", `${file({})} {}`, "nothing else"],
    ["no end", file({}).slice(0, -1), "nothing else"],
    ["an end in a text", file({}).slice(0, 20), "nothing else"],
    ["nothing in it", "{}", "nothing else"],
    [
      "another public key in the file",
      envelope(EXTENDED, `5880${hex(pub.with(70, pub[70]! ^ 1))}`),
      "public key",
    ],
    ["another public key in bech32", bech("addr_xsk", pub.with(70, pub[70]! ^ 1)), "public key"],
    [
      "a scalar that is no multiple of eight",
      bech("ed25519e_sk", extended.with(0, extended[0]! | 1)),
      "scalar",
    ],
    ["a scalar that is too large", bech("ed25519e_sk", extended.with(31, 0x80)), "scalar"],
    ["a scalar that is too small", bech("ed25519e_sk", extended.with(31, 0x3f)), "scalar"],
    ["a wrong checksum", `${paymentKey.to_bech32().slice(0, -1)}q`, "checksum"],
    [
      "upper case in it",
      paymentKey.to_bech32().replace(/[a-z](?=[^a-z]*$)/, (c) => c.toUpperCase()),
      "checksum",
    ],
    ["64 bytes as a seed", bech("ed25519_sk", extended), "32 bytes"],
    ["32 bytes as an extended key", bech("ed25519e_sk", Buffer.from(seed, "hex")), "64 bytes"],
    ["64 bytes as a node", bech("acct_xsk", extended), "96 or 128 bytes"],
    ["a stake key in bech32", bech("stake_sk", Buffer.from(seed, "hex")), "neither"],
    ["a node of no known place", bech("xprv", payment.as_bytes()), "neither"],
    ["an address", JUNK_CARDANO, "neither"],
  ])("is refused with %s", async (_, text, why) => {
    expect(await codeOf(() => keyed(text))).toBe("PHRASE_INVALID");
    await expect(keyed(text)).rejects.toThrow(why);
  });
});

describe("whatever is typed", () => {
  it("is a wallet or PHRASE_INVALID, and no message has a piece of it", async () => {
    const valid = [
      PHANTOM,
      JSON.stringify([...base58.decode(PHANTOM)]),
      envelope(EXTENDED, `5880${hex(withPublic(payment))}`),
      bech("root_xsk", root.as_bytes()),
      paymentKey.to_bech32(),
      "ab".repeat(32),
    ];
    const edit = fc.record({
      text: fc.constantFrom(...valid),
      at: fc.nat(400),
      cut: fc.nat(3),
      put: fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom("1", "0", "\\", '"', ",", "]", "}", " ")),
    });
    const edited = edit.map(({ text, at, cut, put }) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + put + text.slice(place + cut);
    });
    const anything = fc.oneof(
      { weight: 3, arbitrary: edited },
      fc.string(),
      fc.string().map((tail) => `[${tail}`),
      fc.string().map((tail) => `{${tail}`),
      fc.string().map((tail) => `ed25519_sk1${tail}`),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (text) => {
        try {
          const wallet = await readWallet(Secret.take(Buffer.from(text)));
          if ("key" in wallet) accounts.fromKey(wallet);
        } catch (error) {
          if (!(error instanceof X402Error)) throw error;
          expect(error.code).toBe("PHRASE_INVALID");
          const said = `${error.message} ${error.hint}`;
          for (let at = 0; at + 16 <= text.length; at += 8) {
            const piece = text.slice(at, at + 16);
            if (!NAMED.includes(piece)) expect(said).not.toContain(piece);
          }
        }
      }),
      { numRuns: 5000 },
    );
  });

  /** What a message may say, though it stands in a file, too: the names of types. */
  const NAMED = `${NORMAL} ${EXTENDED}`;
});

describe("base58 of secrets", () => {
  it("is @scure/base's, both ways, for every length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(5), (tail, zeros) => {
        const bytes = Uint8Array.from([...new Uint8Array(zeros), ...tail]);
        const text = toBase58(bytes);
        expect(textOf(text)).toBe(base58.encode(bytes));
        expect(hex(text.use((t) => fromBase58(t, bytes.length))!)).toBe(hex(bytes));
        expect(text.use((t) => fromBase58(t, bytes.length + 1))).toBeUndefined();
        if (bytes.length > 0) expect(text.use((t) => fromBase58(t, bytes.length - 1))).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  it("reads what @scure/base reads, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 20, unit: fc.constantFrom(...Array.from("1129ABCHIJNPZOakmlz0")) }),
        fc.nat(16),
        (text, length) => {
          let theirs: Uint8Array | undefined;
          try {
            theirs = base58.decode(text);
          } catch {
            theirs = undefined;
          }
          const mine = fromBase58(Buffer.from(text), length);
          expect(mine && hex(mine)).toBe(theirs?.length === length ? hex(theirs) : undefined);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("bech32 of secrets", () => {
  it("is @scure/base's, both ways", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("addr_xsk", "a", "ed25519_sk"),
        fc.uint8Array({ maxLength: 130 }),
        (prefix, bytes) => {
          const text = textOf(toBech32(prefix, bytes));
          expect(text).toBe(bech(prefix, bytes));
          const back = fromBech32(Buffer.from(text));
          expect(back && [back.prefix, hex(back.bytes)]).toEqual([prefix, hex(bytes)]);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("refuses bits left over, which are not zero or a digit too many", () => {
    const words = bech32.toWords(Uint8Array.of(0xff));
    for (const wrong of [[...words, 0], [words[0]!, words[1]! | 1], [words[0]!]])
      expect(fromBech32(Buffer.from(bech32.encode("addr_xsk", wrong)))).toBeUndefined();
    expect(fromBech32(Buffer.from(bech32.encode("addr_xsk", words)))).toBeDefined();
  });

  it("finds every digit that was changed", () => {
    const text = bech("addr_xsk", payment.as_bytes());
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom(...Array.from("qpzry9x8gf2tvdw0s3jn54khce6mua7l1")),
        (at, digit) => {
          fc.pre(text[at] !== digit && at >= "addr_xsk1".length);
          expect(fromBech32(Buffer.from(text.slice(0, at) + digit + text.slice(at + 1)))).toBeUndefined();
        },
      ),
      { numRuns: 1000 },
    );
  });
});
