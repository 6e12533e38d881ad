// The operator's connection to the signer.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Option } from "commander";
import { operatorSocket } from "../client/paths.ts";
import { type SignerConnection, connectSigner } from "../client/signer.ts";
import { OPERATOR_SOCKET, SERVICE_RUN } from "../protocol/places.ts";
import { assertListener } from "./listener.ts";

export interface SocketOptions {
  socket: string;
}

/** Never from a variable that names a socket: whoever sets an environment must not choose who gets the key. */
export const socketOption = (): Option =>
  new Option("--socket <path>", "the operator's socket of the signer").default(
    chosenSocket(),
    `$XDG_RUNTIME_DIR/x402/operator.sock, else $X402_HOME/run/operator.sock, else ${SERVICE_SOCKET}`,
  );

const SERVICE_SOCKET = join(SERVICE_RUN, OPERATOR_SOCKET);

/** A signer of one's own comes first; the service's only where there is none. */
function chosenSocket(): string {
  const personal = operatorSocket();
  return !existsSync(personal) && existsSync(SERVICE_SOCKET) ? SERVICE_SOCKET : personal;
}

/**
 * Connects to a listener that can be trusted, calls, and closes. Throws LISTENER_UNTRUSTED before it sends anything.
 */
export async function withSigner<T>(
  socket: string,
  fn: (signer: SignerConnection) => Promise<T>,
): Promise<T> {
  const signer = await connectSigner(socket, assertListener(socket));
  try {
    return await fn(signer);
  } finally {
    signer.close();
  }
}
