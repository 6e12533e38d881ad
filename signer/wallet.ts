// What the signer holds together: the ledger, the scopes, the keys, and the life of an unlock.
import type { Rail } from "../chains/rail.ts";
import { headroom } from "../policy/evaluate.ts";
import { MAX_USD } from "../policy/schema.ts";
import { X402Error } from "../protocol/errors.ts";
import type { ParamsOf } from "../protocol/methods.ts";
import type { Head, Status } from "../protocol/shapes.ts";
import { parseUsd } from "../protocol/amount.ts";
import type { Credential } from "../vault/credential.ts";
import { type HandoffMessage, type Offer, createOffer } from "../vault/handoff.ts";
import { type SigningPart, decode, wipe } from "../vault/signing.ts";
import { latestFacts } from "./decide.ts";
import { InputLocks } from "./input-locks.ts";
import { type KnownVault, knownVault } from "./known-vault.ts";
import { Keyring, publicAccount } from "./keyring.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { Live } from "./live.ts";
import { Prices } from "./prices.ts";
import { Scopes } from "./scopes.ts";
import type { Limits } from "./unlocks.ts";
import { Turns } from "./turns.ts";

/** By name: docs/deployment.md lists them. */
export type Protections = Readonly<Status["protections"]>;

interface RefusedVault {
  readonly code: "VAULT_REPLACED";
  readonly message: string;
  readonly vault: KnownVault;
}

const SPENT = "what was given is spent";
const MAX_TIMER_MS = 2_147_483_647;

export class Wallet {
  readonly ledger: Ledger;
  /** Those that the policy allowed at the start. */
  rails: ReadonlyMap<string, Rail> = new Map();
  prices: Prices;
  locks = new InputLocks();
  scopes: Scopes;
  live: Live;
  /** What status tells of how this process is shut in. */
  readonly protections: () => Protections;
  readonly keyring = new Keyring();
  readonly turns = new Turns();
  #known: KnownVault | undefined;
  #refused: RefusedVault | undefined;
  #offer: Offer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #spentCheck: NodeJS.Immediate | undefined;

  constructor(ledger: Ledger, protections: () => Protections = () => ({})) {
    this.ledger = ledger;
    this.protections = protections;
    this.prices = new Prices(ledger);
    this.scopes = new Scopes(ledger);
    this.live = new Live(ledger, ledger.latest());
    this.#known = knownVault(ledger);
  }

  /** Once, before anything is asked: what is alive on these rails keeps its inputs. */
  useRails(rails: ReadonlyMap<string, Rail>): void {
    this.rails = rails;
    this.locks.restore(this.ledger, rails, this.ledger.latest());
  }

  /** Reads everything from the ledger again, after the operator accepted another one. */
  reload(): void {
    this.prices = new Prices(this.ledger);
    this.locks = new InputLocks();
    this.useRails(this.rails);
    this.scopes = new Scopes(this.ledger);
    this.live = new Live(this.ledger, this.ledger.latest());
    this.#known = knownVault(this.ledger);
    this.#refused = undefined;
  }

  /** The vault that was refused last and that the operator may accept. */
  get refused(): RefusedVault | undefined {
    return this.#refused;
  }

  /**
   * A head of this ledger that the operator shows, or an agent in a signed receipt. When its row is not here,
   * everything stops until the operator accepts the loss: throws LEDGER_BEHIND.
   */
  seen(head: Head): void {
    if (this.ledger.lacks(head)) this.lock("the ledger has lost rows");
    this.ledger.seen(head);
  }

  /** Active accounts of the vault that was last unlocked here, also while locked. */
  accounts(): { rail: string; address: string }[] {
    const active = this.#known?.accounts.filter((account) => !account.retired) ?? [];
    return active.map(({ rail, address }) => ({ rail, address }));
  }

  /** The key that attests this ledger, by the newest unlock; also while locked. */
  get auditKey(): string | undefined {
    return this.#known?.auditKey;
  }

  payer(rail: string): string | undefined {
    return this.accounts().find((account) => account.rail === rail)?.address;
  }

  /** The vault that was last unlocked here, if there is one. */
  get knownVault(): { vault?: string } {
    return this.#known ? { vault: this.#known.vault } : {};
  }

  /** A one-time key to seal the next unlock to; an earlier offer is void. */
  offer(): string {
    this.#offer?.drop();
    this.#offer = createOffer();
    return this.#offer.publicKey;
  }

  /** Takes the keys over and begins an unlock, in place of the one that runs. */
  unlock(params: ParamsOf<"vault.unlock">, by: object = {}): void {
    const limits = limitsOf(params.scope, this.ledger.now());
    if (params.lastHead && params.lastHead.ledger !== this.ledger.head().ledger)
      throw new X402Error("VAULT_OTHER_LEDGER");
    if (params.lastHead) this.seen(params.lastHead);
    const part = this.#receive(params);
    try {
      this.#refuseOthers(part);
    } catch (error) {
      wipe(part);
      throw error;
    }
    this.keyring.unlock(part, this.rails);
    this.scopes.endUnlock("unlocked again", by);
    this.#begin(part, limits, by);
  }

