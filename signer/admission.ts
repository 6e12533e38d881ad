// Who may use which socket, by the kernel's word on who calls.
//
// A list, from the command line or from the policy (agents.<name>.uid), holds whatever the socket's mode is. Without one
// a socket that the signer has made is for its own user, and one that systemd has made is for whoever its mode lets in.
// Root is not kept out: it could become any of them. Where the kernel cannot be asked, modes are all there is.
import { X402Error } from "../protocol/errors.ts";
import { DESK_SOCKET, OBSERVER_SOCKET, OPERATOR_SOCKET, agentOfSocket } from "../protocol/places.ts";
import type { DaemonOptions } from "./daemon.ts";
import type { Peer, Role } from "./sockets/role.ts";

type Options = Pick<DaemonOptions, "allow" | "inherited" | "peerOf">;

/**
 * The `admits` of each socket. `uidOf`: the user that the policy in force gives an agent. Throws USAGE for a list of
 * the command line that could not be enforced; one of the policy then admits nobody.
 */
export function admissionOf(
  { allow, inherited, peerOf }: Options,
  uidOf: (agent: string) => number | undefined,
): (socket: string) => NonNullable<Role["admits"]> {
  if (allow && !peerOf) {
    const hint =
      "leave the lists out and let each socket's mode and group say who may, or use a Node with node:ffi";
    throw new X402Error("USAGE", "who calls cannot be asked here, so a list of users does not hold", {
      hint,
    });
  }
  const own = process.getuid?.();
  const otherwise = inherited
    ? () => true
    : (peer: Peer | undefined) => !peer || peer.uid === own || peer.uid === 0;
  const listOf = (socket: string): readonly number[] | undefined => {
    if (socket === OPERATOR_SOCKET) return allow?.operator;
    if (socket === DESK_SOCKET) return allow?.desk;
    if (socket === OBSERVER_SOCKET) return allow?.observer;
    const agent = agentOfSocket(socket);
    const uid = agent === undefined ? undefined : uidOf(agent);
    return uid === undefined ? undefined : [uid];
  };
  return (socket) => (peer) => {
    const list = listOf(socket);
    if (!list) return otherwise(peer);
    return peer !== undefined && (peer.uid === 0 || list.includes(peer.uid));
  };
}
