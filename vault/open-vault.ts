// A vault whose passphrase was right: what may be taken out of it, and how it changes.
import { X402Error } from "../protocol/errors.ts";
import { type Keyed, evmFromKey, evmFromPhrase, evmIndex } from "./accounts.ts";
import { type NewPayer, type Step, advance } from "./change.ts";
import { openRecovery, openSigning, sealFile, verify } from "./content.ts";
import { replacePrivate } from "./file.ts";
import { type Account, type Header, MAX_FILE_BYTES, type VaultFile, decode } from "./format.ts";
import type { KdfCost } from "./kdf.ts";
import { KEY_BYTES, subkey } from "./keys.ts";
import { phraseOf } from "./phrase.ts";
import * as recoveryCodec from "./recovery.ts";
import { Secret } from "./secret.ts";
import * as signingCodec from "./signing.ts";
import { type Wrapped, wrap } from "./wrap.ts";

/** What one `change` may change; an edit without fields only raises the generation. */
export interface Edit extends NewPayer {
  /** The ledger of the first unlock. Throws VAULT_OTHER_LEDGER when the vault names another. */
  readonly ledgerId?: string;
  /** Another ledger in place of the one it names: for a human who said so, and after that ledger counts what was spent. */
  readonly moveTo?: string;
  /** A new passphrase, under a fresh salt. */
  readonly passphrase?: Secret;
  readonly cost?: KdfCost;
  /** Also a new data key: what is known of the old one opens nothing of the new file. Needs `passphrase`. */
  readonly newDataKey?: true;
}

export class OpenVault {
  readonly #path: string;
  #dataKey: Secret;
  #file: VaultFile;

  constructor(path: string, file: VaultFile, dataKey: Secret) {
    this.#path = path;
    this.#file = file;
    this.#dataKey = dataKey;
  }

  get header(): Header {
    return this.#file.header;
  }

  get addresses(): readonly Account[] {
    return this.header.accounts;
  }

  /** What unlocks the signer: the sealed part as it stands in the file, and the key that opens only it. */
  signingPart(): { sealed: Uint8Array; key: Secret } {
    return { sealed: this.#file.signing, key: subkey(this.#dataKey, this.header.vaultId, "signing") };
  }

  /** The recovery phrase in ASCII; undefined in a vault that was made from a key. The caller wipes it. */
  phrase(): Secret | undefined {
    const part = openRecovery(this.#file, this.#dataKey);
    try {
      return part.entropy === undefined ? undefined : phraseOf(part.entropy);
    } finally {
      recoveryCodec.wipe(part);
    }
  }

  /** The imported accounts, which no phrase recovers, with their keys. The caller wipes them. */
  imports(): Keyed[] {
    return openRecovery(this.#file, this.#dataKey).imports.map(({ key }) => evmFromKey(key));
  }

  /** Decodes both parts and recovers every account again, as the header says where from. Throws VAULT_DAMAGED. */
  check(): void {
    const part = openSigning(this.#file, this.#dataKey);
    const signs = part.accounts.map(({ key, retired }) => `${evmFromKey(key).address} ${retired}`);
    signingCodec.wipe(part);
    const recovered = this.#recovered();
    const listed = this.addresses.map(({ address, retired }) => `${address} ${retired}`);
    const same = listed.length === signs.length && listed.every((line, at) => line === signs[at]);
    const addresses = this.addresses.map(({ address }) => address);
    if (
      !same ||
      addresses.some((a) => !recovered.includes(a)) ||
      recovered.some((a) => !addresses.includes(a))
    ) {
      throw new X402Error("VAULT_DAMAGED", "its parts do not belong together");
    }
  }

  /**
   * Applies `edit` to the vault as it is on disk now and writes it. Throws VAULT_BUSY when another command is
   * writing, has replaced the vault or has changed what this edit rests on, USAGE for an account too many, and
   * PHRASE_INVALID for the next account of no phrase; then, as on every error, the file is what it was.
   */
  async change(edit: Edit): Promise<void> {
    const { passphrase, cost, newDataKey, ...rest } = edit;
    const fresh = newDataKey === undefined ? undefined : Secret.random(KEY_BYTES);
    try {
      const wrapped = passphrase && (await this.#wrap(fresh ?? this.#dataKey, passphrase, cost));
      if (fresh !== undefined && wrapped === undefined)
        throw new Error("a new data key needs the passphrase");
      const renewed = fresh === undefined ? {} : { dataKey: fresh };
      this.#replace({ ...rest, ...renewed, ...(wrapped === undefined ? {} : { wrapped }) });
    } catch (error) {
      fresh?.wipe();
      throw error;
    }
    if (fresh === undefined) return;
    this.#dataKey.wipe();
    this.#dataKey = fresh;
  }

  close(): void {
    this.#dataKey.wipe();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #wrap(dataKey: Secret, passphrase: Secret, cost: KdfCost | undefined): Promise<Wrapped> {
    const { vaultId, kdf } = this.header;
    return await wrap(dataKey, vaultId, passphrase, cost ?? costOf(kdf));
  }

  #replace(step: Step): void {
    let next = this.#file;
    replacePrivate(this.#path, MAX_FILE_BYTES, (old) => {
      const current = this.#current(old, step.wrapped !== undefined);
      const generation = Math.max(current.header.generation, this.header.generation) + 1;
      next = advance(current, this.#dataKey, step, generation);
      return sealFile(next, step.dataKey ?? this.#dataKey);
    });
    this.#file = next;
  }

  /** `rewraps`: the change would undo a passphrase or data key that another command has given it meanwhile. */
  #current(bytes: Uint8Array | undefined, rewraps: boolean): VaultFile {
    if (bytes === undefined) throw new X402Error("VAULT_MISSING", this.#path);
    const { header, wrappedKey } = decode(bytes).file;
    if (header.vaultId !== this.header.vaultId) {
      throw new X402Error("VAULT_BUSY", "another vault has taken its place");
    }
    const rewrapped = Buffer.compare(wrappedKey, this.#file.wrappedKey) !== 0;
    try {
      if (!rewrapped || !rewraps) return verify(bytes, this.#dataKey);
    } catch (error) {
      if (!rewrapped) throw error;
    }
    throw new X402Error("VAULT_BUSY", "it has another passphrase or data key by now");
  }

  /** The addresses that the recovery part brings back, at the places of the phrase that the header names. */
  #recovered(): string[] {
    const part = openRecovery(this.#file, this.#dataKey);
    const indexes = this.addresses
      .map(({ origin }) => evmIndex(origin))
      .filter((index) => index !== undefined);
    const { entropy } = part;
    const derived = entropy === undefined ? [] : indexes.map((index) => evmFromPhrase(entropy, index));
    const all = [...derived, ...part.imports.map(({ key }) => evmFromKey(key))];
    for (const { key } of all) key.wipe();
    recoveryCodec.wipe(part);
    return all.map(({ address }) => address);
  }
}

const costOf = ({ memoryKiB, passes, lanes }: KdfCost): KdfCost => ({ memoryKiB, passes, lanes });
