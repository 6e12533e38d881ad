// A vault's file, changed byte by byte: by accident, by someone who can make the checksum right again, and, inside the
// sealed parts, with everything right that is outside them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Code } from "../../protocol/errors.ts";
import { openRecovery, openSigning, verify } from "../../vault/content.ts";
import { MAGIC, type VaultFile, decode } from "../../vault/format.ts";
import { macOf } from "../../vault/keys.ts";
import type { Secret } from "../../vault/secret.ts";
import { unwrap } from "../../vault/wrap.ts";
import { codeOf } from "../vault/code.ts";
import type { Random } from "./random.ts";

export interface Counts {
  flips: number;
  lengths: number;
  readonly codes: Map<string, number>;
}

const HASH = 32;
/** The fields before the generation decide whether the data key is found: docs/vault-format.md. */
const AT = { version: 16, length: 18, vaultId: 22, cost: 38, salt: 50, wrapped: 66, generation: 126 };
const MAX_FILE = 65_536;
/** A key derivation that a flip asks for is run up to this cost. */
const MAX_KIB = 64 * 1024;

export class SpoiltVault {
  readonly #whole: Uint8Array;
  readonly #file: VaultFile;
  readonly #dataKey: Secret;
  readonly #passphrase: () => Secret;
  readonly #counts: Counts;

  private constructor(whole: Uint8Array, dataKey: Secret, passphrase: () => Secret, counts: Counts) {
    this.#whole = whole;
    this.#file = verify(whole, dataKey);
    this.#dataKey = dataKey;
    this.#passphrase = passphrase;
    this.#counts = counts;
  }

  static async of(whole: Uint8Array, passphrase: () => Secret, counts: Counts): Promise<SpoiltVault> {
    const dataKey = await unwrap(decode(whole).file, passphrase());
    return new SpoiltVault(whole, dataKey, passphrase, counts);
  }

  /** `bits` of each byte. Each flip has the code that its place says, and what a part holds is never something else. */
  async flipEveryByte(random: Random, bits: number): Promise<void> {
    for (let at = 0; at < this.#whole.length; at++) {
      for (const bit of someBits(random, bits)) {
        const flipped = Uint8Array.from(this.#whole);
        flipped[at]! ^= 1 << bit;
        await this.#expect(decodeCode(flipped), accident(flipped, at), `bit ${bit} of byte ${at}`);
        if (at >= AT.vaultId && at < this.#whole.length - HASH) await this.#forge(flipped, at);
        this.#counts.flips += 1;
      }
    }
  }

  /** Every shorter length, and some longer ones: as they are, and with length and checksum made right. */
  async everyLength(random: Random): Promise<void> {
    const { length } = this.#whole;
    for (let cut = 0; cut < length; cut++)
      await this.#resize(this.#whole.subarray(0, cut), "VAULT_TRUNCATED");
    for (const more of [1, 2, 31, 32, 64, 1000, MAX_FILE - length, MAX_FILE]) {
      const longer = Buffer.concat([this.#whole, random.bytes(more)]);
      await this.#resize(longer, "VAULT_DAMAGED");
      await this.#resize(Buffer.concat([this.#whole, Buffer.alloc(more)]), "VAULT_DAMAGED");
    }
  }

  async #resize(bytes: Uint8Array, code: Code): Promise<void> {
    await this.#expect(decodeCode(bytes), [code], `${bytes.length} bytes`);
    if (bytes.length >= AT.vaultId + HASH && bytes.length <= MAX_FILE) {
      const forged = Uint8Array.from(bytes);
      new DataView(forged.buffer).setUint32(AT.length, forged.length);
      await this.#expect(
        this.#openCode(rechecked(forged)),
        ["VAULT_DAMAGED"],
        `forged to ${bytes.length} bytes`,
      );
    }
    this.#counts.lengths += 1;
  }

  /** With the checksum made right; then also with the MAC, which takes the data key. */
  async #forge(flipped: Uint8Array, at: number): Promise<void> {
    const forged = rechecked(flipped);
    const { memoryKiB } = costOf(forged);
    if (at < AT.cost || at >= AT.salt || memoryKiB <= MAX_KIB) {
      await this.#expect(this.#openCode(forged), forgery(at), `forged byte ${at}`);
    }
    const [from, to] = this.#parts();
    if (at < from || at >= to) return;
    // One of the parts opens no more, or the length between them is not what it was.
    const opened = codeOf(() => {
      const { file } = decode(remade(forged, this.#dataKey, this.#file.header.vaultId));
      openSigning(file, this.#dataKey);
      openRecovery(file, this.#dataKey);
    });
    await this.#expect(opened, ["VAULT_DAMAGED"], `byte ${at} of a part`);
  }

  /** From the first byte of the signing part to the end of the recovery part. */
  #parts(): [from: number, to: number] {
    const { signing, recovery } = this.#file;
    const end = this.#whole.length - 2 * HASH;
    return [end - recovery.length - 2 - signing.length, end];
  }

  #openCode(bytes: Uint8Array): Promise<string> {
    return codeOf(async () => {
      const { file } = decode(bytes);
      // The wrapped key and all that it is bound to as they were: the key is known, and needs no derivation.
      const same = Buffer.compare(this.#head(bytes), this.#head(this.#whole)) === 0;
      verify(bytes, same ? this.#dataKey : await unwrap(file, this.#passphrase()));
    });
  }

  #head(bytes: Uint8Array): Uint8Array {
    return bytes.subarray(AT.vaultId, AT.generation);
  }

  async #expect(found: Promise<string>, codes: readonly Code[], what: string): Promise<void> {
    const code = await found;
    assert.ok(
      (codes as readonly string[]).includes(code),
      `${what}: ${code} instead of ${codes.join(" or ")}`,
    );
    this.#counts.codes.set(code, (this.#counts.codes.get(code) ?? 0) + 1);
  }
}

const decodeCode = (bytes: Uint8Array): Promise<string> => codeOf(() => decode(bytes));

/** What a flip at `at` is called when nobody meant it. */
function accident(flipped: Uint8Array, at: number): Code[] {
  if (at < MAGIC.length) return ["VAULT_NOT_A_VAULT"];
  const view = new DataView(flipped.buffer);
  if (at < AT.length) return [view.getUint16(AT.version) === 0 ? "VAULT_DAMAGED" : "VAULT_VERSION"];
  const length = view.getUint32(AT.length);
  return [length > flipped.length && length <= MAX_FILE ? "VAULT_TRUNCATED" : "VAULT_DAMAGED"];
}

/** What it is called with a checksum that fits. */
function forgery(at: number): Code[] {
  if (at >= AT.generation) return ["VAULT_DAMAGED"];
  return at >= AT.cost && at < AT.salt ? ["VAULT_KDF_COST", "VAULT_PASSPHRASE"] : ["VAULT_PASSPHRASE"];
}

function costOf(bytes: Uint8Array): { memoryKiB: number } {
  return { memoryKiB: new DataView(bytes.buffer, bytes.byteOffset).getUint32(AT.cost) };
}

function rechecked(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(createHash("sha256").update(copy.subarray(0, -HASH)).digest(), copy.length - HASH);
  return copy;
}

function remade(bytes: Uint8Array, dataKey: Secret, vaultId: string): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(macOf(dataKey, vaultId, copy.subarray(0, -2 * HASH)), copy.length - 2 * HASH);
  return rechecked(copy);
}

/** `count` of the eight, each once. */
function someBits(random: Random, count: number): number[] {
  const bits = [0, 1, 2, 3, 4, 5, 6, 7];
  while (bits.length > count) bits.splice(random.below(bits.length), 1);
  return bits;
}
