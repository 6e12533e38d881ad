import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { label } from "../../vault/keys.ts";
import { open as openSeal } from "../../vault/seal.ts";
import { Secret } from "../../vault/secret.ts";
import { type SigningPart, decode } from "../../vault/signing.ts";
import { type OpenVault, create, open, readHeader } from "../../vault/vault.ts";
import { codeOf } from "./code.ts";
import {
  JUNK,
  JUNK_ADDRESS,
  JUNK_CARDANO,
  JUNK_SOLANA,
  PASSPHRASE,
  ascii,
  createJunk,
  privateFolder,
  textOf,
} from "./home.ts";

const folder = privateFolder();
let count = 0;
const fresh = () => join(folder, `vault ${count++}.enc`);
const IMPORTED = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const IMPORTED_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const imported = () => Secret.take(Buffer.from(IMPORTED, "hex"));

const signingOf = (vault: OpenVault): SigningPart => {
  const { sealed, key } = vault.signingPart();
  return openSeal(key, sealed, label("signing"))!.use(decode);
};
const hex = (secret: Secret) => secret.use((bytes) => Buffer.from(bytes).toString("hex"));

describe("a new vault", () => {
  it("gives the phrase, the address and the signing part back to the right passphrase", async () => {
    const path = fresh();
    (await createJunk(path)).close();
    using vault = await open(path, ascii(PASSPHRASE));
    expect(textOf(vault.phrase()!)).toBe(JUNK);
    expect(vault.addresses).toEqual([
      { rail: "evm", address: JUNK_ADDRESS, origin: "m/44'/60'/0'/0/0", retired: false },
      { rail: "solana", address: JUNK_SOLANA, origin: "m/44'/501'/0'/0'", retired: false },
      { rail: "cardano", address: JUNK_CARDANO, origin: "m/1852'/1815'/0'/0/0", retired: false },
    ]);
    const part = signingOf(vault);
    expect(part.vaultId).toBe(vault.header.vaultId);
    expect(part.generation).toBe(1);
    expect(part.accounts.map(({ address, retired }) => [address, retired])).toEqual([
      [JUNK_ADDRESS, false],
      [JUNK_SOLANA, false],
      [JUNK_CARDANO, false],
    ]);
    expect(part.accounts.map(({ key }) => key.length)).toEqual([32, 32, 64]);
    expect(hex(part.nonceKey)).not.toBe(hex(part.auditKey));
    vault.check();
  });

  it("is a private file in a private folder, and shows no secret", async () => {
    const path = join(folder, "made here", "vault.enc");
    const vault = await createJunk(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "made here")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, "made here"))).toEqual(["vault.enc"]);
    const bytes = readFileSync(path);
    const part = signingOf(vault);
    for (const secret of [part.nonceKey, part.auditKey, part.accounts[0]!.key]) {
      expect(secret.use((b) => bytes.includes(b))).toBe(false);
    }
    expect(bytes.includes("junk")).toBe(false);
    expect(JSON.stringify(vault)).not.toContain("key");
  });

  it("never takes the place of another", async () => {
    const path = fresh();
    (await createJunk(path)).close();
    const before = readFileSync(path);
    expect(await codeOf(() => createJunk(path))).toBe("VAULT_EXISTS");
    expect(readFileSync(path)).toEqual(before);
    writeFileSync(path, "something else");
    expect(await codeOf(() => createJunk(path))).toBe("VAULT_EXISTS");
    expect(readFileSync(path, "utf8")).toBe("something else");
  });

  it("can be made from a bare key, and then has no phrase", async () => {
    const path = fresh();
    using vault = await create(path, ascii(PASSPHRASE), { wallet: { key: imported() }, cost: LOWEST_COST });
    expect(vault.phrase()).toBeUndefined();
    expect(vault.imports().map(({ address, key }) => [address, hex(key)])).toEqual([
      [IMPORTED_ADDRESS, IMPORTED],
    ]);
    expect(vault.addresses[0]?.origin).toBe("imported");
    vault.check();
  });
});

describe("opening", () => {
  it("tells what is missing from what is wrong, and writes nothing", async () => {
    const path = fresh();
    expect(await codeOf(() => open(path, ascii(PASSPHRASE)))).toBe("VAULT_MISSING");
    expect(await codeOf(() => open(join(folder, "no", "folder"), ascii(PASSPHRASE)))).toBe("VAULT_MISSING");
    (await createJunk(path)).close();
    const before = readFileSync(path);
    for (const wrong of [
      "",
      "correct horse batterY",
      `${PASSPHRASE} `,
      `${PASSPHRASE}\n`,
      "x".repeat(10_000),
    ]) {
      expect(await codeOf(() => open(path, ascii(wrong)))).toBe("VAULT_PASSPHRASE");
    }
    expect(readFileSync(path)).toEqual(before);
  });

  it("gives nothing more once it is closed", async () => {
    const vault = await createJunk(fresh());
    vault.close();
    expect(() => vault.signingPart()).toThrow("wiped");
    expect(() => vault.phrase()).toThrow("wiped");
  });
});

