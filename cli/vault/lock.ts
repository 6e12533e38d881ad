// x402-vault lock: the signer wipes its keys, now.
import type { Command } from "commander";
import { operatorCall } from "../../client/signer.ts";
import { keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { say } from "../terminal.ts";
import { describeUnlock } from "./status.ts";

export const addLock = (vault: Command): Command =>
  vault.command("lock").description("make the signer wipe its keys").addOption(socketOption()).action(lock);

async function lock(options: SocketOptions): Promise<void> {
  const status = await withSigner(options.socket, (signer) => operatorCall(signer, "vault.lock", {}));
  keepHead(status.head);
  for (const line of describeUnlock(status)) say(line);
}
