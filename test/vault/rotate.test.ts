// What rotation changes and what it never changes: the data key, the account that pays, the ledger it belongs to.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mnemonicToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { sealFile } from "../../vault/content.ts";
import { decode as decodeFile } from "../../vault/format.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { label, subkey } from "../../vault/keys.ts";
import { entropyOf } from "../../vault/phrase.ts";
import { open as openSeal } from "../../vault/seal.ts";
import { Secret } from "../../vault/secret.ts";
import { decode } from "../../vault/signing.ts";
import { type OpenVault, create, open, readHeader } from "../../vault/vault.ts";
import { unwrap } from "../../vault/wrap.ts";
import { codeOf } from "./code.ts";
import { JUNK, JUNK_ADDRESS, PASSPHRASE, ascii, createJunk, privateFolder, textOf } from "./home.ts";

const folder = privateFolder();
let count = 0;
const fresh = () => join(folder, `vault ${count++}.enc`);
const hex = (secret: Secret) => secret.use((bytes) => Buffer.from(bytes).toString("hex"));
const junkAt = (index: number) => mnemonicToAccount(JUNK, { path: `m/44'/60'/0'/0/${index}` }).address;
const keyVault = (path: string, key = Secret.random(32)) =>
  create(path, ascii(PASSPHRASE), { wallet: { key }, cost: LOWEST_COST });

/** What must outlive every change. */
const forLife = (vault: OpenVault) => {
  const { sealed, key } = vault.signingPart();
  const part = openSeal(key, sealed, label("signing"))!.use(decode);
  return { vaultId: part.vaultId, nonceKey: hex(part.nonceKey), auditKey: hex(part.auditKey) };
};
const accounts = (vault: OpenVault, on = "evm") =>
  vault.addresses
    .filter(({ rail }) => rail === on)
    .map(({ address, origin, retired }) => [address, origin, retired ? "retired" : "pays"]);

describe("a new data key", () => {
  it("seals everything anew under the same passphrase, and keeps every key inside", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    await vault.change({ ledgerId: "abcd" });
    const before = { bytes: readFileSync(path), life: forLife(vault), accounts: accounts(vault) };
    await vault.change({ newDataKey: true, passphrase: ascii(PASSPHRASE) });
    using again = await open(path, ascii(PASSPHRASE));
    for (const opened of [vault, again]) {
      expect(forLife(opened)).toEqual(before.life);
      expect(accounts(opened)).toEqual(before.accounts);
      expect(textOf(opened.phrase()!)).toBe(JUNK);
      opened.check();
    }
    expect(readHeader(path)).toMatchObject({ generation: 3, ledgerId: "abcd", kdf: LOWEST_COST });
    const [old, next] = [decodeFile(before.bytes).file, decodeFile(readFileSync(path)).file];
    const oldKey = await unwrap(old, ascii(PASSPHRASE));
    expect(oldKey.equals(await unwrap(next, ascii(PASSPHRASE)))).toBe(false);
    for (const purpose of ["signing", "recovery"] as const) {
      expect(openSeal(subkey(oldKey, old.header.vaultId, purpose), next[purpose], label(purpose))).toBe(
        undefined,
      );
    }
    expect(Buffer.from(next.header.kdf.salt)).not.toEqual(Buffer.from(old.header.kdf.salt));
  });

  it("goes together with a new passphrase, a new cost and a new account, in one step", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    const life = forLife(vault);
    const cost = { ...LOWEST_COST, lanes: 2 };
    await vault.change({ newDataKey: true, passphrase: ascii("another one"), cost, next: true });
    expect(await codeOf(() => open(path, ascii(PASSPHRASE)))).toBe("VAULT_PASSPHRASE");
    using again = await open(path, ascii("another one"));
    expect(forLife(again)).toEqual(life);
    expect(again.header).toMatchObject({ generation: 2, kdf: cost });
    expect(accounts(again).map(([address]) => address)).toEqual([JUNK_ADDRESS, junkAt(1)]);
    again.check();
    await again.change({});
    expect(readHeader(path).generation).toBe(3);
  });

  it("is not given without the passphrase", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    const before = readFileSync(path);
    await expect(vault.change({ newDataKey: true })).rejects.toThrow("needs the passphrase");
    expect(readFileSync(path)).toEqual(before);
    vault.check();
  });

  it("shuts out a command that opened the vault before, whose work is refused and not lost", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    using late = await open(path, ascii(PASSPHRASE));
    await vault.change({ newDataKey: true, passphrase: ascii(PASSPHRASE) });
    const before = readFileSync(path);
    expect(await codeOf(() => late.change({ ledgerId: "abcd" }))).toBe("VAULT_BUSY");
    expect(readFileSync(path)).toEqual(before);
  });

  it("undoes no new passphrase that another command gave meanwhile", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    using late = await open(path, ascii(PASSPHRASE));
    await vault.change({ passphrase: ascii("changed because it leaked") });
    const edit = { newDataKey: true, passphrase: ascii(PASSPHRASE) } as const;
    expect(await codeOf(() => late.change(edit))).toBe("VAULT_BUSY");
    expect(await codeOf(() => open(path, ascii(PASSPHRASE)))).toBe("VAULT_PASSPHRASE");
    await late.change({ ledgerId: "abcd" });
    (await open(path, ascii("changed because it leaked"))).check();
  });
});

