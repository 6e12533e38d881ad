// The operator's connection to the signer.
import { Option } from "commander";
import { operatorSocket } from "../client/paths.ts";
import { type SignerConnection, connectSigner } from "../client/signer.ts";
import { OPERATOR_SOCKET } from "../protocol/places.ts";
import { defaultSocket, describeDefault } from "./default-socket.ts";
import { assertListener } from "./listener.ts";

export interface SocketOptions {
  socket: string;
}

/** Never from a variable that names a socket: whoever sets an environment must not choose who gets the key. */
export const socketOption = (): Option =>
  new Option("--socket <path>", "the operator's socket of the signer").default(
    defaultSocket(operatorSocket(), OPERATOR_SOCKET),
    describeDefault(OPERATOR_SOCKET),
  );

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
