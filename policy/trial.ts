// A document tried on payments, without a signer: the same decision, on counters of its own. Sessions and unlocks are
// not part of it; they narrow what the document allows, and only a signer knows them.
import { type PinnedAsset, assetKey } from "../protocol/assets.ts";
import type { Caip2 } from "../protocol/networks.ts";
import { Books } from "./books.ts";
import { scopesUnder } from "./chain.ts";
import type { Household } from "./document.ts";
import { type Addition, type Check, type Decision, type Payment, additions, evaluate } from "./evaluate.ts";
import type { Scope } from "./scope.ts";

export class Trial {
  readonly household: Household;
  readonly books = new Books();
  readonly #chains = new Map<string, readonly Scope[]>();

  constructor(household: Household) {
    this.household = household;
  }

  /** The asset as the document knows it. */
  asset(network: Caip2, address: string): PinnedAsset | undefined {
    return this.household.registry.get(assetKey(network, address));
  }

  /** Decides as of `books.now`; what is allowed is counted. */
  pay(payment: Payment): Decision {
    const decision = evaluate(this.#scopes(payment.agent), payment, this.books);
    this.books.add(decision.add);
    return decision;
  }

  /** Counts a payment that was made, whatever the document says of it. */
  count(payment: Payment): readonly Addition[] {
    const add = this.additions(payment);
    this.books.add(add);
    return add;
  }

  additions(payment: Payment): Addition[] {
    const { now, unlock } = this.books;
    return additions(this.#scopes(payment.agent), payment, now, unlock);
  }

  #scopes(agent: string): readonly Scope[] {
    const known = this.#chains.get(agent);
    if (known) return known;
    const chain = scopesUnder(this.household, agent);
    this.#chains.set(agent, chain);
    return chain;
  }
}

/** A payment of a token that the document does not know is refused before any rule is asked. */
export const ASSET_UNKNOWN: Check = {
  scope: "household",
  rule: "draft",
  code: "ASSET_UNKNOWN",
  ok: false,
  claimed: false,
};
