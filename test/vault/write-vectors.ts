// Writes test/vectors/vault: node test/vault/write-vectors.ts. Random values are fixed, so that running it again
// changes nothing unless the format did, but for the keys of the hand-off. docs/vault-format.md works through file/phrase.json.
import { createHash } from "node:crypto";
import { rmSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Accounts } from "../../vault/accounts.ts";
import { type Account, type VaultFile, encode, wrapAad } from "../../vault/format.ts";
import { LOWEST_COST, deriveKey } from "../../vault/kdf.ts";
import { label, macOf, subkey } from "../../vault/keys.ts";
import { entropyOf } from "../../vault/phrase.ts";
import * as recovery from "../../vault/recovery.ts";
import { seal } from "../../vault/seal.ts";
import { Secret } from "../../vault/secret.ts";
import * as signing from "../../vault/signing.ts";
import { JUNK, PASSPHRASE, ascii } from "./home.ts";

const FOLDER = fileURLToPath(new URL("../vectors/vault/", import.meta.url));
const hex = (bytes: Uint8Array | Secret): string =>
  bytes instanceof Secret ? bytes.use(hex) : Buffer.from(bytes).toString("hex");
const filled = (byte: number, length: number) => new Uint8Array(length).fill(byte);
const secret = (byte: number, length = 32) => Secret.take(filled(byte, length));

function write(kind: string, name: string, why: string, input: unknown, expect: unknown): void {
  const vector = { name, why, input, expect };
  writeFileSync(`${FOLDER}${kind}/${name.replaceAll(" ", "-")}.json`, `${JSON.stringify(vector, null, 2)}\n`);
}

const vaultId = "000102030405060708090a0b0c0d0e0f";
const dataKey = secret(0xd0);
const kdf = { ...LOWEST_COST, salt: filled(0x5a, 16) };
const wrappingKey = await deriveKey(ascii(PASSPHRASE), kdf.salt, kdf);
const wrappedKey = dataKey.use((bytes) => seal(wrappingKey, bytes, wrapAad(vaultId, kdf), filled(0x01, 12)));
const signingKey = subkey(dataKey, vaultId, "signing");
const recoveryKey = subkey(dataKey, vaultId, "recovery");
const derive = await Accounts.load();
const byPhrase = derive.fromPhrase("evm", entropyOf(ascii(JUNK)));
const second = derive.fromPhrase("evm", entropyOf(ascii(JUNK)), 1);
const byKey = derive.fromKey({ key: secret(0x42) });
const solana = derive.fromPhrase("solana", entropyOf(ascii(JUNK)));
const nextSolana = derive.fromPhrase("solana", entropyOf(ascii(JUNK)), 1);
const cardano = derive.fromPhrase("cardano", entropyOf(ascii(JUNK)));
const cardanoKey = derive.fromKey({ rail: "cardano", key: secret(0x42) });
const known = [byPhrase, second, byKey, solana, nextSolana, cardano, cardanoKey];
const keys = { nonceKey: secret(0xa0), auditKey: secret(0xb0) };

const fresh: signing.SigningPart = {
  vaultId,
  generation: 1,
  accounts: [{ ...byPhrase, retired: false }],
  ...keys,
};
const later: signing.SigningPart = {
  ...fresh,
  generation: 3,
  ledgerId: "1ed9e41d",
  accounts: [
    { ...byPhrase, retired: true },
    { ...byKey, retired: false },
  ],
};

const rotated: signing.SigningPart = {
  ...later,
  generation: 5,
  accounts: [
    { ...byPhrase, retired: true },
    { ...byKey, retired: true },
    { ...second, retired: false },
  ],
};

const rails: signing.SigningPart = {
  ...fresh,
  generation: 4,
  accounts: [
    { ...byPhrase, retired: false },
    { ...solana, retired: true },
    { ...cardano, retired: true },
    { ...nextSolana, retired: false },
    { ...cardanoKey, retired: false },
  ],
};

function fileOf(part: signing.SigningPart, recovered: recovery.RecoveryPart): VaultFile {
  const { generation, ledgerId, accounts } = part;
  const lines = accounts.map(({ rail, address, retired }) => ({
    rail,
    address,
    origin: known.find((account) => account.address === address)!.origin,
    retired,
  }));
  const header = {
    vaultId,
    kdf,
    generation,
    ...(ledgerId === undefined ? {} : { ledgerId }),
    accounts: lines,
  };
  return {
    header,
    wrappedKey,
    signing: signing.encode(part).use((b) => seal(signingKey, b, label("signing"), filled(0x02, 12))),
    recovery: recovery
      .encode(recovered)
      .use((b) => seal(recoveryKey, b, label("recovery"), filled(0x03, 12))),
  };
}

