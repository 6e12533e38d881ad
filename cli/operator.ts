// The operator's connection to the signer.
import { Option } from "commander";
import { operatorSocket } from "../client/paths.ts";
import { type SignerConnection, connectSigner } from "../client/signer.ts";
import { assertOwnListener } from "./listener.ts";

export interface SocketOptions {
  socket: string;
}

/** Never from a variable that names a socket: whoever sets an environment must not choose who gets the key. */
export const socketOption = (): Option =>
  new Option("--socket <path>", "the operator's socket of the signer").default(
    operatorSocket(),
    "$XDG_RUNTIME_DIR/x402/operator.sock, else $X402_HOME/run/operator.sock",
  );

/** Connects to a listener that is ours, calls, and closes. Throws LISTENER_UNTRUSTED before it connects. */
export async function withSigner<T>(
  socket: string,
  fn: (signer: SignerConnection) => Promise<T>,
): Promise<T> {
  assertOwnListener(socket);
  const signer = await connectSigner(socket);
  try {
    return await fn(signer);
  } finally {
    signer.close();
  }
}
