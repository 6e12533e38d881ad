// A vault with accounts on three rails: each has its own payer, its own imports and its own place in the phrase, and a
// vault of the time before gains what its phrase has.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import { base58 } from "@scure/base";
import { describe, expect, it } from "vitest";
import { RAIL_NAMES } from "../../protocol/networks.ts";
import { Accounts } from "../../vault/accounts.ts";
import { openSigning, sealFile, sealSigning } from "../../vault/content.ts";
import { decode } from "../../vault/format.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { entropyOf } from "../../vault/phrase.ts";
import { Secret } from "../../vault/secret.ts";
import { type OpenVault, type Wallet, create, open, readHeader } from "../../vault/vault.ts";
import { unwrap } from "../../vault/wrap.ts";
import { codeOf } from "./code.ts";
import {
  JUNK,
  JUNK_ADDRESS,
  JUNK_CARDANO,
  JUNK_SOLANA,
  PASSPHRASE,
  ascii,
  createJunk,
  createOld,
  privateFolder,
  textOf,
} from "./home.ts";

const accounts = await Accounts.load();
const folder = privateFolder();
let count = 0;
const fresh = () => join(folder, `vault ${count++}.enc`);
const make = (path: string, wallet: Wallet, used = {}) =>
  create(path, ascii(PASSPHRASE), { wallet, used, cost: LOWEST_COST });
const lines = (vault: OpenVault) =>
  vault.addresses.map(({ rail, address, retired }) => `${rail} ${address}${retired ? " retired" : ""}`);
const junkAt = (rail: (typeof RAIL_NAMES)[number], index: number) =>
  accounts.fromPhrase(rail, entropyOf(ascii(JUNK)), index).address;
const SEED = new Uint8Array(32).fill(0x42);
const seed = () => Secret.copyOf(SEED);

describe("a vault from a key", () => {
  it.each(RAIL_NAMES)("has one account: %s", async (rail) => {
    const path = fresh();
    using vault = await make(path, { rail, key: seed() });
    expect(vault.addresses).toMatchObject([{ rail, origin: "imported", retired: false }]);
    vault.check();
    await vault.change({});
    expect(await vault.complete()).toEqual([]);
    expect(readHeader(path)).toMatchObject({ generation: 2, accounts: [{ rail }] });
    expect(vault.imports().map(({ key }) => key.use((bytes) => [...bytes]))).toEqual([[...SEED]]);
  });

  it("takes a key of each other rail beside it, and one of the same in its place", async () => {
    const path = fresh();
    using vault = await make(path, { key: seed() });
    await vault.change({ rail: "solana", key: seed() });
    await vault.change({ rail: "cardano", key: seed() });
    const [evm, solana, cardano] = lines(vault);
    expect(lines(vault).every((line) => !line.includes("retired"))).toBe(true);
    expect(solana).toBe(
      `solana ${base58.encode(CSL.PrivateKey.from_normal_bytes(SEED).to_public().as_bytes())}`,
    );
    await vault.change({ rail: "solana", key: Secret.random(32) });
    expect(lines(vault).toSpliced(2, 1)).toEqual([evm, `${solana!} retired`, cardano]);
    expect(vault.imports()).toHaveLength(4);
    using again = await open(path, ascii(PASSPHRASE));
    again.check();
  });

  it("is refused for what is no key of the rail", async () => {
    const path = fresh();
    using vault = await make(path, { key: seed() });
    const before = readFileSync(path);
    for (const [rail, length] of [
      ["evm", 64],
      ["solana", 64],
      ["solana", 31],
      ["cardano", 33],
      ["cardano", 96],
    ] as const) {
      const key = Secret.take(new Uint8Array(length).fill(0xff));
      expect(await codeOf(() => vault.change({ rail, key }))).toBe("PHRASE_INVALID");
      expect(await codeOf(() => make(fresh(), { rail, key }))).toBe("PHRASE_INVALID");
    }
    const wrong = { rail: "cardano", key: seed(), address: JUNK_CARDANO } as const;
    expect(await codeOf(() => vault.change(wrong))).toBe("PHRASE_INVALID");
    expect(readFileSync(path)).toEqual(before);
  });

  it("keeps one Cardano key once, though it pays from two addresses", async () => {
    const path = fresh();
    using vault = await make(path, { rail: "cardano", key: seed() });
    const enterprise = vault.addresses[0]!.address;
    const hash = CSL.PrivateKey.from_normal_bytes(SEED).to_public().hash();
    const stake = CSL.BaseAddress.from_address(CSL.Address.from_bech32(JUNK_CARDANO))!.stake_cred();
    const address = CSL.BaseAddress.new(1, CSL.Credential.from_keyhash(hash), stake).to_address().to_bech32();
    await vault.change({ rail: "cardano", key: seed(), address });
    expect(lines(vault)).toEqual([`cardano ${enterprise} retired`, `cardano ${address}`]);
    vault.check();
    await vault.change({ rail: "cardano", key: seed() });
    expect(lines(vault)).toEqual([`cardano ${address} retired`, `cardano ${enterprise}`]);
    expect(
      vault
        .imports()
        .map((key) => key.address)
        .sort(),
    ).toEqual([address, enterprise].sort());
    (await open(path, ascii(PASSPHRASE))).check();
  });
});

