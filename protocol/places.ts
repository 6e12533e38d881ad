// Where things are by default. Pure: the environment and the home folder are parameters.
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** X402_HOME or ~/.x402: the operator's folder, with the vault and the newest head. */
export const x402Home = (env: Environment, homeDirectory: string): string =>
  present(env["X402_HOME"]) ?? join(homeDirectory, ".x402");

/** Where the sockets of a personal signer are: $XDG_RUNTIME_DIR/x402, else X402_HOME/run. */
export function runFolder(env: Environment, homeDirectory: string): string {
  const runtime = present(env["XDG_RUNTIME_DIR"]);
  return runtime === undefined ? join(x402Home(env, homeDirectory), "run") : join(runtime, "x402");
}

/** Where a personal signer keeps its ledger. */
export const stateFolder = (env: Environment, homeDirectory: string): string =>
  join(x402Home(env, homeDirectory), "signer");

/** Of the service, as its units in systemd/ have it: the user it runs as, and where its sockets are. */
export const SERVICE_USER = "x402-signer";
export const SERVICE_RUN = "/run/x402";

export const OPERATOR_SOCKET = "operator.sock";
export const DESK_SOCKET = "desk.sock";
export const OBSERVER_SOCKET = "observer.sock";

export const AGENT_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** The agent that is always there; the policy may give it rules of its own. */
export const DEFAULT_AGENT = "default";

/** The default agent has agent.sock; the others have agents/<name>.sock. */
export const agentSocketName = (agent: string): string =>
  agent === DEFAULT_AGENT ? "agent.sock" : join("agents", `${agent}.sock`);

/** The agent of a socket's name; undefined for another role's, and for what is no socket's name. */
export function agentOfSocket(name: string): string | undefined {
  const agent =
    name === agentSocketName(DEFAULT_AGENT) ? DEFAULT_AGENT : name.slice("agents/".length, -".sock".length);
  return AGENT_NAME.test(agent) && name === agentSocketName(agent) ? agent : undefined;
}

export const isSocketName = (name: string): boolean =>
  [OPERATOR_SOCKET, DESK_SOCKET, OBSERVER_SOCKET].includes(name) || agentOfSocket(name) !== undefined;

const present = (value: string | undefined): string | undefined => (value === "" ? undefined : value);
