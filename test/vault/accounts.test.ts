import { entropyToMnemonic, mnemonicToSeedSync } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english";
import fc from "fast-check";
import { bytesToHex } from "viem";
import { mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { Accounts } from "../../vault/accounts.ts";
import { RAIL_NAMES } from "../../protocol/networks.ts";
import { entropyOf, phraseOf, seedOf } from "../../vault/phrase.ts";
import { Secret } from "../../vault/secret.ts";
import { codeOf } from "./code.ts";

const JUNK = "test test test test test test test test test test test junk";
const accounts = await Accounts.load();
const evmFromKey = (key: Secret) => accounts.fromKey({ key });
const evmFromPhrase = (entropy: Secret, index?: number) => accounts.fromPhrase("evm", entropy, index);
const ascii = (text: string) => Secret.take(Buffer.from(text, "latin1"));
const read = (secret: Secret) => secret.use((bytes) => Buffer.from(bytes).toString("latin1"));
const hexOf = (secret: Secret) => secret.use((bytes) => Buffer.from(bytes).toString("hex"));
const entropy = fc
  .constantFrom(16, 20, 24, 28, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

describe("a phrase", () => {
  it("is BIP-39 as @scure/bip39 computes it, both ways and down to the seed", () => {
    fc.assert(
      fc.property(entropy, (bytes) => {
        const phrase = phraseOf(Secret.take(Uint8Array.from(bytes)));
        expect(read(phrase)).toBe(entropyToMnemonic(bytes, wordlist));
        expect(hexOf(entropyOf(phrase))).toBe(Buffer.from(bytes).toString("hex"));
      }),
    );
    const seed = seedOf(entropyOf(ascii(JUNK)));
    expect(hexOf(seed)).toBe(Buffer.from(mnemonicToSeedSync(JUNK)).toString("hex"));
  });

  // https://github.com/trezor/python-mnemonic/blob/master/vectors.json, as BIP-39 names it
  it.each([
    ["00000000000000000000000000000000", `${"abandon ".repeat(11)}about`],
    ["ffffffffffffffffffffffffffffffff", `${"zoo ".repeat(11)}wrong`],
    ["00".repeat(32), `${"abandon ".repeat(23)}art`],
    ["ff".repeat(32), `${"zoo ".repeat(23)}vote`],
  ])("has the published words for %s", (hex, words) => {
    expect(read(phraseOf(Secret.take(Buffer.from(hex, "hex"))))).toBe(words);
    expect(hexOf(entropyOf(ascii(words)))).toBe(hex);
  });

  it("is read in any case, with any white space", () => {
    const expected = hexOf(entropyOf(ascii(JUNK)));
    expect(hexOf(entropyOf(ascii(`\n  ${JUNK.toUpperCase().replaceAll(" ", "\r\n\t ")} \n`)))).toBe(expected);
  });

  it.each([
    ["no words", ""],
    ["eleven words", JUNK.slice(5)],
    ["thirteen words", `${JUNK} test`],
    ["an unknown word", JUNK.replace("junk", "jnuk")],
    ["two words swapped", JUNK.replace("test junk", "junk test")],
    ["a wrong last word", JUNK.replace("junk", "test")],
    ["25 words", `${"abandon ".repeat(24)}art`],
    ["bytes above ASCII", JUNK.replace("junk", "j\u00fcnk")],
  ])("is refused: %s", async (_, words) => {
    expect(await codeOf(() => entropyOf(ascii(words)))).toBe("PHRASE_INVALID");
  });

  it("says where a word is wrong and never which one", () => {
    expect(() => entropyOf(ascii(JUNK.replace("junk", "hunter2")))).toThrow(/word 12 is not in the list/);
    expect(() => entropyOf(ascii(JUNK.replace("junk", "hunter2")))).not.toThrow(/hunter2/);
  });
});

describe("EVM accounts", () => {
  it("are those that every wallet shows for the well-known test phrase", () => {
    const account = evmFromPhrase(entropyOf(ascii(JUNK)));
    expect(account.address).toBe("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    expect(account.origin).toBe("m/44'/60'/0'/0/0");
    expect(hexOf(account.key)).toBe("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    const zero = evmFromPhrase(Secret.take(new Uint8Array(16)));
    expect(zero.address).toBe("0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
  });

  it("are viem's, on random phrases and keys", () => {
    fc.assert(
      fc.property(entropy, fc.nat(1000), (bytes, index) => {
        const mine = evmFromPhrase(Secret.take(Uint8Array.from(bytes)), index);
        const path = `m/44'/60'/0'/0/${index}` as const;
        const theirs = mnemonicToAccount(entropyToMnemonic(bytes, wordlist), { path });
        expect(mine).toMatchObject({ address: theirs.address, origin: path });
      }),
      { numRuns: 10 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        bytes[0] = 1;
        const theirs = privateKeyToAccount(bytesToHex(bytes)).address;
        expect(evmFromKey(Secret.take(bytes)).address).toBe(theirs);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ["zero", "00".repeat(32)],
    ["the group's order", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"],
    ["31 bytes", "01".repeat(31)],
    ["33 bytes", "01".repeat(33)],
    ["nothing", ""],
  ])("are not made from %s", async (_, hex) => {
    expect(await codeOf(() => evmFromKey(Secret.take(Buffer.from(hex, "hex"))))).toBe("PHRASE_INVALID");
  });
});

describe("a path", () => {
  it.each(RAIL_NAMES)("tells the place in the phrase on %s, written in one way", (rail) => {
    fc.assert(
      fc.property(fc.nat(999_999_999), (index) => {
        expect(accounts.placeOf(rail, accounts.path(rail, index))).toEqual({ rail, index });
      }),
    );
    const path = accounts.path(rail, 0);
    const doubled = path.replace(/0(?!.*\/0)/, "00");
    for (const other of [
      "imported",
      "",
      path.slice(0, -1),
      path.slice(1),
      `${path}0`,
      `${path}/0`,
      ` ${path}`,
      doubled,
    ])
      expect(accounts.placeOf(rail, other)).toBeUndefined();
    for (const elsewhere of RAIL_NAMES.filter((name) => name !== rail))
      expect(accounts.placeOf(elsewhere, path)).toBeUndefined();
    expect(accounts.placeOf("bitcoin", path)).toBeUndefined();
  });

  it("is the one of common wallets", () => {
    expect(RAIL_NAMES.map((rail) => accounts.path(rail, 3))).toEqual([
      "m/44'/60'/0'/0/3",
      "m/44'/501'/3'/0'",
      "m/1852'/1815'/3'/0/0",
    ]);
  });
});