const entropy = entropyOf(ascii(JUNK));
const phraseFile = fileOf(fresh, { entropy, imports: [] });
const laterFile = fileOf(later, { entropy, imports: [{ rail: "evm", key: byKey.key }] });
const rotatedFile = fileOf(rotated, { entropy, imports: [{ rail: "evm", key: byKey.key }] });
const railsFile = fileOf(rails, { entropy, imports: [{ rail: "cardano", key: cardanoKey.key }] });
const authentic = (file: VaultFile) => encode(file, (body) => macOf(dataKey, vaultId, body));
const whole = authentic(phraseFile);

const rechecked = (bytes: Uint8Array): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy.set(createHash("sha256").update(copy.subarray(0, -32)).digest(), copy.length - 32);
  return copy;
};
/** With both the MAC and the checksum made right: what only the owner, or a faulty program, can write. */
const resealed = (bytes: Uint8Array): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy.set(macOf(dataKey, vaultId, copy.subarray(0, -64)), copy.length - 64);
  return rechecked(copy);
};
const patched = (at: number, ...values: number[]): Uint8Array => {
  const copy = Uint8Array.from(whole);
  copy.set(values, at);
  return copy;
};

const shown = (file: VaultFile, part: signing.SigningPart) => ({
  ...file.header,
  kdf: { ...LOWEST_COST, salt: hex(kdf.salt) },
  wrappingKey: hex(wrappingKey),
  dataKey: hex(dataKey),
  signingKey: hex(signingKey),
  recoveryKey: hex(recoveryKey),
  macKey: hex(subkey(dataKey, vaultId, "seal")),
  signingPart: hex(signing.encode(part)),
  phrase: JUNK,
});

/** The phrase's payment key at the address without a stake part, said to come from the phrase. */
const bareCardano = { address: derive.fromKey({ rail: "cardano", key: cardano.key }).address };
known.push({ ...cardano, ...bareCardano });

const elsewhere = (account: Account): Account =>
  account.origin === second.origin ? { ...account, origin: derive.path("evm", 7) } : account;

function writeFiles(): void {
  const ok = (name: string, why: string, file: VaultFile, part: signing.SigningPart) => {
    write(
      "file",
      name,
      why,
      { passphrase: PASSPHRASE, file: hex(authentic(file)) },
      { ok: shown(file, part) },
    );
  };
  const bad = (name: string, code: string, why: string, bytes: Uint8Array, passphrase = PASSPHRASE) => {
    write("file", name, why, { passphrase, file: hex(bytes) }, { code });
  };
  ok("phrase", "a new vault from a phrase: no ledger yet", phraseFile, fresh);
  ok(
    "ledger and import",
    "names its ledger; an imported key pays, the phrase's account is retired",
    laterFile,
    later,
  );
  ok("rotated wallet", "the phrase's second account pays; two retired ones stay", rotatedFile, rotated);
  ok(
    "three rails",
    "the phrase pays on EVM and, with its second account, on Solana; an imported 32-byte key on Cardano",
    railsFile,
    rails,
  );
  bad(
    "another stake key",
    "VAULT_DAMAGED",
    "opens, with MAC and checksum right; the phrase's account on Cardano has a stake part",
    authentic(
      fileOf(
        { ...fresh, accounts: [{ ...cardano, ...bareCardano, retired: false }] },
        { entropy, imports: [] },
      ),
    ),
  );
  const lost = { ...rotatedFile.header, accounts: rotatedFile.header.accounts.map(elsewhere) };
  bad(
    "account from elsewhere",
    "VAULT_DAMAGED",
    "opens, with MAC and checksum right; the phrase has another account at that path",
    authentic({ ...rotatedFile, header: lost }),
  );
  bad(
    "wrong passphrase",
    "VAULT_PASSPHRASE",
    "the wrapped key does not open",
    whole,
    "correct horse batterz",
  );
  bad(
    "wrapped key changed",
    "VAULT_PASSPHRASE",
    "a forged wrapped key looks like a wrong passphrase",
    rechecked(patched(90, 0xff)),
  );
  bad("empty", "VAULT_TRUNCATED", "nothing of the file is left", new Uint8Array());
  bad("cut in the magic", "VAULT_TRUNCATED", "what is left is how a vault begins", whole.subarray(0, 7));
  bad("cut in the preamble", "VAULT_TRUNCATED", "the length itself is cut", whole.subarray(0, 20));
  bad("cut by one byte", "VAULT_TRUNCATED", "shorter than its length says", whole.subarray(0, -1));
  bad(
    "longer by one byte",
    "VAULT_DAMAGED",
    "longer than its length says",
    Buffer.concat([whole, filled(0, 1)]),
  );
  bad(
    "flipped",
    "VAULT_DAMAGED",
    "one bit of the signing part: the checksum sees it",
    patched(250, whole[250]! ^ 1),
  );
  bad(
    "another file",
    "VAULT_NOT_A_VAULT",
    "does not begin as a vault",
    Buffer.from("-----BEGIN AGE ENCRYPTED FILE-----"),
  );
  bad("newer version", "VAULT_VERSION", "nothing after the version is looked at", patched(16, 0, 2));
  bad("length too large", "VAULT_DAMAGED", "no vault is above 64 KiB", patched(18, 0, 1, 0, 1));
  bad("version zero", "VAULT_DAMAGED", "was never written", patched(16, 0, 0));
  bad(
    "memory too dear",
    "VAULT_KDF_COST",
    "4 TiB: refused before any key is derived",
    rechecked(patched(38, 255, 255, 255, 255)),
  );
  bad(
    "memory too cheap",
    "VAULT_KDF_COST",
    "8 KiB: would be cheap to try",
    rechecked(patched(38, 0, 0, 0, 8)),
  );
  bad("passes too dear", "VAULT_KDF_COST", "17 passes", rechecked(patched(42, 0, 0, 0, 17)));
  bad(
    "work too dear",
    "VAULT_KDF_COST",
    "2 GiB and 5 passes: each within its bound, not together",
    rechecked(patched(38, 0, 32, 0, 0, 0, 0, 0, 5)),
  );
  bad("lanes zero", "VAULT_KDF_COST", "no lane", rechecked(patched(46, 0, 0, 0, 0)));
  bad("salt changed", "VAULT_PASSPHRASE", "another salt gives another key", rechecked(patched(50, 0)));
  bad(
    "vault id changed",
    "VAULT_PASSPHRASE",
    "the wrapped key is bound to its vault",
    rechecked(patched(22, 0xff)),
  );
  bad(
    "generation forged",
    "VAULT_DAMAGED",
    "the checksum is right, the MAC is not",
    rechecked(patched(133, 9)),
  );
  bad(
    "generation too large",
    "VAULT_DAMAGED",
    "above 2^53 - 1, with MAC and checksum right",
    resealed(patched(126, 0, 32)),
  );
  bad(
    "flag two",
    "VAULT_DAMAGED",
    "a flag is 0 or 1, with MAC and checksum right",
    resealed(patched(FLAG_AT, 2)),
  );
}

