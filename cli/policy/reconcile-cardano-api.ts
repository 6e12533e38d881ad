// What is asked of an endpoint of Cardano, whatever it speaks.
import type { TraceOf } from "../../protocol/finding.ts";

/** Blocks that can be rolled back at most (k, "securityParam" of the networks' genesis files; preview has fewer). */
export const DEPTH = 2160;

export interface CardanoBlock {
  /** Height. */
  readonly number: number;
  readonly hash: string;
  readonly slot: number;
}

/** The transaction that spent an output; an empty one for an output that none has spent. */
export interface Spending {
  readonly spentBy?: string;
}

/** The newest block that is final, or shows what is: everything in slots before `slot`. */
export interface Final {
  readonly block: CardanoBlock;
  readonly slot: number;
}

/** One kind of endpoint. Every method throws EndpointFailed. */
export interface CardanoApi {
  /** "networkMagic" of the genesis that it follows. */
  magic(): Promise<number>;
  final(): Promise<Final>;
  /** Undefined when it cannot tell. */
  spending(trace: TraceOf<"cardano">): Promise<Spending | undefined>;
}
