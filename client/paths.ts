// The default places, for this process's environment.
import { homedir } from "node:os";
import { join } from "node:path";
import {
  DESK_SOCKET,
  OPERATOR_SOCKET,
  agentSocketName,
  runFolder,
  x402Home as homeOf,
} from "../protocol/places.ts";

export const x402Home = (): string => homeOf(process.env, homedir());

/** X402_SIGNER_SOCK names an agent's socket, as SSH_AUTH_SOCK does. */
export const agentSocket = (agent = "default"): string =>
  process.env["X402_SIGNER_SOCK"] || join(runFolder(process.env, homedir()), agentSocketName(agent));

export const deskSocket = (): string => join(runFolder(process.env, homedir()), DESK_SOCKET);

/** No variable names the operator's socket: whoever sets an environment must not choose who gets the key. */
export const operatorSocket = (): string => join(runFolder(process.env, homedir()), OPERATOR_SOCKET);
