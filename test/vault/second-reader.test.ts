// A second reader of the vault, written from docs/vault-format.md alone and with other libraries than vault/ uses.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import { gcm } from "@noble/ciphers/aes.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { argon2id } from "@noble/hashes/argon2.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { base58 } from "@scure/base";
import { entropyToMnemonic, mnemonicToEntropy, mnemonicToSeedSync } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english";
import { mnemonicToAccount, privateKeyToAddress } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { createOffer, sealFor } from "../../vault/handoff.ts";
import { create } from "../../vault/vault.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { Secret } from "../../vault/secret.ts";
import {
  JUNK,
  JUNK_ADDRESS,
  JUNK_CARDANO,
  JUNK_SOLANA,
  PASSPHRASE,
  ascii,
  createJunk,
  privateFolder,
} from "./home.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

class Fields {
  readonly #bytes: Uint8Array;
  #at: number;
  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }
  take(length: number): Uint8Array {
    return Uint8Array.from(this.#bytes.slice(this.#at, (this.#at += length)));
  }
  uint(size: number): number {
    return Number(`0x${hex(this.take(size))}`);
  }
  text(): string {
    return new TextDecoder().decode(this.take(this.uint(1)));
  }
  bytes16(): Uint8Array {
    return this.take(this.uint(2));
  }
  times<T>(read: () => T): T[] {
    return Array.from({ length: this.uint(1) }, read);
  }
}

const openSeal = (key: Uint8Array, sealed: Uint8Array, aad: string | Uint8Array) =>
  gcm(key, sealed.slice(0, 12), typeof aad === "string" ? utf8(aad) : aad).decrypt(sealed.slice(12));

function readVault(file: Uint8Array, passphrase: string) {
  const fields = new Fields(file, 22);
  const id = fields.take(16);
  const [m, t, p] = [fields.uint(4), fields.uint(4), fields.uint(4)];
  const wrappingKey = argon2id(utf8(passphrase), fields.take(16), { m, t, p, dkLen: 32 });
  const wrapAad = Buffer.concat([utf8("x402-vault/1/wrap"), file.slice(22, 66)]);
  const dataKey = openSeal(wrappingKey, fields.take(60), Uint8Array.from(wrapAad));
  const subkey = (purpose: string) => hkdf(sha256, dataKey, id, utf8(`x402-vault/1/${purpose}`), 32);
  expect(hex(hmac(sha256, subkey("seal"), file.slice(0, -64)))).toBe(hex(file.slice(-64, -32)));
  expect(hex(sha256(file.slice(0, -32)))).toBe(hex(file.slice(-32)));
  const [generation, ledger] = [fields.uint(8), fields.text()];
  const accounts = fields.times(() => [fields.text(), fields.text(), fields.text(), fields.uint(1)]);
  const signing = new Fields(
    openSeal(subkey("signing"), fields.bytes16(), "x402-vault/1/signing"),
    1 + 16 + 8,
  );
  const recovery = new Fields(openSeal(subkey("recovery"), fields.bytes16(), "x402-vault/1/recovery"), 1);
  return {
    generation,
    ledger,
    accounts,
    signing: {
      ledger: signing.text(),
      accounts: signing.times(() => [
        signing.text(),
        signing.text(),
        signing.uint(1),
        hex(signing.bytes16()),
      ]),
      nonceKey: hex(signing.take(32)),
    },
    entropy: recovery.take(recovery.uint(1)),
    imports: recovery.times(() => [recovery.text(), hex(recovery.bytes16())]),
  };
}

/** Address and key of an account by its path, as the page has it for each rail. */
function derive(phrase: string, rail: string, path: string): [string, string] {
  if (rail === "evm") {
    const account = mnemonicToAccount(phrase, { path: path as "m/44'/60'/0'/0/0" });
    return [account.address, hex(account.getHdKey().privateKey!)];
  }
  const steps = path.split("/").slice(1);
  const indexes = steps.map((step) => Number.parseInt(step, 10) + (step.endsWith("'") ? 0x80000000 : 0));
  if (rail === "cardano") return deriveCardano(phrase, indexes);
  const master = hmac(sha512, utf8("ed25519 seed"), mnemonicToSeedSync(phrase));
  const node = indexes.reduce((above, index) => {
    const number = Uint8Array.from([24, 16, 8, 0].map((shift) => (index >>> shift) & 255));
    return hmac(sha512, above.slice(32), Uint8Array.from([0, ...above.slice(0, 32), ...number]));
  }, master);
  return [base58.encode(ed25519.getPublicKey(node.slice(0, 32))), hex(node.slice(0, 32))];
}

