// What the endpoints of each network say of payments. One that fails is told of once and asked no more.
import type { Finding, Look, Unresolved } from "../../protocol/finding.ts";
import { type Caip2, type RailName, railOf } from "../../protocol/networks.ts";
import { printable, say } from "../terminal.ts";
import { CardanoChain } from "./reconcile-cardano.ts";
import { Eip3009Chain } from "./reconcile-eip3009.ts";
import { type Endpoint, EndpointFailed } from "./reconcile-endpoint.ts";
import { SolanaChain } from "./reconcile-solana.ts";

/** A chain as one endpoint shows it. Throws EndpointFailed. */
interface Chain {
  /** Undefined when it has nothing to say of this payment. */
  look(payment: Unresolved): Promise<Look | undefined>;
}

const CHAINS: Readonly<Record<RailName, (endpoint: Endpoint) => Promise<Chain>>> = {
  evm: (endpoint) => Eip3009Chain.at(endpoint),
  solana: (endpoint) => SolanaChain.at(endpoint),
  cardano: (endpoint) => CardanoChain.at(endpoint),
};

export class Chains {
  readonly #endpoints: ReadonlyMap<Caip2, readonly Endpoint[]>;
  readonly #chains = new Map<Endpoint, Promise<Chain>>();
  readonly #failed = new Set<Endpoint>();

  constructor(endpoints: ReadonlyMap<Caip2, readonly Endpoint[]>) {
    this.#endpoints = endpoints;
  }

  /** How many endpoints still answer for this network. */
  answers(network: Caip2): number {
    return (this.#endpoints.get(network) ?? []).filter((endpoint) => !this.#failed.has(endpoint)).length;
  }

  /** What each endpoint of their network says of these payments, all endpoints at once. */
  async look(network: Caip2, payments: readonly Unresolved[]): Promise<Finding[]> {
    const endpoints = this.#endpoints.get(network) ?? [];
    return (await Promise.all(endpoints.map((endpoint) => this.#lookAt(endpoint, payments)))).flat();
  }

  async #lookAt(endpoint: Endpoint, payments: readonly Unresolved[]): Promise<Finding[]> {
    const findings: Finding[] = [];
    try {
      for (const payment of payments) {
        if (this.#failed.has(endpoint)) break;
        const { agent, id } = payment;
        const look = await (await this.#chainAt(endpoint)).look(payment);
        if (look) findings.push({ agent, id, endpoint: endpoint.origin, network: endpoint.network, ...look });
      }
    } catch (error) {
      if (!(error instanceof EndpointFailed)) throw error;
      this.#failed.add(endpoint);
      say(`${printable(endpoint.origin)} ${error.message}`);
    }
    return findings;
  }

  #chainAt(endpoint: Endpoint): Promise<Chain> {
    const rail = railOf(endpoint.network);
    if (!rail) throw new TypeError("a network without a rail");
    const chain = this.#chains.get(endpoint) ?? CHAINS[rail](endpoint);
    this.#chains.set(endpoint, chain);
    return chain;
  }
}
