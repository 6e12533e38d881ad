// Which sockets there are, and what each may ask.
import { DESK_SOCKET, OBSERVER_SOCKET, OPERATOR_SOCKET, agentSocketName } from "../protocol/places.ts";
import { agentRole } from "./agent.ts";
import { deskRole } from "./desk.ts";
import type { DecisionLog } from "./log.ts";
import { observerRole } from "./observer.ts";
import { operatorRole } from "./operator.ts";
import type { Role } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

/** By socket name, the agents' first. */
export function rolesOf(wallet: Wallet, agents: readonly string[], log: DecisionLog): Map<string, Role> {
  return new Map([
    ...agents.map((agent) => [agentSocketName(agent), agentRole(wallet, agent, log)] as const),
    [OPERATOR_SOCKET, operatorRole(wallet, agents)],
    [DESK_SOCKET, deskRole(wallet)],
    [OBSERVER_SOCKET, observerRole(wallet)],
  ]);
}
