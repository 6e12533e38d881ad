// What a rail is: pure functions from an order to bytes, from bytes to an outflow, from bytes and a key to a payload.
// Time, nonce and randomness are parameters. A rail opens nothing and remembers nothing.
import type { Outflow, PinnedAsset } from "../protocol/assets.ts";
import type { Code } from "../protocol/errors.ts";
import type { Doubt, Finding, Trace } from "../protocol/finding.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import type { Json } from "../protocol/json.ts";

export interface Order {
  readonly intent: PaymentIntent;
  readonly asset: PinnedAsset;
  /** The paying account, as the rail writes addresses. */
  readonly from: string;
  /** 32 bytes, a function of the agent and the intent's id alone: the same intent can have no second nonce. */
  readonly nonce: Uint8Array;
  /** Unix seconds, by the signer's clock. */
  readonly validBefore: number;
}

export interface Draft {
  /** Exactly what would be signed. */
  readonly bytes: Uint8Array;
  /** Read from `bytes`, not from the order. */
  readonly outflow: Outflow;
  /** Unix seconds at which the authorization is dead by the signer's clock. */
  readonly expires: number;
}

/** An expected no; a decline with this code. */
export interface Refusal {
  readonly refused: Code;
}

/** A key that lends its bytes for the time of one call. */
export interface KeyHolder {
  use<T>(fn: (bytes: Uint8Array) => T): T;
}

export interface Rail {
  /** May be asynchronous: other rails' libraries are. */
  draft(order: Order, context: unknown): Draft | Refusal | Promise<Draft | Refusal>;
  /** Closed world: accepts only what `draft` can make for this asset. */
  decode(bytes: Uint8Array, asset: PinnedAsset): Outflow | Refusal;
  /** Deterministic: the same bytes and key give the same payload. */
  sign(bytes: Uint8Array, key: KeyHolder): Json;
  /** What the chain is to be asked about an authorization. */
  trace(bytes: Uint8Array): Trace;
  /** What one look at the chain proves of it: that it can never be used, that it was, or nothing and why. */
  proof(bytes: Uint8Array, look: Pick<Finding, "block" | "finalized" | "seen">): "dead" | "used" | Doubt;
  /** The address that a key pays from. */
  addressOf(key: KeyHolder): string;
  /** True when the key signs a test digest that recovers to `address`: a damaged key signs for nobody. */
  selfTest(key: KeyHolder, address: string): boolean;
}
