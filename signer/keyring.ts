// The unlocked keys, in memory only, and their end.
import { createHmac } from "node:crypto";
import type { KeyHolder, Rail } from "../chains/rail.ts";
import type { AttestationType } from "../protocol/audit-jws.ts";
import { X402Error } from "../protocol/errors.ts";
import type { Secret } from "../vault/secret.ts";
import { type SigningAccount, type SigningPart, wipe } from "../vault/signing.ts";
import { AuditKey } from "./attest.ts";

/** Nobody's. */
const WORTHLESS: KeyHolder = { use: (fn) => fn(new Uint8Array(32).fill(1)) };

export class Keyring {
  #part: SigningPart | undefined;
  #rails: ReadonlyMap<string, Rail> = new Map();
  #audit: AuditKey | undefined;

  /** False as soon as nothing can be paid with any more. */
  get unlocked(): boolean {
    return this.#part !== undefined;
  }

  /**
   * Takes over the part, after each key has signed a test digest that recovers to its address. A key that does not is
   * damaged: everything is wiped and VAULT_DAMAGED thrown.
   */
  unlock(part: SigningPart, rails: ReadonlyMap<string, Rail>): void {
    const bad = part.accounts.find(
      ({ rail, key, address }) => rails.get(rail)?.selfTest(key, address) === false,
    );
    if (bad) {
      forget(part, rails);
      throw new X402Error("VAULT_DAMAGED", `the key of ${bad.address} does not sign for it`);
    }
    this.lock();
    this.#part = part;
    this.#rails = rails;
    this.#audit = new AuditKey(part.auditKey);
  }

  /** Wipes what pays. The audit key stays until `lock`, to sign how the unlock ended. */
  stopPaying(): void {
    if (this.#part) forget(this.#part, this.#rails);
    this.#part = undefined;
  }

  /** Wipes every key. */
  lock(): void {
    this.stopPaying();
    this.#audit?.drop();
    this.#audit = undefined;
  }

  /** The public half of the audit key, in base64url. Throws SIGNER_LOCKED. */
  get auditKey(): string {
    if (!this.#audit) throw new X402Error("SIGNER_LOCKED");
    return this.#audit.publicKey;
  }

  /** Signs what the signer says of its record; undefined while it is locked. */
  attest(type: AttestationType, payload: object): string | undefined {
    return this.#audit?.attest(type, payload);
  }

  /** The address that new payments on a rail come from. */
  payer(rail: string): string | undefined {
    return this.#part?.accounts.find((account) => account.rail === rail && !account.retired)?.address;
  }

  /** Retired accounts included: an old draft is repeated with its own key. Throws SIGNER_LOCKED. */
  key(rail: string, address: string): Secret {
    const account = this.#unlocked().accounts.find((a) => a.rail === rail && a.address === address);
    if (!account) throw new X402Error("SIGNER_LOCKED", "the vault that is open has no key for this account");
    return account.key;
  }

  /**
   * The 32-byte nonce of an intent: HMAC-SHA256 over length-prefixed label, agent and intent id. No terms are in it,
   * so changed terms cannot make a second nonce: the chain takes the first authorization or the second, never both.
   */
  nonce(label: string, agent: string, intentId: string): Uint8Array {
    return this.#unlocked().nonceKey.use((key) => {
      const message = Buffer.concat([label, agent, intentId].map(lengthPrefixed));
      return createHmac("sha256", key).update(message).digest();
    });
  }

  #unlocked(): SigningPart {
    if (!this.#part) throw new X402Error("SIGNER_LOCKED");
    return this.#part;
  }
}

/**
 * Wipes every key of a part, and what they left in the memory of the libraries that signed with them: libsecp256k1 keeps
 * on its stack the last key and nonce that it worked with, where nobody else can write. The next ones take their place.
 */
function forget(part: SigningPart, rails: ReadonlyMap<string, Rail>): void {
  wipe(part);
  for (const rail of rails.values()) rail.selfTest(WORTHLESS, "");
}

/** Public side of an account, as the ledger records it at unlock. */
export const publicAccount = ({ rail, address, retired }: SigningAccount) => ({ rail, address, retired });

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  const out = Buffer.allocUnsafe(4 + bytes.length);
  out.writeUInt32BE(bytes.length);
  out.set(bytes, 4);
  return out;
}