  #begin(part: SigningPart, limits: Limits, fields: { credential?: string }): void {
    const accounts = part.accounts.map(publicAccount);
    const { vaultId: vault, generation } = part;
    this.#refused = undefined;
    this.#known = { vault, generation, accounts, auditKey: this.keyring.auditKey };
    this.scopes.beginUnlock(limits, { ...this.#known, ...fields });
    this.ledger.checkpoint();
    this.#setTimer(limits.endsAt);
  }

  /**
   * Takes the keys over without a person, at the start: goes on with the unlock that the same credential began, or
   * begins one. Throws CREDENTIAL_ENDED when that unlock has ended, and as unlock does; then all is wiped.
   */
  unlockUnattended(
    { id, spend, count }: Pick<Credential, "id" | "spend" | "count">,
    part: SigningPart,
  ): void {
    try {
      this.ledger.now(); // what grants something needs a clock that is right
      this.#refuseOthers(part);
      if (this.scopes.credentialHasEnded(id)) throw new X402Error("CREDENTIAL_ENDED");
      this.keyring.unlock(part, this.rails);
      if (this.scopes.resumeUnlock(id)) this.ledger.checkpoint();
      else
        this.#begin(
          part,
          { ...(spend && { spend: capped(spend) }), ...(count && { count }) },
          { credential: id },
        );
    } catch (error) {
      this.keyring.lock();
      wipe(part);
      throw error;
    }
    this.endUnlockWhenSpent();
  }

  /** Before the process ends. An unlock that nobody attended waits for the next start; any other is over. */
  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#spentCheck);
    if (this.#isSpent()) this.lock(SPENT);
    const { unlock } = this.scopes;
    if (!unlock) return;
    if (unlock.credential === undefined) {
      this.lock("the signer stopped");
      return;
    }
    this.keyring.stopPaying();
    try {
      this.ledger.checkpoint();
    } finally {
      this.keyring.lock();
    }
  }

  /** Wipes the keys and records why; nothing happens when there are none. The audit key goes last: it signs the end. */
  lock(reason: string, by: object = {}): void {
    clearTimeout(this.#timer);
    this.keyring.stopPaying();
    try {
      if (this.scopes.endUnlock(reason, by)) this.ledger.checkpoint();
    } finally {
      this.keyring.lock();
    }
  }

  endUnlockIfOver(now: number): void {
    const { unlock } = this.scopes;
    const endsAt = unlock?.scope.endsAt;
    if (endsAt === undefined || now < endsAt || !this.keyring.unlocked) return;
    this.keyring.stopPaying();
    // Not here: a row of its own cannot be written inside the commit that asks. The next unlock may come before it.
    setImmediate(() => {
      if (this.scopes.unlock === unlock) this.lock("the time was over");
    });
  }

  /**
   * Locks when the unlock's spend or count is used up. Not at once: every payment of the commit that used it up still
   * has to be signed, which happens before the event loop turns.
   */
  endUnlockWhenSpent(): void {
    if (this.#spentCheck || this.scopes.unlock?.scope.policy.budgets.length === 0) return;
    this.#spentCheck = setImmediate(() => {
      this.#spentCheck = undefined;
      if (this.#isSpent()) this.lock(SPENT);
    });
  }

  #isSpent(): boolean {
    const unlock = this.scopes.unlock?.scope.id;
    // What waits has taken fuel and still needs the keys.
    const waits = [...this.ledger.holds.open()].some(({ booked }) =>
      booked.some(({ key }) => key.startsWith(`${unlock ?? ""}|`)),
    );
    return !waits && this.fuel().some((check) => check.left === 0n);
  }

  /** The limits of the unlock that runs, with what is left. */
  fuel() {
    const scope = this.scopes.unlock?.scope;
    return scope ? (headroom([scope], latestFacts(this))[0]?.checks ?? []) : [];
  }

  #receive(message: HandoffMessage): SigningPart {
    const offer = this.#offer;
    if (!offer) throw new X402Error("INVALID_REQUEST", "ask for an offer first");
    this.#offer = undefined;
    const plaintext = offer.open(message);
    try {
      return decode(plaintext);
    } finally {
      plaintext.fill(0);
    }
  }

  #refuseOthers({ ledgerId, vaultId, generation, accounts }: SigningPart): void {
    if (ledgerId !== this.ledger.head().ledger) throw new X402Error("VAULT_OTHER_LEDGER");
    const known = this.#known;
    if (!known || (known.vault === vaultId && generation >= known.generation)) return;
    const why =
      known.vault === vaultId
        ? "this is an old copy of the vault"
        : "this signer was unlocked with another vault";
    const error = new X402Error("VAULT_REPLACED", why);
    const vault = { vault: vaultId, generation, accounts: accounts.map(publicAccount) };
    this.#refused = { code: "VAULT_REPLACED", message: error.message, vault };
    throw error;
  }

  #setTimer(endsAt: number | undefined): void {
    clearTimeout(this.#timer);
    if (endsAt === undefined) return;
    const wait = Math.min(Math.max(endsAt - this.ledger.latest(), 0), MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      if (this.ledger.latest() >= endsAt) this.lock("the time was over");
      else this.#setTimer(endsAt);
    }, wait);
    this.#timer.unref();
  }
}

function limitsOf(scope: ParamsOf<"vault.unlock">["scope"], now: number): Limits {
  const endsAt = scope.endsAt === undefined ? undefined : Date.parse(scope.endsAt);
  if (endsAt !== undefined && endsAt <= now)
    throw new X402Error("INVALID_REQUEST", "the unlock would end in the past");
  const spend = scope.spend === undefined ? undefined : parseUsd(scope.spend, "spend");
  return {
    ...(endsAt === undefined ? {} : { endsAt }),
    ...(spend === undefined ? {} : { spend: capped(spend) }),
    ...(scope.count === undefined ? {} : { count: BigInt(scope.count) }),
  };
}

/** A counter on disk has 64 bits: one payment within an absurd limit would end the signer. */
function capped(spend: bigint): bigint {
  if (spend <= MAX_USD) return spend;
  throw new X402Error("INVALID_REQUEST", "spend is at most 1000000000");
}
