// A vault whose passphrase was right: what may be taken out of it, and how it changes.
import { X402Error } from "../protocol/errors.ts";
import type { RailName } from "../protocol/networks.ts";
import { type Accounts, IMPORTED } from "./accounts.ts";
import { type NewPayer, type Step, advance, bareRails } from "./change.ts";
import { openRecovery, sealFile, verify } from "./content.ts";
import { replacePrivate } from "./file.ts";
import { type Account, type Header, MAX_FILE_BYTES, type VaultFile, decode } from "./format.ts";
import type { KdfCost } from "./kdf.ts";
import { KEY_BYTES, subkey } from "./keys.ts";
import { phraseOf } from "./phrase.ts";
import type { ImportedKey } from "./recovery.ts";
import * as recoveryCodec from "./recovery.ts";
import { assertRecovered } from "./recovered.ts";
import { Secret } from "./secret.ts";
import { MAX_ACCOUNTS } from "./signing.ts";
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
  readonly #accounts: Accounts;
  #dataKey: Secret;
  #file: VaultFile;

  constructor(path: string, file: VaultFile, dataKey: Secret, accounts: Accounts) {
    this.#path = path;
    this.#accounts = accounts;
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

  /** The imported accounts, which no phrase recovers, with keys that the caller wipes. */
  imports(): (ImportedKey & { readonly address: string })[] {
    const part = openRecovery(this.#file, this.#dataKey);
    try {
      return this.addresses
        .filter(({ origin }) => origin === IMPORTED)
        .flatMap(({ rail, address }) =>
          part.imports
            .filter((other) => other.rail === rail && this.#accounts.owns(rail, other.key, address))
            .map(({ key }) => ({ rail, address, key: key.copy() })),
        );
    } finally {
      recoveryCodec.wipe(part);
    }
  }

  /** How many accounts of the phrase were used on each rail: what has to stand beside the words. */
  used(): ReadonlyMap<RailName, number> {
    const used = new Map<RailName, number>();
    for (const { rail, origin } of this.addresses) {
      const place = this.#accounts.placeOf(rail, origin);
      if (place !== undefined) used.set(place.rail, Math.max(used.get(place.rail) ?? 0, place.index + 1));
    }
    return used;
  }

  /** Decodes both parts and recovers every account again, as the header says where from. Throws VAULT_DAMAGED. */
  check(): void {
    assertRecovered(this.#file, this.#dataKey, this.#accounts);
  }

  /**
   * Applies `edit` to the vault as it is on disk now and writes it. Returns the accounts that the phrase gave on rails
   * that had none. Throws VAULT_BUSY when another command is writing, has replaced the vault or has changed what this
   * edit rests on, USAGE for an account too many, and PHRASE_INVALID for the next account of no phrase and for a key that
   * is none; then, as on every error, the file is what it was.
   */
  async change(edit: Edit): Promise<readonly Account[]> {
    const { passphrase, cost, newDataKey, ...rest } = edit;
    const fresh = newDataKey === undefined ? undefined : Secret.random(KEY_BYTES);
    try {
      const wrapped = passphrase && (await this.#wrap(fresh ?? this.#dataKey, passphrase, cost));
      if (fresh !== undefined && wrapped === undefined)
        throw new Error("a new data key needs the passphrase");
      const renewed = fresh === undefined ? {} : { dataKey: fresh };
      const gained = this.#replace({ ...rest, ...renewed, ...(wrapped === undefined ? {} : { wrapped }) });
      if (fresh !== undefined) this.#adopt(fresh);
      return gained;
    } catch (error) {
      fresh?.wipe();
      throw error;
    }
  }

  /** Gives a vault whose phrase has no account on some rail its first one there, and returns what it gained. */
  async complete(): Promise<readonly Account[]> {
    const full = this.addresses.length >= MAX_ACCOUNTS;
    if (full || bareRails(this.addresses).length === 0) return [];
    const part = openRecovery(this.#file, this.#dataKey);
    const hasPhrase = part.entropy !== undefined;
    recoveryCodec.wipe(part);
    return hasPhrase ? await this.change({}) : [];
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

  #adopt(dataKey: Secret): void {
    this.#dataKey.wipe();
    this.#dataKey = dataKey;
  }

  #replace(step: Step): readonly Account[] {
    let [next, gained]: [VaultFile, readonly Account[]] = [this.#file, []];
    replacePrivate(this.#path, MAX_FILE_BYTES, (old) => {
      const current = this.#current(old, step.wrapped !== undefined);
      const generation = Math.max(current.header.generation, this.header.generation) + 1;
      ({ file: next, gained } = advance(current, this.#dataKey, step, generation, this.#accounts));
      const dataKey = step.dataKey ?? this.#dataKey;
      if (next.header.accounts.length !== current.header.accounts.length)
        assertRecovered(next, dataKey, this.#accounts);
      return sealFile(next, dataKey);
    });
    this.#file = next;
    return gained;
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
}

const costOf = ({ memoryKiB, passes, lanes }: KdfCost): KdfCost => ({ memoryKiB, passes, lanes });
