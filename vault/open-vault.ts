// A vault whose passphrase was right: what may be taken out of it, and how it changes.
import { X402Error } from "../protocol/errors.ts";
import { type Keyed, evmFromKey, evmFromPhrase } from "./accounts.ts";
import { advance } from "./change.ts";
import { openRecovery, openSigning, sealFile, verify } from "./content.ts";
import { replacePrivate } from "./file.ts";
import { type Account, type Header, MAX_FILE_BYTES, type VaultFile, decode } from "./format.ts";
import type { KdfCost } from "./kdf.ts";
import { subkey } from "./keys.ts";
import { phraseOf } from "./phrase.ts";
import * as recoveryCodec from "./recovery.ts";
import type { Secret } from "./secret.ts";
import * as signingCodec from "./signing.ts";
import { wrap } from "./wrap.ts";

/** What one `change` may change; an edit without fields only raises the generation. */
export interface Edit {
  /** The ledger of the first unlock. Throws VAULT_OTHER_LEDGER when the vault names another. */
  readonly ledgerId?: string;
  /** A new passphrase, under a fresh salt. */
  readonly passphrase?: Secret;
  readonly cost?: KdfCost;
  /** An EVM key that pays from now on; the accounts before it retire. */
  readonly key?: Secret;
}

export class OpenVault {
  readonly #path: string;
  readonly #dataKey: Secret;
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

  /** Decodes both parts and derives every address again. Throws VAULT_DAMAGED. */
  check(): void {
    const part = openSigning(this.#file, this.#dataKey);
    const recovered = this.#recovered();
    const listed = this.addresses.map(({ address }) => address);
    const signs = part.accounts.map(({ key }) => evmFromKey(key).address);
    signingCodec.wipe(part);
    const same = listed.length === signs.length && listed.every((address, at) => address === signs[at]);
    if (!same || recovered.some((address) => !listed.includes(address))) {
      throw new X402Error("VAULT_DAMAGED", "its parts do not belong together");
    }
  }

  /**
   * Applies `edit` to the vault as it is on disk now and writes it. Throws VAULT_BUSY when another command is
   * writing or has replaced the vault; then, as on every error, the file is what it was.
   */
  async change(edit: Edit): Promise<void> {
    const { vaultId, kdf } = this.header;
    const { passphrase, cost, ...step } = edit;
    const wrapped =
      passphrase === undefined
        ? {}
        : { wrapped: await wrap(this.#dataKey, vaultId, passphrase, cost ?? costOf(kdf)) };
    let next = this.#file;
    replacePrivate(this.#path, MAX_FILE_BYTES, (old) => {
      const current = this.#current(old);
      const generation = Math.max(current.header.generation, this.header.generation) + 1;
      next = advance(current, this.#dataKey, { ...step, ...wrapped }, generation);
      return sealFile(next, this.#dataKey);
    });
    this.#file = next;
  }

  close(): void {
    this.#dataKey.wipe();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #current(bytes: Uint8Array | undefined): VaultFile {
    if (bytes === undefined) throw new X402Error("VAULT_MISSING", this.#path);
    if (decode(bytes).file.header.vaultId !== this.header.vaultId) {
      throw new X402Error("VAULT_BUSY", "another vault has taken its place");
    }
    return verify(bytes, this.#dataKey);
  }

  #recovered(): string[] {
    const part = openRecovery(this.#file, this.#dataKey);
    const derived = part.entropy === undefined ? [] : [evmFromPhrase(part.entropy)];
    const all = [...derived, ...part.imports.map(({ key }) => evmFromKey(key))];
    for (const { key } of all) key.wipe();
    recoveryCodec.wipe(part);
    return all.map(({ address }) => address);
  }
}

const costOf = ({ memoryKiB, passes, lanes }: KdfCost): KdfCost => ({ memoryKiB, passes, lanes });
