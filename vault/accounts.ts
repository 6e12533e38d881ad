// From a phrase or a key to accounts, on every rail that the vault knows.
import { loadEd25519 } from "../chains/ed25519.ts";
import { cardanoAddressOn } from "../protocol/cardano-address.ts";
import { X402Error } from "../protocol/errors.ts";
import { RAIL_NAMES, type RailName } from "../protocol/networks.ts";
import { cardanoAccounts } from "./cardano-account.ts";
import { evmAccounts } from "./evm-account.ts";
import type { Secret } from "./secret.ts";
import { solanaAccounts } from "./solana-account.ts";

/** The origin of an account that no phrase recovers. */
export const IMPORTED = "imported";

const INDEX = /^(0|[1-9][0-9]{0,8})$/;

export interface DerivedKey {
  readonly address: string;
  readonly key: Secret;
}

export interface Keyed extends DerivedKey {
  readonly rail: RailName;
  /** The path in the phrase, or `IMPORTED`. */
  readonly origin: string;
}

/** A key without a phrase. `key` is as docs/vault-format.md has it for the rail. */
export interface BareKey {
  readonly key: Secret;
  /** "evm" unless told otherwise. */
  readonly rail?: RailName;
  /** On Cardano, the address that the payment key belongs to, of any network; without it, the one without a stake part. */
  readonly address?: string;
}

/** An account of a phrase. */
export interface Place {
  readonly rail: RailName;
  readonly index: number;
}

/** How one rail does it. */
export interface Derivation {
  /** What stands before and behind the index in a path. */
  readonly branch: readonly [before: string, behind: string];
  /** The account at `index` of the phrase with this entropy. */
  fromPhrase(entropy: Secret, index: number): DerivedKey;
  /** The address of a key on its own. Throws PHRASE_INVALID for what is no key of the rail. */
  addressOf(key: Secret): string;
  /** Whether the key pays from the address. Throws PHRASE_INVALID for what is no key of the rail. */
  owns(key: Secret, address: string): boolean;
}

export class Accounts {
  readonly #rails: Readonly<Record<RailName, Derivation>>;

  private constructor(rails: Readonly<Record<RailName, Derivation>>) {
    this.#rails = rails;
  }

  static async load(): Promise<Accounts> {
    const ed25519 = await loadEd25519();
    return new Accounts({
      evm: evmAccounts,
      solana: solanaAccounts(ed25519),
      cardano: cardanoAccounts(ed25519),
    });
  }

  /** An account of a phrase, the first unless told otherwise. */
  fromPhrase(rail: RailName, entropy: Secret, index = 0): Keyed {
    return { rail, origin: this.path(rail, index), ...this.#rails[rail].fromPhrase(entropy, index) };
  }

  /** The account of a bare key, which it adopts. Throws PHRASE_INVALID, also for another key's address. */
  fromKey({ rail = "evm", key, address: given }: BareKey): Keyed {
    const own = this.#rails[rail].addressOf(key);
    const address = given === undefined ? own : this.#checked(rail, key, given);
    return { rail, address, origin: IMPORTED, key };
  }

  /** Whether the key pays from the address; false for a rail or a key that is not known. */
  owns(rail: string, key: Secret, address: string): boolean {
    try {
      return isRail(rail) && this.#rails[rail].owns(key, address);
    } catch (error) {
      if (error instanceof X402Error) return false;
      throw error;
    }
  }

  path(rail: RailName, index: number): string {
    const [before, behind] = this.#rails[rail].branch;
    return `${before}${index}${behind}`;
  }

  /** Which account of the phrase an origin names; undefined for one that no phrase recovers. */
  placeOf(rail: string, origin: string): Place | undefined {
    if (!isRail(rail)) return undefined;
    const [before, behind] = this.#rails[rail].branch;
    const index = origin.slice(before.length, origin.length - behind.length);
    const known = INDEX.test(index) && this.path(rail, Number(index)) === origin;
    return known ? { rail, index: Number(index) } : undefined;
  }

  #checked(rail: RailName, key: Secret, given: string): string {
    const address = rail === "cardano" ? cardanoAddressOn("cardano:mainnet", given) : given;
    if (address === undefined) {
      throw new X402Error("PHRASE_INVALID", "the address is none that a key of Cardano pays from");
    }
    if (!this.#rails[rail].owns(key, address)) {
      throw new X402Error("PHRASE_INVALID", "the address is not this key's");
    }
    return address;
  }
}

const isRail = (text: string): text is RailName => (RAIL_NAMES as readonly string[]).includes(text);