describe("a change", () => {
  it("names the ledger without touching the recovery part, and never another one", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    await vault.change({ ledgerId: "abcd" });
    expect(readHeader(path)).toMatchObject({ ledgerId: "abcd", generation: 2 });
    expect(signingOf(vault)).toMatchObject({ ledgerId: "abcd", generation: 2 });
    const before = readFileSync(path);
    expect(await codeOf(() => vault.change({ ledgerId: "ef01" }))).toBe("VAULT_OTHER_LEDGER");
    expect(readFileSync(path)).toEqual(before);
    expect(vault.header.generation).toBe(2);
    expect(textOf(vault.phrase()!)).toBe(JUNK);
  });

  it("of the passphrase comes under a fresh salt and keeps every key", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    await vault.change({ ledgerId: "abcd" });
    const [before, salt] = [signingOf(vault), vault.header.kdf.salt];
    await vault.change({ passphrase: ascii("another one altogether") });
    expect(await codeOf(() => open(path, ascii(PASSPHRASE)))).toBe("VAULT_PASSPHRASE");
    using again = await open(path, ascii("another one altogether"));
    const after = signingOf(again);
    expect(hex(after.nonceKey)).toBe(hex(before.nonceKey));
    expect(hex(after.auditKey)).toBe(hex(before.auditKey));
    expect(hex(after.accounts[0]!.key)).toBe(hex(before.accounts[0]!.key));
    expect(after).toMatchObject({ generation: 3, ledgerId: "abcd" });
    expect(again.header.kdf.salt).not.toEqual(salt);
    expect(again.header.kdf).toMatchObject(LOWEST_COST);
    again.check();
  });

  it("imports a key that pays from now on; the account before it stays, retired, and can come back", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    const first = signingOf(vault).accounts[0]!.key;
    await vault.change({ key: imported() });
    const state = () =>
      vault.addresses
        .filter(({ rail }) => rail === "evm")
        .map(({ address, origin, retired }) => [address, origin, retired]);
    expect(state()).toEqual([
      [JUNK_ADDRESS, "m/44'/60'/0'/0/0", true],
      [IMPORTED_ADDRESS, "imported", false],
    ]);
    vault.check();
    await vault.change({ key: first });
    expect(state()).toEqual([
      [IMPORTED_ADDRESS, "imported", true],
      [JUNK_ADDRESS, "m/44'/60'/0'/0/0", false],
    ]);
    using again = await open(path, ascii(PASSPHRASE));
    again.check();
    expect(again.imports().map(({ address }) => address)).toEqual([IMPORTED_ADDRESS]);
    expect(textOf(again.phrase()!)).toBe(JUNK);
  });

  it("by two commands at once loses neither", async () => {
    const path = fresh();
    (await createJunk(path)).close();
    using one = await open(path, ascii(PASSPHRASE));
    using two = await open(path, ascii(PASSPHRASE));
    await one.change({ ledgerId: "abcd" });
    await two.change({ key: imported() });
    expect(readHeader(path)).toMatchObject({ ledgerId: "abcd", generation: 3 });
    expect(readHeader(path).accounts).toHaveLength(4);
    await one.change({});
    expect(one.header).toMatchObject({ ledgerId: "abcd", generation: 4 });
    expect(one.header.accounts).toHaveLength(4);
    expect(await codeOf(() => two.change({ ledgerId: "ef01" }))).toBe("VAULT_OTHER_LEDGER");
  });

  it("never lowers the generation, though an older copy was put back meanwhile", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    const old = readFileSync(path);
    await vault.change({});
    await vault.change({});
    writeFileSync(path, old);
    await vault.change({});
    expect(readHeader(path).generation).toBe(4);
  });

  it("is refused when the vault is gone, damaged or another", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    const other = fresh();
    (await createJunk(other)).close();
    writeFileSync(path, readFileSync(other));
    expect(await codeOf(() => vault.change({}))).toBe("VAULT_BUSY");
    writeFileSync(path, "");
    expect(await codeOf(() => vault.change({}))).toBe("VAULT_TRUNCATED");
    expect(existsSync(`${path}.lock`)).toBe(false);
    chmodSync(path, 0o644);
    expect(await codeOf(() => vault.change({}))).toBe("VAULT_UNSAFE_FILE");
  });
});