describe("a new account", () => {
  it("is the phrase's next one; those before it stay, retired, and the phrase recovers all of them", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    const life = forLife(vault);
    const sealed = () => Buffer.from(decodeFile(readFileSync(path)).file.recovery).toString("hex");
    const recovery = sealed();
    await vault.change({ next: true });
    await vault.change({ next: true });
    const expected = [0, 1, 2].map((at) => [junkAt(at), `m/44'/60'/0'/0/${at}`, at < 2 ? "retired" : "pays"]);
    using again = await open(path, ascii(PASSPHRASE));
    expect(accounts(again)).toEqual(expected);
    expect(forLife(again)).toEqual(life);
    expect(sealed()).toBe(recovery);
    again.check();
    const elsewhere = fresh();
    const wallet = { entropy: entropyOf(ascii(JUNK)) };
    using restored = await create(elsewhere, ascii(PASSPHRASE), {
      wallet,
      used: { evm: 3 },
      cost: LOWEST_COST,
    });
    expect(accounts(restored)).toEqual(expected);
    restored.check();
  });

  it("goes on behind an imported key, and never takes one up that was imported before", async () => {
    using vault = await createJunk(fresh());
    const first = mnemonicToAccount(JUNK, { path: "m/44'/60'/0'/0/1" }).getHdKey().privateKey!;
    await vault.change({ key: Secret.take(Uint8Array.from(first)) });
    await vault.change({ next: true });
    expect(accounts(vault)).toEqual([
      [JUNK_ADDRESS, "m/44'/60'/0'/0/0", "retired"],
      [junkAt(1), "imported", "retired"],
      [junkAt(2), "m/44'/60'/0'/0/2", "pays"],
    ]);
    vault.check();
  });

  it("of a vault without a phrase is the first one of a phrase that it is given, once", async () => {
    const path = fresh();
    using vault = await keyVault(path);
    const [imported] = vault.addresses;
    expect(await codeOf(() => vault.change({ next: true }))).toBe("PHRASE_INVALID");
    using late = await open(path, ascii(PASSPHRASE));
    await vault.change({ entropy: entropyOf(ascii(JUNK)) });
    expect(await codeOf(() => late.change({ entropy: Secret.random(32) }))).toBe("VAULT_BUSY");
    await vault.change({ next: true });
    using again = await open(path, ascii(PASSPHRASE));
    expect(accounts(again)).toEqual([
      [imported!.address, "imported", "retired"],
      [JUNK_ADDRESS, "m/44'/60'/0'/0/0", "retired"],
      [junkAt(1), "m/44'/60'/0'/0/1", "pays"],
    ]);
    expect(textOf(again.phrase()!)).toBe(JUNK);
    expect(again.imports().map(({ address }) => address)).toEqual([imported!.address]);
    again.check();
  });

  it("is refused when the vault is full, and nothing changes", async () => {
    const path = fresh();
    const wallet = { entropy: entropyOf(ascii(JUNK)) };
    using vault = await create(path, ascii(PASSPHRASE), { wallet, used: { evm: 62 }, cost: LOWEST_COST });
    const before = readFileSync(path);
    expect(await codeOf(() => vault.change({ next: true }))).toBe("USAGE");
    expect(await codeOf(() => vault.change({ key: Secret.random(32) }))).toBe("USAGE");
    expect(readFileSync(path)).toEqual(before);
    vault.check();
  });
});

describe("another ledger", () => {
  it("is named only by an edit that says so", async () => {
    const path = fresh();
    using vault = await createJunk(path);
    await vault.change({ ledgerId: "abcd" });
    expect(await codeOf(() => vault.change({ ledgerId: "ef01" }))).toBe("VAULT_OTHER_LEDGER");
    const life = forLife(vault);
    await vault.change({ moveTo: "ef01" });
    expect(readHeader(path)).toMatchObject({ ledgerId: "ef01", generation: 3 });
    expect(forLife(vault)).toEqual(life);
    expect(await codeOf(() => vault.change({ ledgerId: "abcd" }))).toBe("VAULT_OTHER_LEDGER");
    (await open(path, ascii(PASSPHRASE))).check();
  });
});

describe("the check", () => {
  it.each([
    ["another place of the phrase", "m/44'/60'/0'/0/5"],
    ["no place at all", "imported"],
  ])("finds an account that is said to come from %s", async (_, origin) => {
    const path = fresh();
    (await createJunk(path)).close();
    const { file } = decodeFile(readFileSync(path));
    const [account, ...others] = file.header.accounts;
    const header = { ...file.header, accounts: [{ ...account!, origin }, ...others] };
    writeFileSync(path, sealFile({ ...file, header }, await unwrap(file, ascii(PASSPHRASE))));
    using vault = await open(path, ascii(PASSPHRASE));
    expect(
      await codeOf(() => {
        vault.check();
      }),
    ).toBe("VAULT_DAMAGED");
  });
});
