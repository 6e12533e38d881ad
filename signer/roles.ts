// Which sockets there are, and what each may ask.
import {
  DESK_SOCKET,
  OBSERVER_SOCKET,
  OPERATOR_SOCKET,
  agentOfSocket,
  agentSocketName,
} from "../protocol/places.ts";
import { agentRole } from "./agent.ts";
import { deskRole } from "./desk.ts";
import type { Journal } from "./journal.ts";
import { type Watched, observerRole } from "./observer.ts";
import { operatorRole } from "./operator.ts";
import type { Role } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

interface Around {
  readonly journal: Journal;
  readonly watched: Watched;
  readonly admissionOf: (socket: string) => NonNullable<Role["admits"]>;
}

/** The names of the sockets that a policy with these agents asks for. */
export const socketNames = (agents: readonly string[]): string[] => [
  ...agents.map(agentSocketName),
  OPERATOR_SOCKET,
  DESK_SOCKET,
  OBSERVER_SOCKET,
];

/** By socket name. */
export function rolesOf(wallet: Wallet, sockets: readonly string[], around: Around): Map<string, Role> {
  const agents = sockets.flatMap((socket) => agentOfSocket(socket) ?? []);
  const roleOf = (socket: string): Role => {
    const agent = agentOfSocket(socket);
    if (agent !== undefined) return agentRole(wallet, agent, around.journal);
    if (socket === OPERATOR_SOCKET) return operatorRole(wallet, agents);
    return socket === DESK_SOCKET ? deskRole(wallet) : observerRole(wallet, around.watched);
  };
  return new Map(
    sockets.map((socket) => [socket, { ...roleOf(socket), admits: around.admissionOf(socket) }] as const),
  );
}
