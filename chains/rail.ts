// What a rail is: pure functions from an order to bytes, from bytes to an outflow, from bytes and a key to a payload.
// Time, nonce and randomness are parameters. A rail opens nothing and remembers nothing.
import type { Outflow, PinnedAsset } from "../protocol/assets.ts";
import type { Code } from "../protocol/errors.ts";
import type { Doubt, Look, Trace } from "../protocol/finding.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import type { Json } from "../protocol/json.ts";
import type { Caip2 } from "../protocol/networks.ts";

export interface Order {
  readonly intent: PaymentIntent;
  readonly asset: PinnedAsset;
  /** The paying account, as the rail writes addresses on the intent's network. */
  readonly from: string;
  /** 32 bytes, a function of the agent and the intent's id alone: the same intent can have no second nonce. */
  readonly nonce: Uint8Array;
  /** Unix seconds, by the signer's clock. */
  readonly validBefore: number;
  /** Inputs that other live payments spend, as unix seconds until when; undefined for a free one. */
  readonly lockedUntil: (input: string) => number | undefined;
  /** The draft is made to be priced: it may rest on a context that no chain has, and is never signed. */
  readonly forQuote?: true;
  /** The newest draft of the same intent, which is over by our clock. A rail that redrafts binds the new one to it. */
  readonly before?: Uint8Array;
}

export interface Draft {
  /** Exactly what would be signed. */
  readonly bytes: Uint8Array;
  /** Read from `bytes`, not from the order. */
  readonly outflow: Outflow;
  /** Unix seconds at which the authorization is over by the signer's clock. */
  readonly expires: number;
}

/** An expected no; a decline with this code. */
export interface Refusal {
  readonly refused: Code;
  /** Unix seconds: when asking again may help. */
  readonly until?: number;
}

/** A key that lends its bytes for the time of one call. */
export interface KeyHolder {
  use<T>(fn: (bytes: Uint8Array) => T): T;
}

export interface Rail {
  /** The first part of a nonce's HMAC input: what kind of nonce it is. */
  readonly nonceLabel: string;
  /**
   * May an intent whose draft is over by our clock have another? EVM: yes, with the same nonce. Cardano: yes, if it
   * spends the same input. Solana: no; nothing but the chain tells that the first one is dead.
   */
  readonly redrafts: boolean;
  /** May be asynchronous. `context` is protocol/context.ts's, unread. */
  draft(order: Order, context: unknown): Draft | Refusal | Promise<Draft | Refusal>;
  /** Closed world: accepts only what `draft` can make for this asset and this paying account. */
  decode(bytes: Uint8Array, asset: PinnedAsset, from: string): Outflow | Refusal;
  /** Deterministic: the same bytes and key give the same payload. */
  sign(bytes: Uint8Array, key: KeyHolder): Json;
  /** What no other live payment may spend: inputs, named as on the chain. Empty where a chain has none. */
  locks(bytes: Uint8Array): readonly string[];
  /** What the chain is to be asked about an authorization. */
  trace(bytes: Uint8Array): Trace;
  /** What one look at the chain proves of it: that it can never be used, that it was, or nothing and why. */
  proof(bytes: Uint8Array, look: Look): "dead" | "used" | Doubt;
  /** The address that a key pays from; on Cardano without a stake part, on mainnet. */
  addressOf(key: KeyHolder): string;
  /** How the account of this address is written on a network; undefined where it cannot be. */
  addressOn(network: Caip2, address: string): string | undefined;
  /** True when the key is this address's and signs: a damaged key signs for nobody. */
  selfTest(key: KeyHolder, address: string): boolean;
}
