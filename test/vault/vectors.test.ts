// The published vectors, through every door: the library, and for files the command.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createOffer, type HandoffMessage } from "../../vault/handoff.ts";
import { label, subkey } from "../../vault/keys.ts";
import { decode as decodeFile } from "../../vault/format.ts";
import { open as openSeal } from "../../vault/seal.ts";
import { Secret } from "../../vault/secret.ts";
import { decode, encode } from "../../vault/signing.ts";
import { open } from "../../vault/vault.ts";
import { unwrap } from "../../vault/wrap.ts";
import { entryOf, type Code } from "../../protocol/errors.ts";
import { vault as run } from "../cli/vault-command.ts";
import { codeOf } from "./code.ts";
import { ascii, privateFolder, textOf } from "./home.ts";

interface Vector<Input, Ok> {
  readonly name: string;
  readonly why: string;
  readonly input: Input;
  readonly expect: { readonly ok?: Ok; readonly code?: Code };
}

const ROOT = fileURLToPath(new URL("../vectors/vault/", import.meta.url));

function vectors<Input, Ok>(kind: string): Vector<Input, Ok>[] {
  const files = readdirSync(join(ROOT, kind)).filter((name) => name.endsWith(".json"));
  return files.map((name) => JSON.parse(readFileSync(join(ROOT, kind, name), "utf8")) as Vector<Input, Ok>);
}

const hex = (bytes: Uint8Array | Secret): string =>
  bytes instanceof Secret ? bytes.use(hex) : Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

interface FileInput {
  readonly passphrase: string;
  readonly file: string;
}
interface FileOk {
  readonly [header: string]: unknown;
  readonly vaultId: string;
  readonly dataKey: string;
  readonly signingKey: string;
  readonly recoveryKey: string;
  readonly macKey: string;
  readonly signingPart: string;
  readonly phrase: string;
}

const files = vectors<FileInput, FileOk>("file");
const signings = vectors<{ bytes: string }, Record<string, unknown>>("signing");
const handoffs = vectors<
  { offerPrivateKey: string; message: HandoffMessage },
  { offerPublicKey: string; signingKey: string; signingPart: string }
>("handoff");

describe("the vectors", () => {
  it("are there, and every way of failing to open has one", () => {
    for (const kind of [files, signings, handoffs]) {
      expect(kind.length).toBeGreaterThan(0);
      expect(kind.some((vector) => vector.expect.ok !== undefined)).toBe(true);
      expect(kind.some((vector) => vector.expect.code !== undefined)).toBe(true);
    }
    const codes = new Set(files.map((vector) => vector.expect.code ?? "ok"));
    const failures = ["PASSPHRASE", "NOT_A_VAULT", "TRUNCATED", "DAMAGED", "VERSION", "KDF_COST"];
    expect([...codes].sort()).toEqual([...failures.map((name) => `VAULT_${name}`), "ok"].sort());
  });
});

describe("files", () => {
  const home = privateFolder();
  const path = join(home, "vault.enc");
  const place = ({ file, passphrase }: FileInput) => {
    writeFileSync(path, bytesOf(file), { mode: 0o600 });
    writeFileSync(join(home, "passphrase"), passphrase, { mode: 0o600 });
  };

  it.each(files)("$name: $why", async (vector) => {
    place(vector.input);
    const code = await codeOf(async () => {
      using opened = await open(path, ascii(vector.input.passphrase));
      opened.check();
    });
    expect(code).toBe(vector.expect.code ?? "no error");
    const checked = await run(home, ["check", path, "--passphrase-file", join(home, "passphrase")]);
    expect(checked.status).toBe(vector.expect.code === undefined ? 0 : entryOf(vector.expect.code).exit);
    if (vector.expect.code !== undefined) expect(checked.stderr).toContain(entryOf(vector.expect.code).text);
  });

  it.each(files.filter(({ expect: { ok } }) => ok !== undefined))("$name: its content", async (vector) => {
    const ok = vector.expect.ok!;
    place(vector.input);
    const { file } = decodeFile(bytesOf(vector.input.file));
    expect({ ...ok, ...file.header, kdf: { ...file.header.kdf, salt: hex(file.header.kdf.salt) } }).toEqual(
      ok,
    );
    using dataKey = await unwrap(file, ascii(vector.input.passphrase));
    expect(hex(dataKey)).toBe(ok.dataKey);
    expect(hex(subkey(dataKey, ok.vaultId, "signing"))).toBe(ok.signingKey);
    expect(hex(subkey(dataKey, ok.vaultId, "recovery"))).toBe(ok.recoveryKey);
    expect(hex(subkey(dataKey, ok.vaultId, "seal"))).toBe(ok.macKey);
    using vault = await open(path, ascii(vector.input.passphrase));
    const { sealed, key } = vault.signingPart();
    expect(hex(openSeal(key, sealed, label("signing"))!)).toBe(ok.signingPart);
    expect(textOf(vault.phrase()!)).toBe(ok.phrase);
  });
});

describe("signing parts", () => {
  it.each(signings)("$name: $why", async ({ input, expect: { ok, code } }) => {
    const bytes = bytesOf(input.bytes);
    expect(await codeOf(() => decode(bytes))).toBe(code ?? "no error");
    if (ok === undefined) return;
    const part = decode(bytes);
    const accounts = part.accounts.map(({ key, ...rest }) => ({ ...rest, key: hex(key) }));
    expect({ ...part, accounts, nonceKey: hex(part.nonceKey), auditKey: hex(part.auditKey) }).toEqual(ok);
    expect(hex(encode(part))).toBe(input.bytes);
  });
});

describe("hand-offs", () => {
  it.each(handoffs)("$name: $why", async ({ input, expect: { ok, code } }) => {
    const offer = () => createOffer(Secret.take(bytesOf(input.offerPrivateKey)));
    expect(await codeOf(() => offer().open(input.message))).toBe(code ?? "no error");
    if (ok === undefined) return;
    expect(offer().publicKey).toBe(ok.offerPublicKey);
    expect(hex(offer().open(input.message))).toBe(ok.signingPart);
  });
});
