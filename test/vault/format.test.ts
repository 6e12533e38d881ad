// Accidents and forgeries: what happens to every byte of a vault's file.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type VaultFile, MAGIC, decode, encode } from "../../vault/format.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { open, readHeader } from "../../vault/vault.ts";
import { codeOf } from "./code.ts";
import { PASSPHRASE, ascii, createJunk, privateFolder } from "./home.ts";

const folder = privateFolder();
const path = join(folder, "vault.enc");
let whole: Uint8Array;

beforeAll(async () => {
  (await createJunk(path)).close();
  whole = readFileSync(path);
});

const flipped = (at: number, bit = 1) => {
  const bytes = Uint8Array.from(whole);
  bytes[at]! ^= bit;
  return bytes;
};

/** With the checksum made right again, as a forger would. */
const rechecked = (bytes: Uint8Array) => {
  const copy = Uint8Array.from(bytes);
  copy.set(createHash("sha256").update(copy.subarray(0, -32)).digest(), copy.length - 32);
  return copy;
};

const opened = async (bytes: Uint8Array) => {
  writeFileSync(path, bytes);
  return await codeOf(async () => {
    (await open(path, ascii(PASSPHRASE))).close();
  });
};

describe("an accident", () => {
  it("that flips a bit is seen at every byte, before any key is derived", async () => {
    for (let at = 0; at < whole.length; at++) {
      for (const bit of [1, 128]) {
        const bytes = flipped(at, bit);
        const code = await codeOf(() => decode(bytes));
        if (at < MAGIC.length) expect(code).toBe("VAULT_NOT_A_VAULT");
        else if (at < MAGIC.length + 2) expect(["VAULT_VERSION", "VAULT_DAMAGED"]).toContain(code);
        else if (at < MAGIC.length + 6) expect(["VAULT_TRUNCATED", "VAULT_DAMAGED"]).toContain(code);
        else expect(code).toBe("VAULT_DAMAGED");
        if (at % 50 === 0) expect(await opened(bytes)).toBe(code);
      }
    }
    expect(await opened(whole)).toBe("no error");
  });

  it("that cuts the file short is told apart, at every length", async () => {
    for (let length = 0; length < whole.length; length++) {
      expect(await codeOf(() => decode(whole.subarray(0, length)))).toBe("VAULT_TRUNCATED");
    }
    expect(await codeOf(() => decode(Buffer.concat([whole, Buffer.from([0])])))).toBe("VAULT_DAMAGED");
  });

  it("that leaves another file there is no vault", async () => {
    for (const text of ["{}", "x402 vault", "x402 vault tile\n", "A".repeat(70_000), "\0".repeat(100)]) {
      const expected = text === "x402 vault" ? "VAULT_TRUNCATED" : "VAULT_NOT_A_VAULT";
      expect(await opened(Buffer.from(text))).toBe(expected);
    }
  });
});

describe("a forger without the passphrase", () => {
  it("changes no byte unseen, even with the checksum made right", async () => {
    const end = whole.length - 32;
    const tried = new Map<string, number>();
    // Every byte whose change asks for no key derivation, and every third of those that do: they take 40 ms each.
    for (let at = MAGIC.length + 6; at < end; at++) {
      const bytes = rechecked(flipped(at));
      let code = await codeOf(() => decode(bytes));
      if (code === "no error" && at % 3 !== 0) continue;
      if (code === "no error") code = await opened(bytes);
      expect(["VAULT_DAMAGED", "VAULT_PASSPHRASE", "VAULT_KDF_COST"]).toContain(code);
      tried.set(code, (tried.get(code) ?? 0) + 1);
    }
    expect([...tried.keys()].sort()).toEqual(["VAULT_DAMAGED", "VAULT_KDF_COST", "VAULT_PASSPHRASE"]);
    writeFileSync(path, whole);
  });

  it.each([
    ["the ledger", (f: VaultFile) => ({ ...f, header: { ...f.header, ledgerId: "abcd" } })],
    ["the generation", (f: VaultFile) => ({ ...f, header: { ...f.header, generation: 99 } })],
    ["the addresses", (f: VaultFile) => ({ ...f, header: { ...f.header, accounts: [] } })],
    ["the parts' order", (f: VaultFile) => ({ ...f, signing: f.recovery, recovery: f.signing })],
  ])("does not rewrite %s", async (_, change) => {
    const { file, mac } = decode(whole);
    const bytes = encode(change(file), () => mac);
    expect(await codeOf(() => decode(bytes))).toBe("no error");
    expect(await opened(bytes)).toBe("VAULT_DAMAGED");
  });

  it("asks for no absurd cost, nor for a newer version's rules", async () => {
    const { file, mac } = decode(whole);
    const kdf = { ...file.header.kdf, memoryKiB: 4_000_000_000 };
    const dear = encode({ ...file, header: { ...file.header, kdf } }, () => mac);
    expect(await opened(dear)).toBe("VAULT_KDF_COST");
    expect(await opened(rechecked(flipped(MAGIC.length + 1, 2)))).toBe("VAULT_VERSION");
  });
});

describe("the codec", () => {
  const bytes = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max });
  const header = fc.record(
    {
      vaultId: bytes(16).map((b) => Buffer.from(b).toString("hex")),
      kdf: bytes(16).map((salt) => ({ ...LOWEST_COST, salt })),
      generation: fc.nat(),
      ledgerId: bytes(1, 32).map((b) => Buffer.from(b).toString("hex")),
      accounts: fc.array(
        fc.record({
          rail: fc.stringMatching(/^[a-z][a-z0-9-]{0,15}$/),
          address: fc.stringMatching(/^[A-Za-z0-9_.:-]{1,128}$/),
          origin: fc.stringMatching(/^[ -~]{1,64}$/),
          retired: fc.boolean(),
        }),
        { maxLength: 4 },
      ),
    },
    { requiredKeys: ["vaultId", "kdf", "generation", "accounts"] },
  );
  const file = fc.record({ header, wrappedKey: bytes(60), signing: bytes(0, 99), recovery: bytes(0, 99) });

  it("gives back what it was given, in the only encoding there is", () => {
    fc.assert(
      fc.property(file, bytes(32), (value, mac) => {
        const encoded = encode(value, () => mac);
        const decoded = decode(encoded);
        expect(decoded.file).toEqual(value);
        expect(Uint8Array.from(decoded.mac)).toEqual(mac);
        expect(encode(decoded.file, () => mac)).toEqual(encoded);
      }),
    );
  });

  it("takes no second encoding: what decodes encodes to the same bytes", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = rechecked(flipped(at % (whole.length - 32), flip));
        let decoded: ReturnType<typeof decode>;
        try {
          decoded = decode(changed);
        } catch {
          return;
        }
        expect(Buffer.from(encode(decoded.file, () => decoded.mac))).toEqual(Buffer.from(changed));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the header", () => {
  it("is readable without the passphrase and holds no secret", () => {
    writeFileSync(path, whole);
    const header = readHeader(path);
    expect(header.generation).toBe(1);
    expect(header.ledgerId).toBeUndefined();
    expect(header.accounts.map(({ rail, retired }) => [rail, retired])).toEqual([
      ["evm", false],
      ["solana", false],
      ["cardano", false],
    ]);
  });
});
