// What the endpoints of each network say of payments. One that fails is told of once and asked no more.
import type { Finding, Unresolved } from "../../protocol/finding.ts";
import type { Caip2 } from "../../protocol/networks.ts";
import { printable, say } from "../terminal.ts";
import { Eip3009Chain } from "./reconcile-eip3009.ts";
import { type Endpoint, EndpointFailed } from "./reconcile-endpoint.ts";

export class Chains {
  readonly #endpoints: ReadonlyMap<Caip2, readonly Endpoint[]>;
  readonly #chains = new Map<Endpoint, Promise<Eip3009Chain>>();
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
        findings.push({ agent, id, endpoint: endpoint.origin, network: endpoint.network, ...look });
      }
    } catch (error) {
      if (!(error instanceof EndpointFailed)) throw error;
      this.#failed.add(endpoint);
      say(`${printable(endpoint.origin)} ${error.message}`);
    }
    return findings;
  }

  #chainAt(endpoint: Endpoint): Promise<Eip3009Chain> {
    const chain = this.#chains.get(endpoint) ?? Eip3009Chain.at(endpoint);
    this.#chains.set(endpoint, chain);
    return chain;
  }
}