/** Where the retired flag of the only account stands: behind its rail, address and origin. */
const FLAG_AT = 134 + 1 + 1 + (1 + 3) + (1 + 42) + (1 + 16);

function writeSigning(): void {
  const bytes = signing.encode(later).use((b) => Uint8Array.from(b));
  const accounts = later.accounts.map(({ rail, address, key, retired }) => ({
    rail,
    address,
    key: hex(key),
    retired,
  }));
  const ok = { ...later, accounts, nonceKey: hex(keys.nonceKey), auditKey: hex(keys.auditKey) };
  const bad = (name: string, why: string, changed: Uint8Array) => {
    write("signing", name, why, { bytes: hex(changed) }, { code: "VAULT_DAMAGED" });
  };
  const at = (index: number, value: number) => bytes.with(index, value);
  write("signing", "two accounts", "one retired, one paying", { bytes: hex(bytes) }, { ok });
  bad("version two", "only version 1 is known", at(0, 2));
  bad("cut", "one byte short", bytes.subarray(0, -1));
  bad("trailing byte", "one byte too many", Buffer.concat([bytes, filled(0, 1)]));
  bad("upper case ledger", "hex is lower case", at(26, 0x41));
  bad("no such rail name", "a rail begins with a letter", at(36, 0x31));
  const one = signing.encode({ ...fresh, ledgerId: "1ed9e41d" }).use((b) => Uint8Array.from(b));
  const account = one.subarray(35, -64);
  bad(
    "twin accounts",
    "an account stands there once",
    Buffer.concat([one.subarray(0, 34), Uint8Array.of(2), account, account, one.subarray(-64)]),
  );
}

async function writeHandoff(): Promise<void> {
  const { createOffer, sealFor } = await import("../../vault/handoff.ts");
  const offerKey = filled(0x77, 32);
  const offer = createOffer(Secret.take(Uint8Array.from(offerKey)));
  const message = sealFor(offer.publicKey, signingKey, phraseFile.signing);
  const input = { offerPrivateKey: hex(offerKey), message };
  const ok = {
    offerPublicKey: offer.publicKey,
    signingKey: hex(signingKey),
    signingPart: hex(signing.encode(fresh)),
  };
  write("handoff", "handed over", "the signing part of file/phrase.json, made for this offer", input, { ok });
  const bad = (name: string, why: string, change: object) => {
    write(
      "handoff",
      name,
      why,
      { ...input, message: { ...message, ...change } },
      { code: "INVALID_REQUEST" },
    );
  };
  bad("low order", "the shared secret would be zero", { ephemeral: "A".repeat(43) });
  bad("padded", "base64url has no padding here", { box: `${message.box}==` });
  bad("recovery part", "the box's key opens the signing part only", {
    sealed: Buffer.from(phraseFile.recovery).toString("base64url"),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const kind of ["file", "signing", "handoff"]) {
    rmSync(FOLDER + kind, { recursive: true, force: true });
    mkdirSync(FOLDER + kind, { recursive: true });
  }
  writeFiles();
  writeSigning();
  await writeHandoff();
}
