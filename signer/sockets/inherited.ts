// Sockets that systemd has opened for us: sd_listen_fds(3). They begin at descriptor 3, and LISTEN_FDNAMES has their
// names (FileDescriptorName= of the socket unit), which here are those of protocol/places.ts: agent.sock,
// agents/<name>.sock, operator.sock, desk.sock, observer.sock.
import { X402Error } from "../../protocol/errors.ts";
import { isSocketName } from "../../protocol/places.ts";

const FIRST_FD = 3;
/** One for each agent that a policy may have, and some. */
const MAX_FDS = 128;

export const LISTEN_VARIABLES = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] as const;

/**
 * Name -> descriptor, or undefined when there are none for this process. Throws USAGE for names that are none of ours,
 * come twice or are fewer than the descriptors: who set this up meant something that would not hold.
 */
export function inheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): ReadonlyMap<string, number> | undefined {
  const { LISTEN_PID: listenPid, LISTEN_FDS: fds = "", LISTEN_FDNAMES: fdNames = "" } = env;
  // Somebody else's: variables are inherited, descriptors that are marked so are not.
  if (listenPid !== String(pid)) return undefined;
  const count = /^[1-9][0-9]{0,2}$/.test(fds) ? Number(fds) : 0;
  if (count === 0 || count > MAX_FDS) throw new X402Error("USAGE", "LISTEN_FDS is no number of sockets");
  const names = fdNames.split(":");
  const bad = names.find((name, at) => !isSocketName(name) || names.indexOf(name) !== at);
  if (bad !== undefined || names.length !== count) {
    const hint =
      "FileDescriptorName= of each socket unit is agent.sock, agents/<name>.sock, operator.sock, ...";
    throw new X402Error("USAGE", `${count} sockets are named ${JSON.stringify(fdNames)}`, { hint });
  }
  return new Map(names.map((name, at) => [name, FIRST_FD + at]));
}
