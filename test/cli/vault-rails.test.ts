// x402-vault with accounts on three rails: what is imported, shown, given out again and handed to the signer.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import { Keypair } from "@solana/web3.js";
import { base58, bech32 } from "@scure/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readHeader } from "../../vault/vault.ts";
import { hasPty } from "../counterparts/pty.ts";
import {
  JUNK,
  JUNK_ADDRESS,
  JUNK_CARDANO,
  JUNK_SOLANA,
  PASSPHRASE,
  createJunk,
  createOld,
  paying,
  privateFolder,
} from "../vault/home.ts";
import { CHEAP, atTerminal, environment, vault } from "./vault-command.ts";

const SIGNER = fileURLToPath(new URL("../../bin/x402-signer.ts", import.meta.url));
const base = privateFolder();
let home: string;
let signer: ChildProcess | undefined;
let count = 0;

beforeEach(() => {
  home = join(base, `r${count++}`);
  mkdirSync(home, { mode: 0o700 });
});

afterEach(async () => {
  if (signer?.exitCode !== null) return;
  const gone = once(signer, "exit");
  signer.kill("SIGTERM");
  await gone;
});

const vaultFile = () => join(home, "vault.enc");
const file = (name: string, content: string): string => {
  const path = join(home, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
};
const passphrase = () => ["--passphrase-file", file("passphrase", PASSPHRASE)];
const importFile = (content: string, ...more: string[]) =>
  vault(home, ["import", "--from", file("key", content), ...passphrase(), ...CHEAP, ...more]);
const check = async () => (await vault(home, ["check", vaultFile(), ...passphrase()])).status;

const SEED = new Uint8Array(32).fill(0x42);
const EVM = { text: "42".repeat(32), address: "0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D025" };
const pair = Keypair.fromSeed(SEED);
const SOLANA = { text: `[${[...pair.secretKey].join()}]\n`, address: pair.publicKey.toBase58() };
const cardanoKey = CSL.PrivateKey.from_normal_bytes(SEED);
const hash = CSL.Credential.from_keyhash(cardanoKey.to_public().hash());
const stake = CSL.BaseAddress.from_address(CSL.Address.from_bech32(JUNK_CARDANO))!.stake_cred();
const CARDANO = {
  text: `{
    "type": "PaymentSigningKeyShelley_ed25519",
    "description": "Payment Signing Key",
    "cborHex": "5820${"42".repeat(32)}"
}\n`,
  address: CSL.EnterpriseAddress.new(1, hash).to_address().to_bech32(),
  base: CSL.BaseAddress.new(1, hash, stake).to_address().to_bech32(),
  onTestnet: CSL.BaseAddress.new(0, hash, stake).to_address().to_bech32(),
};

describe("import", () => {
  it("makes a vault from a key of one rail, which keys of the others join", async () => {
    expect(await importFile(SOLANA.text)).toMatchObject({ status: 0, stdout: `solana  ${SOLANA.address}\n` });
    const cardano = await importFile(CARDANO.text);
    expect(cardano).toMatchObject({ status: 0, stdout: `cardano  ${CARDANO.address}\n` });
    expect(cardano.stderr).toContain("This account pays from the next unlock on.");
    expect(await importFile(EVM.text)).toMatchObject({ status: 0, stdout: `evm  ${EVM.address}\n` });
    const { stdout } = await vault(home, ["addresses"]);
    expect(stdout.match(/pays/g)).toHaveLength(3);
    expect(await check()).toBe(0);
    expect(readHeader(vaultFile()).generation).toBe(3);
  });

  it("replaces on its own rail, and only when told to", async () => {
    await importFile(SOLANA.text);
    await importFile(EVM.text);
    const before = readFileSync(vaultFile());
    const other = base58.encode(Keypair.generate().secretKey);
    const refused = await importFile(other);
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toContain(SOLANA.address);
    expect(refused.stderr).not.toContain(EVM.address);
    expect(readFileSync(vaultFile())).toEqual(before);
    const done = await importFile(other, "--replace");
    expect(done).toMatchObject({ status: 0 });
    expect(done.stderr).toContain("the one before it is retired");
    expect(readHeader(vaultFile()).accounts.map(({ rail, retired }) => [rail, retired])).toEqual([
      ["solana", true],
      ["solana", false],
      ["evm", false],
    ]);
    expect(await check()).toBe(0);
  });

  it("takes the address of a Cardano key in either form, and no other's", async () => {
    for (const address of [JUNK_CARDANO, "addr1nonsense"]) {
      const refused = await importFile(CARDANO.text, "--address", address);
      expect(refused).toMatchObject({ status: 2, stdout: "" });
      expect(refused.stderr).toContain("the address is");
    }
    for (const [given, content] of [
      [CARDANO.base, SOLANA.text],
      [EVM.address, EVM.text],
      [JUNK_CARDANO, JUNK],
    ] as const) {
      const refused = await importFile(content, "--address", given);
      expect(refused.status).toBe(2);
      expect(refused.stderr).toContain("--address is for a Cardano payment key");
    }
    expect(readdirSync(home).sort()).toEqual(["key", "passphrase"]);
    const made = await importFile(CARDANO.text, "--address", CARDANO.onTestnet);
    expect(made).toMatchObject({ status: 0, stdout: `cardano  ${CARDANO.base}\n` });
    expect(await check()).toBe(0);
  });

  it("derives an account from the root of a Cardano wallet", async () => {
    const { mnemonicToEntropy } = await import("@scure/bip39");
    const { wordlist } = await import("@scure/bip39/wordlists/english");
    const root = CSL.Bip32PrivateKey.from_bip39_entropy(mnemonicToEntropy(JUNK, wordlist), new Uint8Array());
    const text = bech32.encode("root_xsk", bech32.toWords(root.as_bytes()), 1000);
    expect(await importFile(text)).toMatchObject({ status: 0, stdout: `cardano  ${JUNK_CARDANO}\n` });
    expect(await importFile(text, "--address", JUNK_CARDANO, "--replace")).toMatchObject({ status: 2 });
  });

  it("names the forms there are, when it is none of them", async () => {
    for (const text of ["hunter2hunter2", JUNK_SOLANA, JUNK_CARDANO, base58.encode(SEED)]) {
      const refused = await importFile(text);
      expect(refused).toMatchObject({ status: 2, stdout: "" });
      for (const form of ["12 to 24 words", "64 hex digits", "id.json", "base58", ".skey", "addr_xsk1"])
        expect(refused.stderr).toContain(form);
      expect(refused.stderr).not.toContain(text);
    }
    expect(readdirSync(home).sort()).toEqual(["key", "passphrase"]);
  });

  it("takes how many accounts were used, by rail", async () => {
    await importFile(JUNK, "--accounts", "solana=2,cardano=3");
    expect(readHeader(vaultFile()).accounts.map(({ origin, retired }) => [origin, retired])).toEqual([
      ["m/44'/60'/0'/0/0", false],
      ["m/44'/501'/0'/0'", true],
      ["m/44'/501'/1'/0'", false],
      ["m/1852'/1815'/0'/0/0", true],
      ["m/1852'/1815'/1'/0/0", true],
      ["m/1852'/1815'/2'/0/0", false],
    ]);
    expect(await check()).toBe(0);
  });
});

describe("rotate --wallet", () => {
  it.each([
    ["solana", JUNK_SOLANA, "AqynRZwvVqUPRwRJXvm6odUb3t93fDjnWe3p6BeuUFxD"],
    [
      "cardano",
      JUNK_CARDANO,
      "addr1q9zdzgj2lgsemgtzvaft77stwn5k9scduwdglmphq3kpdft09083trxjn8nnmder6h37nuwlpqty5ymnxhw7zjp8fv8qyxclta",
    ],
  ])("moves %s alone, and the paper's line brings it back", async (rail, before, after) => {
    await importFile(JUNK);
    const done = await vault(home, ["rotate", "--wallet", rail, ...passphrase()]);
    expect(done).toMatchObject({ status: 0, stdout: `fund   ${after}\nempty  ${before}\n` });
    const [, counts = ""] = /accounts (\S+)\. They/.exec(done.stderr) ?? [];
    expect(counts).toBe(`${rail}=2`);
    const rotated = readHeader(vaultFile()).accounts;
    home = join(home, "again");
    mkdirSync(home, { mode: 0o700 });
    const again = await importFile(JUNK, "--accounts", counts);
    expect(again).toMatchObject({ status: 0, stdout: paying({ [rail]: after }) });
    expect(readHeader(vaultFile()).accounts).toEqual(rotated);
  });
});

describe("a vault of the time before", () => {
  it("shows what it has, and gains the rest with the next change", async () => {
    await createOld(vaultFile());
    expect((await vault(home, ["addresses"])).stdout).toBe(`evm  ${JUNK_ADDRESS}  pays  m/44'/60'/0'/0/0\n`);
    expect(await check()).toBe(0);
    const done = await vault(home, ["rotate", "--data-key", ...passphrase()]);
    expect(done.status).toBe(0);
    for (const gained of ["on other rails, too", JUNK_SOLANA, JUNK_CARDANO])
      expect(done.stderr).toContain(gained);
    expect(readHeader(vaultFile()).accounts).toHaveLength(3);
    expect(await check()).toBe(0);
  });

  it.each([
    ["that was unlocked before", "named"],
    ["that names no ledger yet", "unnamed"],
  ])("gains it at unlock, once: %s", async (_, kind) => {
    const child = spawn(process.execPath, [SIGNER], {
      env: environment(home),
      stdio: ["ignore", "ignore", "pipe"],
    });
    signer = child;
    for await (const line of createInterface({ input: child.stderr }))
      if (line.includes("locked, listening")) break;
    child.stderr.resume();
    const unlock = () => vault(home, ["unlock", "--no-head", ...passphrase()]);
    if (kind === "named") {
      const shown = await vault(home, ["status", "--json"]);
      await createOld(vaultFile(), (JSON.parse(shown.stdout) as { head: { ledger: string } }).head.ledger);
    } else await createOld(vaultFile());
    const first = await unlock();
    expect(first.status).toBe(0);
    expect(first.stderr).toContain(JUNK_SOLANA);
    expect(first.stderr).toContain(JUNK_CARDANO);
    expect(readHeader(vaultFile()).generation).toBe(2);
    const second = await unlock();
    expect(second.status).toBe(0);
    expect(second.stderr).not.toContain("rails");
    expect(readHeader(vaultFile()).generation).toBe(2);
    const { stdout } = await vault(home, ["status"]);
    for (const [rail, address] of [
      ["evm", JUNK_ADDRESS],
      ["solana", JUNK_SOLANA],
      ["cardano", JUNK_CARDANO],
    ])
      expect(stdout).toMatch(new RegExp(`^${rail} +${address}$`, "m"));
  });
});

describe.skipIf(!hasPty)("at a terminal", () => {
  it("a Solana key is typed, unseen, and joins", async () => {
    await importFile(EVM.text);
    const typed = base58.encode(pair.secretKey);
    const pty = atTerminal(home, ["import"]);
    await pty.answer("private key (not shown): ", typed);
    await pty.answer("Passphrase: ", PASSPHRASE);
    expect(await pty.status()).toBe(0);
    expect(pty.output).toContain(`solana  ${SOLANA.address}`);
    expect(pty.output).not.toContain(typed.slice(0, 10));
  });

  it("a vault that pays everywhere is told before a key is typed", async () => {
    (await createJunk(vaultFile())).close();
    const pty = atTerminal(home, ["import"]);
    expect(await pty.status()).toBe(2);
    expect(pty.output).toContain("--replace");
    expect(pty.output).not.toContain("not shown");
  });

  it("export gives every imported key in a form that import takes", async () => {
    await importFile(SOLANA.text);
    await importFile(CARDANO.text, "--address", CARDANO.base);
    await importFile(EVM.text);
    const to = join(home, "my secrets");
    const pty = atTerminal(home, ["export", "--to", to, ...passphrase()]);
    await pty.answer("[y/N] ", "yes");
    await pty.answer("go on: ", "export");
    expect(await pty.status()).toBe(0);
    const keys = readFileSync(to, "utf8").trim().split("\n");
    expect(keys).toEqual([
      `key solana ${SOLANA.address} ${base58.encode(pair.secretKey)}`,
      `key cardano ${CARDANO.base} ${cardanoKey.to_bech32()}`,
      `key evm ${EVM.address} ${EVM.text}`,
    ]);
    home = join(home, "again");
    mkdirSync(home, { mode: 0o700 });
    for (const line of keys) {
      const [, rail = "", address = "", key = ""] = line.split(" ");
      const named = rail === "cardano" ? ["--address", address] : [];
      expect(await importFile(key, ...named)).toMatchObject({ status: 0, stdout: `${rail}  ${address}\n` });
    }
    expect(await check()).toBe(0);
  });

  it("export names the accounts that the phrase brings back", async () => {
    await importFile(JUNK);
    const to = join(home, "my secrets");
    const pty = atTerminal(home, ["export", "--to", to, ...passphrase()]);
    await pty.answer("[y/N] ", "yes");
    await pty.answer("go on: ", "export");
    expect(await pty.status()).toBe(0);
    expect(readFileSync(to, "utf8").trim().split("\n")).toEqual([
      `phrase ${JUNK}`,
      `account evm ${JUNK_ADDRESS} m/44'/60'/0'/0/0`,
      `account solana ${JUNK_SOLANA} m/44'/501'/0'/0'`,
      `account cardano ${JUNK_CARDANO} m/1852'/1815'/0'/0/0`,
    ]);
  });
});