describe("a new account on one rail", () => {
  it.each(RAIL_NAMES)("leaves the others alone, and the phrase brings all of them back: %s", async (rail) => {
    const path = fresh();
    using vault = await createJunk(path);
    const others = lines(vault).filter((line) => !line.startsWith(rail));
    await vault.change({ rail, next: true });
    await vault.change({ rail, next: true });
    expect(lines(vault).filter((line) => !line.startsWith(rail))).toEqual(others);
    const own = lines(vault).filter((line) => line.startsWith(rail));
    expect(own).toEqual([
      `${rail} ${junkAt(rail, 0)} retired`,
      `${rail} ${junkAt(rail, 1)} retired`,
      `${rail} ${junkAt(rail, 2)}`,
    ]);
    expect([...vault.used()].sort()).toEqual(RAIL_NAMES.map((name) => [name, name === rail ? 3 : 1]).sort());
    vault.check();
    const used = Object.fromEntries(vault.used());
    using again = await make(fresh(), { entropy: entropyOf(ascii(JUNK)) }, used);
    expect(lines(again).sort()).toEqual(lines(vault).sort());
    again.check();
  });

  it("of a vault without a phrase brings the phrase's accounts to the rails that had none, and to no other", async () => {
    using vault = await make(fresh(), { rail: "solana", key: seed() });
    const [imported] = lines(vault);
    const gained = await vault.change({ rail: "cardano", entropy: entropyOf(ascii(JUNK)) });
    expect(gained.map(({ rail }) => rail)).toEqual(["evm"]);
    expect(lines(vault)).toEqual([imported, `cardano ${JUNK_CARDANO}`, `evm ${JUNK_ADDRESS}`]);
    vault.check();
    await vault.change({ rail: "solana", next: true });
    expect(lines(vault)[1]).toBe(`solana ${JUNK_SOLANA}`);
    vault.check();
  });
});

describe("a vault of the time before", () => {
  it("still opens, and is whole", async () => {
    const path = fresh();
    await createOld(path);
    const before = readFileSync(path);
    using vault = await open(path, ascii(PASSPHRASE));
    expect(lines(vault)).toEqual([`evm ${JUNK_ADDRESS}`]);
    vault.check();
    expect(textOf(vault.phrase()!)).toBe(JUNK);
    expect(readFileSync(path)).toEqual(before);
  });

  it.each([
    ["no more", {}],
    ["a ledger", { ledgerId: "abcd" }],
    ["another passphrase", { passphrase: ascii(PASSPHRASE) }],
    ["another data key", { newDataKey: true, passphrase: ascii(PASSPHRASE) }],
  ] as const)("gains the phrase's other accounts with the next change: %s", async (_, edit) => {
    const path = fresh();
    await createOld(path);
    using vault = await open(path, ascii(PASSPHRASE));
    const gained = await vault.change(edit);
    expect(gained).toEqual([
      { rail: "solana", address: JUNK_SOLANA, origin: "m/44'/501'/0'/0'", retired: false },
      { rail: "cardano", address: JUNK_CARDANO, origin: "m/1852'/1815'/0'/0/0", retired: false },
    ]);
    expect(await vault.change({})).toEqual([]);
    using again = await open(path, ascii(PASSPHRASE));
    expect(lines(again)).toEqual([`evm ${JUNK_ADDRESS}`, `solana ${JUNK_SOLANA}`, `cardano ${JUNK_CARDANO}`]);
    again.check();
  });

  it("can be completed, once, at the cost of one generation", async () => {
    const path = fresh();
    await createOld(path, "abcd");
    using vault = await open(path, ascii(PASSPHRASE));
    expect((await vault.complete()).map(({ rail }) => rail)).toEqual(["solana", "cardano"]);
    expect(readHeader(path)).toMatchObject({ generation: 2, ledgerId: "abcd" });
    expect(await vault.complete()).toEqual([]);
    expect(readHeader(path).generation).toBe(2);
  });

  it("gives an imported key its rail, and gains the rest", async () => {
    const path = fresh();
    await createOld(path);
    using vault = await open(path, ascii(PASSPHRASE));
    const gained = await vault.change({ rail: "solana", key: seed() });
    expect(gained.map(({ rail }) => rail)).toEqual(["cardano"]);
    expect(vault.addresses.map(({ rail, origin }) => `${rail} ${origin}`)).toEqual([
      "evm m/44'/60'/0'/0/0",
      "solana imported",
      "cardano m/1852'/1815'/0'/0/0",
    ]);
    vault.check();
  });
});

describe("the check", () => {
  it.each([
    ["another account's address on Solana", 1, { address: junkAt("solana", 5) }],
    ["another account's address on Cardano", 2, { address: junkAt("cardano", 5) }],
    ["the same payment key with another stake key", 2, { address: "enterprise" }],
    ["another place of the phrase", 1, { origin: "m/44'/501'/1'/0'" }],
    ["another rail's path", 1, { origin: "m/44'/60'/0'/0/0" }],
    ["a rail that is not known", 1, { rail: "bitcoin" }],
  ] as const)("finds %s in header and signing part", async (_, at, change) => {
    const path = fresh();
    (await createJunk(path)).close();
    const { file } = decode(readFileSync(path));
    const dataKey = await unwrap(file, ascii(PASSPHRASE));
    const part = openSigning(file, dataKey);
    const own = part.accounts[at]!.key;
    const swapped = {
      ...change,
      ...("address" in change && change.address === "enterprise"
        ? { address: accounts.fromKey({ rail: "cardano", key: own }).address }
        : {}),
    };
    const { origin: _origin, ...inPart } = { origin: "", ...swapped };
    const signing = part.accounts.map((account, index) =>
      index === at ? { ...account, ...inPart } : account,
    );
    const listed = file.header.accounts.map((line, index) => (index === at ? { ...line, ...swapped } : line));
    const forged = {
      ...file,
      header: { ...file.header, accounts: listed },
      signing: sealSigning({ ...part, accounts: signing }, dataKey),
    };
    writeFileSync(path, sealFile(forged, dataKey));
    using vault = await open(path, ascii(PASSPHRASE));
    const check = (): void => {
      vault.check();
    };
    expect(await codeOf(check)).toBe("VAULT_DAMAGED");
  });
});