function deriveCardano(phrase: string, indexes: readonly number[]): [string, string] {
  const root = CSL.Bip32PrivateKey.from_bip39_entropy(mnemonicToEntropy(phrase, wordlist), new Uint8Array());
  const at = (path: readonly number[]) => path.reduce((node, index) => node.derive(index), root).to_raw_key();
  const [payment, stake] = [at(indexes), at([...indexes.slice(0, 3), 2, 0])];
  const credential = (key: CSL.PrivateKey) => CSL.Credential.from_keyhash(key.to_public().hash());
  const address = CSL.BaseAddress.new(1, credential(payment), credential(stake)).to_address();
  return [address.to_bech32(), hex(payment.as_bytes())];
}

describe("a second reader", () => {
  const folder = privateFolder();

  it("reads the worked example", () => {
    const path = fileURLToPath(new URL("../vectors/vault/file/phrase.json", import.meta.url));
    const { input } = JSON.parse(readFileSync(path, "utf8")) as {
      input: { file: string; passphrase: string };
    };
    const vault = readVault(Uint8Array.from(Buffer.from(input.file, "hex")), input.passphrase);
    expect(entropyToMnemonic(vault.entropy, wordlist)).toBe(JUNK);
    expect(vault.signing.nonceKey).toBe("a0".repeat(32));
  });

  it("reads what the vault writes, after every kind of change", async () => {
    const path = join(folder, "vault.enc");
    using vault = await createJunk(path);
    await vault.change({ ledgerId: "abcd" });
    const key = Secret.random(32);
    await vault.change({ key });
    await vault.change({
      passphrase: Secret.take(Buffer.from("päss wörd")),
      cost: { ...LOWEST_COST, lanes: 2 },
    });
    const read = readVault(Uint8Array.from(readFileSync(path)), "päss wörd");
    const keyHex = key.use((bytes) => hex(bytes));
    const imported = privateKeyToAddress(`0x${keyHex}`);
    expect(read).toMatchObject({ generation: 4, ledger: "abcd", imports: [["evm", keyHex]] });
    expect(read.accounts).toEqual([
      ["evm", JUNK_ADDRESS, "m/44'/60'/0'/0/0", 1],
      ["evm", imported, "imported", 0],
      ["solana", JUNK_SOLANA, "m/44'/501'/0'/0'", 0],
      ["cardano", JUNK_CARDANO, "m/1852'/1815'/0'/0/0", 0],
    ]);
    expect(read.signing.accounts[1]).toEqual(["evm", imported, 0, keyHex]);
    expect(read.signing.ledger).toBe("abcd");
    expect(entropyToMnemonic(read.entropy, wordlist)).toBe(JUNK);
  });

  it("reads a vault that was rotated and moved, and derives its accounts by their paths", async () => {
    const path = join(folder, "rotated.enc");
    using vault = await createJunk(path);
    const before = readVault(Uint8Array.from(readFileSync(path)), PASSPHRASE);
    await vault.change({ ledgerId: "abcd" });
    await vault.change({ next: true });
    await vault.change({ next: true, rail: "solana" });
    await vault.change({ newDataKey: true, passphrase: ascii("another passphrase") });
    await vault.change({ moveTo: "ef01" });
    const read = readVault(Uint8Array.from(readFileSync(path)), "another passphrase");
    expect(read).toMatchObject({ generation: 6, ledger: "ef01", imports: [] });
    expect(read.signing.nonceKey).toBe(before.signing.nonceKey);
    const phrase = entropyToMnemonic(read.entropy, wordlist);
    const derived = read.accounts.map(([rail, , origin]) => derive(phrase, String(rail), String(origin)));
    expect(derived).toEqual(read.accounts.map(([, address], at) => [address, read.signing.accounts[at]![3]]));
    expect(read.accounts.map(([rail, , , retired]) => [rail, retired])).toEqual([
      ["evm", 1],
      ["evm", 0],
      ["solana", 1],
      ["solana", 0],
      ["cardano", 0],
    ]);
  });

  it("takes the signer's side of the hand-off, and the command's", async () => {
    const path = join(folder, "handed.enc");
    using vault = await create(path, ascii(PASSPHRASE), {
      wallet: { key: Secret.random(32) },
      cost: LOWEST_COST,
    });
    const { sealed, key } = vault.signingPart();
    const own = x25519.utils.randomSecretKey();
    const S = x25519.getPublicKey(own);
    const message = sealFor(Buffer.from(S).toString("base64url"), key, sealed);
    const [E, box] = [message.ephemeral, message.box].map((t) =>
      Uint8Array.from(Buffer.from(t, "base64url")),
    );
    const info = Uint8Array.from([...utf8("x402-vault/1/handoff"), ...S, ...E!]);
    const shared = hkdf(sha256, x25519.getSharedSecret(own, E!), undefined, info, 32);
    const signingKey = openSeal(shared, box!, "x402-vault/1/handoff");
    expect(hex(signingKey)).toBe(key.use(hex));
    const part = openSeal(signingKey, sealed, "x402-vault/1/signing");
    const offer = createOffer();
    expect(hex(offer.open(sealFor(offer.publicKey, key, sealed)))).toBe(hex(part));
  });
});
